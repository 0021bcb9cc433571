//! Paths of the API, whose segments are encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{MAX_LEN, Place, PlaceError, Source};

/// What is in no segment of a URL as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl Place {
    /// At which its values are.
    pub(in super::super) fn data(&self) -> String {
        match self.source {
            Source::KvV1 | Source::Creds | Source::StaticCreds | Source::Certificate(_) => {
                self.of_mount(None, &self.path)
            }
            Source::KvV2 => self.of_mount(Some("data"), &self.path),
        }
    }

    /// At which is said what there is, without a value: versions, or a role. None where nothing is.
    pub(in super::super) fn metadata(&self) -> Option<String> {
        match self.source {
            Source::KvV1 => None,
            Source::KvV2 => Some(self.of_mount(Some("metadata"), &self.path)),
            Source::Creds | Source::StaticCreds | Source::Certificate(_) => {
                Some(self.of_mount(self.roles(), self.name()))
            }
        }
    }

    /// What is made once for each owner: all fields are of it.
    pub(in super::super) fn made_once(&self) -> String {
        match &self.source {
            // Encoded, as all before it is: what follows the first '?' is the name.
            Source::Certificate(name) => format!("{}?{name}", self.data()),
            _ => self.data(),
        }
    }

    /// The mount, as paths begin with it.
    pub(in super::super) fn mount(&self) -> &str {
        &self.mount
    }

    /// At which a version is removed; none where there are no versions.
    pub(in super::super) fn delete(&self) -> Option<String> {
        (self.source == Source::KvV2).then(|| self.of_mount(Some("delete"), &self.path))
    }

    /// At which a password is replaced; none where the server has nobody's to replace.
    pub(in super::super) fn rotation(&self) -> Option<String> {
        (self.source == Source::StaticCreds).then(|| self.of_mount(Some("rotate-role"), self.name()))
    }

    /// Of the folder that it is in, and its name there.
    pub(in super::super) fn folder(&self) -> Option<(String, &str)> {
        let (name, folder) = self.path.split_last()?;
        let path = match self.source {
            Source::KvV1 => self.of_mount(None, folder),
            Source::KvV2 => self.of_mount(Some("metadata"), folder),
            Source::Creds | Source::StaticCreds | Source::Certificate(_) => self.of_mount(self.roles(), &[]),
        };
        Some((path, name))
    }

    /// Where its roles are said.
    fn roles(&self) -> Option<&'static str> {
        match self.source {
            Source::KvV1 | Source::KvV2 => None,
            Source::Creds | Source::Certificate(_) => Some("roles"),
            Source::StaticCreds => Some("static-roles"),
        }
    }

    /// The last segment.
    fn name(&self) -> &[Box<str>] {
        self.path.split_last_chunk::<1>().map_or(&[], |(_, name)| name)
    }

    fn of_mount(&self, part: Option<&str>, path: &[Box<str>]) -> String {
        let path = (!path.is_empty()).then(|| encoded(path));
        let parts = [Some(&*self.mount), part, path.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    }
}

pub(super) fn segments(path: &str) -> Result<Vec<Box<str>>, PlaceError> {
    if path.len() > MAX_LEN {
        return Err(PlaceError::TooLong);
    }
    let checked = |segment: &str| match segment {
        "" => Err(PlaceError::EmptySegment),
        "." | ".." => Err(PlaceError::Dots),
        _ if segment.contains(char::is_control) => Err(PlaceError::Control),
        _ => Ok(segment.into()),
    };
    path.split('/').map(checked).collect()
}

/// Segments as a URL has them.
pub(super) fn encoded(segments: &[Box<str>]) -> String {
    let encoded: Vec<_> = segments.iter().map(|segment| utf8_percent_encode(segment, ENCODED).to_string()).collect();
    encoded.join("/")
}

/// The path of a mount of the server's own, such as `auth/approle`: the segments, encoded.
pub(in super::super) fn mount_path(text: &str) -> Result<String, PlaceError> {
    segments(text).map(|segments| encoded(&segments))
}
