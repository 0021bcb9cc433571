//! API paths, with percent-encoded segments.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{MAX_LEN, SecretKind, VaultPath, VaultPathError};

/// The characters that are encoded in a segment.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl VaultPath {
    /// Returns the path that reads or issues the secret.
    pub(in super::super) fn read_path(&self) -> String {
        match self.kind {
            SecretKind::KvV1 | SecretKind::Creds | SecretKind::StaticCreds | SecretKind::Certificate(_) => {
                self.join(None, &self.path)
            }
            SecretKind::KvV2 => self.join(Some("data"), &self.path),
        }
    }

    /// Returns the path of the metadata or role. `None` for KV version 1.
    pub(in super::super) fn metadata_path(&self) -> Option<String> {
        match self.kind {
            SecretKind::KvV1 => None,
            SecretKind::KvV2 => Some(self.join(Some("metadata"), &self.path)),
            SecretKind::Creds | SecretKind::StaticCreds | SecretKind::Certificate(_) => {
                Some(self.join(self.roles_segment(), self.name()))
            }
        }
    }

    /// Returns the key of a dynamic secret, which is issued once per owner and shared by its
    /// fields.
    pub(in super::super) fn issue_key(&self) -> String {
        match &self.kind {
            // The path is encoded, so the first `?` begins the common name.
            SecretKind::Certificate(name) => format!("{}?{name}", self.read_path()),
            _ => self.read_path(),
        }
    }

    /// Returns the encoded mount.
    pub(in super::super) fn mount(&self) -> &str {
        &self.mount
    }

    /// Returns the path that deletes a version; `None` without versions.
    pub(in super::super) fn delete_path(&self) -> Option<String> {
        (self.kind == SecretKind::KvV2).then(|| self.join(Some("delete"), &self.path))
    }

    /// Returns the path that rotates the password; `None` for anything but a static role.
    pub(in super::super) fn rotate_path(&self) -> Option<String> {
        (self.kind == SecretKind::StaticCreds).then(|| self.join(Some("rotate-role"), self.name()))
    }

    /// Returns the path of the parent folder, and the name in it.
    pub(in super::super) fn folder(&self) -> Option<(String, &str)> {
        let (name, folder) = self.path.split_last()?;
        let path = match self.kind {
            SecretKind::KvV1 => self.join(None, folder),
            SecretKind::KvV2 => self.join(Some("metadata"), folder),
            SecretKind::Creds | SecretKind::StaticCreds | SecretKind::Certificate(_) => {
                self.join(self.roles_segment(), &[])
            }
        };
        Some((path, name))
    }

    /// Returns the API segment that contains the roles.
    fn roles_segment(&self) -> Option<&'static str> {
        match self.kind {
            SecretKind::KvV1 | SecretKind::KvV2 => None,
            SecretKind::Creds | SecretKind::Certificate(_) => Some("roles"),
            SecretKind::StaticCreds => Some("static-roles"),
        }
    }

    /// Returns the last segment.
    fn name(&self) -> &[Box<str>] {
        self.path.split_last_chunk::<1>().map_or(&[], |(_, name)| name)
    }

    fn join(&self, part: Option<&str>, path: &[Box<str>]) -> String {
        let path = (!path.is_empty()).then(|| encoded(path));
        let parts = [Some(&*self.mount), part, path.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    }
}

pub(super) fn segments(path: &str) -> Result<Vec<Box<str>>, VaultPathError> {
    if path.len() > MAX_LEN {
        return Err(VaultPathError::TooLong);
    }
    let checked = |segment: &str| match segment {
        "" => Err(VaultPathError::EmptySegment),
        "." | ".." => Err(VaultPathError::DotSegment),
        _ if segment.contains(char::is_control) => Err(VaultPathError::ControlCharacter),
        _ => Ok(segment.into()),
    };
    path.split('/').map(checked).collect()
}

/// Joins segments, percent-encoded.
pub(super) fn encoded(segments: &[Box<str>]) -> String {
    let encoded: Vec<_> = segments.iter().map(|segment| utf8_percent_encode(segment, ENCODED).to_string()).collect();
    encoded.join("/")
}

/// Returns the encoded path of an auth mount, such as `approle`.
pub(in super::super) fn mount_path(text: &str) -> Result<String, VaultPathError> {
    segments(text).map(|segments| encoded(&segments))
}
