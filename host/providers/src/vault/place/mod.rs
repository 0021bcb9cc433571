//! Where a secret is: `MOUNT/PATH`, or `MOUNT/PATH#FIELD`.

use far_core::provider::Reference;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is in no segment of a URL as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The longest path, in bytes.
const MAX_LEN: usize = 1024;
/// Where the server keeps what is its own: tokens, logins, policies, keys. No secret of a task is there, and the provider's
/// own credentials are.
const RESERVED: [&str; 5] = ["auth", "sys", "identity", "cubbyhole", "audit"];

/// The engines that secrets are read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Keys and values without versions.
    KvV1,
    /// Keys and values, each with its versions.
    #[default]
    KvV2,
    /// Users of a database, each made for who asks: of it, `creds/ROLE` is read.
    Database,
}

/// Which engine is mounted where.
///
/// A path begins with its mount. One that is not named here is one segment long, and of the engine that all others are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    others: Engine,
    named: Vec<(Vec<Box<str>>, Engine)>,
}

/// Where one secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) engine: Engine,
    mount: String,
    path: Vec<Box<str>>,
    pub(super) field: Option<Box<str>>,
}

/// Why a text is no secret's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// A slash at an end, or two in a row.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..`.
    #[error("the path has a segment '.' or '..'")]
    Dots,
    /// A character that is not seen.
    #[error("there is a control character in it")]
    Control,
    /// It would end the path where a field is named.
    #[error("the path has a '#'")]
    Hash,
    /// A mount alone.
    #[error("the path names a mount and nothing in it")]
    NoSecret,
    /// The server's own.
    #[error("what is below '{0}/' is the server's own, and the provider's credentials are there: no task may have it")]
    Reserved(&'static str),
    /// An engine that makes secrets has more below its mount than what it makes.
    #[error("what is read of an engine of databases is 'creds/ROLE', and nothing else")]
    NotMade,
    /// The name of the field is empty.
    #[error("the name of the field is empty")]
    EmptyField,
    /// Too much of it.
    #[error("the path is longer than {MAX_LEN} bytes")]
    TooLong,
}

impl Mounts {
    /// Every mount is of this engine, and one segment long.
    pub fn all(engine: Engine) -> Self {
        Self { others: engine, named: Vec::new() }
    }

    /// The same, with what is mounted at this path.
    ///
    /// # Errors
    ///
    /// [`PlaceError`] if nothing that has secrets can be mounted there.
    pub fn with(mut self, mount: &str, engine: Engine) -> Result<Self, PlaceError> {
        let mount = segments(mount)?;
        reserved(mount.first().map(AsRef::as_ref))?;
        self.named.retain(|(other, _)| *other != mount);
        self.named.push((mount, engine));
        // The longest that fits is the one.
        self.named.sort_by_key(|(mount, _)| std::cmp::Reverse(mount.len()));
        Ok(self)
    }

    /// What a secret is called: by its path, and its field where it is one of several in a secret. Without a field it is
    /// all of them, as one JSON object.
    ///
    /// # Errors
    ///
    /// [`PlaceError`], by fault of whoever configured it.
    ///
    /// # Security
    ///
    /// What is the server's own is refused: a task that was granted such a secret would have the provider's credentials.
    pub fn reference(&self, path: &str, field: Option<&str>) -> Result<Reference, PlaceError> {
        if path.contains('#') {
            return Err(PlaceError::Hash);
        }
        let text = match field {
            Some(field) => format!("{path}#{field}"),
            None => path.to_owned(),
        };
        self.place(&text)?;
        Ok(Reference::new(&text))
    }

    /// Whether there is an engine that makes a secret for who asks.
    pub fn are_dynamic(&self) -> bool {
        self.others == Engine::Database || self.named.iter().any(|(_, engine)| *engine == Engine::Database)
    }

    /// Takes a reference apart.
    pub(super) fn place(&self, text: &str) -> Result<Place, PlaceError> {
        let (path, field) = match text.split_once('#') {
            Some((path, field)) => (path, Some(field)),
            None => (text, None),
        };
        let all = segments(path)?;
        let named = self.named.iter().find(|(mount, _)| all.starts_with(mount));
        let (length, engine) = named.map_or((1, self.others), |(mount, engine)| (mount.len(), *engine));
        let (mount, path) = all.split_at_checked(length).unwrap_or((&all, &[]));
        reserved(mount.first().map(AsRef::as_ref))?;
        // Nothing stands between such a mount and a path: were it a namespace, the path would begin anew.
        let starts = if engine == Engine::KvV2 { None } else { all.split_last().map(|(_, before)| before) };
        starts.into_iter().flatten().try_for_each(|segment| reserved(Some(segment.as_ref())))?;
        if path.is_empty() {
            return Err(PlaceError::NoSecret);
        }
        if engine == Engine::Database && !matches!(path, [creds, _] if &**creds == "creds") {
            return Err(PlaceError::NotMade);
        }
        let field = field.map(field_name).transpose()?;
        Ok(Place { engine, mount: encoded(mount), path: path.to_vec(), field })
    }
}

impl Place {
    /// The path of the API at which its values are.
    pub(super) fn data(&self) -> String {
        match self.engine {
            Engine::KvV1 | Engine::Database => format!("{}/{}", self.mount, encoded(&self.path)),
            Engine::KvV2 => format!("{}/data/{}", self.mount, encoded(&self.path)),
        }
    }

    /// The path at which is said what there is, without a value: versions, or a role. None where nothing is.
    pub(super) fn metadata(&self) -> Option<String> {
        match self.engine {
            Engine::KvV1 => None,
            Engine::KvV2 => Some(format!("{}/metadata/{}", self.mount, encoded(&self.path))),
            Engine::Database => {
                self.path.last().map(|role| format!("{}/roles/{}", self.mount, encoded(std::slice::from_ref(role))))
            }
        }
    }

    /// The path of the folder that it is in, and its name there.
    pub(super) fn folder(&self) -> Option<(String, &str)> {
        let (name, folder) = self.path.split_last()?;
        if self.engine == Engine::Database {
            return Some((format!("{}/roles", self.mount), name));
        }
        let root = match self.engine {
            Engine::KvV2 => format!("{}/metadata", self.mount),
            Engine::KvV1 | Engine::Database => self.mount.clone(),
        };
        let path = if folder.is_empty() { root } else { format!("{root}/{}", encoded(folder)) };
        Some((path, name))
    }
}

fn segments(path: &str) -> Result<Vec<Box<str>>, PlaceError> {
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

fn reserved(segment: Option<&str>) -> Result<(), PlaceError> {
    let found = RESERVED.into_iter().find(|reserved| segment == Some(*reserved));
    found.map_or(Ok(()), |reserved| Err(PlaceError::Reserved(reserved)))
}

fn field_name(name: &str) -> Result<Box<str>, PlaceError> {
    match name {
        "" => Err(PlaceError::EmptyField),
        _ if name.contains(char::is_control) => Err(PlaceError::Control),
        _ if name.len() > MAX_LEN => Err(PlaceError::TooLong),
        _ => Ok(name.into()),
    }
}

/// Segments as a URL has them.
fn encoded(segments: &[Box<str>]) -> String {
    let encoded: Vec<_> = segments.iter().map(|segment| utf8_percent_encode(segment, ENCODED).to_string()).collect();
    encoded.join("/")
}

/// The path of a mount of the server's own, such as `auth/approle`: the segments, encoded.
pub(super) fn mount_path(text: &str) -> Result<String, PlaceError> {
    segments(text).map(|segments| encoded(&segments))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mounts() -> Mounts {
        let mounts = Mounts::default().with("old", Engine::KvV1).unwrap();
        mounts.with("teams/a/kv", Engine::KvV2).unwrap().with("teams", Engine::KvV1).unwrap()
    }

    #[test]
    fn a_place_is_a_mount_a_path_and_perhaps_a_field() {
        for (text, data, field) in [
            ("kv/ci/github#token", "kv/data/ci/github", Some("token")),
            ("kv/ci", "kv/data/ci", None),
            ("old/ci/github#a#b", "old/ci/github", Some("a#b")),
            ("teams/a/kv/x/y", "teams/a/kv/data/x/y", None),
            ("teams/b/kv", "teams/b/kv", None),
            ("kv/\u{e9}t\u{e9}/a b/%2e%2e?#x", "kv/data/%C3%A9t%C3%A9/a%20b/%252e%252e%3F", Some("x")),
        ] {
            let place = mounts().place(text).unwrap();
            assert_eq!((&*place.data(), place.field.as_deref()), (data, field), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (text, expected) in [
            ("", PlaceError::EmptySegment),
            ("/kv/a", PlaceError::EmptySegment),
            ("kv//a", PlaceError::EmptySegment),
            ("kv/a/", PlaceError::EmptySegment),
            ("kv/./a", PlaceError::Dots),
            ("kv/../sys/seal", PlaceError::Dots),
            ("kv/a\nb", PlaceError::Control),
            ("kv/a\0", PlaceError::Control),
            ("kv", PlaceError::NoSecret),
            ("teams/a/kv", PlaceError::NoSecret),
            ("kv/a#", PlaceError::EmptyField),
            ("kv/a#b\u{7f}", PlaceError::Control),
        ] {
            assert_eq!(mounts().place(text), Err(expected), "{text:?}");
        }
        assert_eq!(mounts().place(&format!("kv/{}", "a".repeat(MAX_LEN))), Err(PlaceError::TooLong));
        assert_eq!(mounts().reference("kv/a#b", None), Err(PlaceError::Hash));
    }

    #[test]
    fn what_is_the_servers_own_is_refused() {
        for (text, reserved) in [
            ("auth/token/lookup-self#id", "auth"),
            ("auth/approle/role/far", "auth"),
            ("sys/wrapping/lookup", "sys"),
            ("identity/entity/id", "identity"),
            ("cubbyhole/response", "cubbyhole"),
            ("old/auth/token/lookup-self#id", "auth"),
            ("teams/sys/seal", "sys"),
        ] {
            assert_eq!(mounts().place(text), Err(PlaceError::Reserved(reserved)), "{text}");
        }
        for text in ["kv/auth/x", "old/apps/auth", "authority/x", "kv/sys"] {
            assert!(mounts().place(text).is_ok(), "{text}");
        }
        assert_eq!(Mounts::default().with("auth/token", Engine::KvV1), Err(PlaceError::Reserved("auth")));
    }

    #[test]
    fn of_an_engine_that_makes_secrets_nothing_else_is_read() {
        let mounts = mounts().with("db", Engine::Database).unwrap();
        let place = mounts.place("db/creds/r\u{e9}#password").unwrap();
        assert_eq!((&*place.data(), place.metadata().as_deref()), ("db/creds/r%C3%A9", Some("db/roles/r%C3%A9")));
        assert_eq!(place.folder(), Some(("db/roles".to_owned(), "r\u{e9}")));
        for text in ["db/config/x", "db/creds", "db/roles/r", "db/static-creds/r", "db/creds/r/x"] {
            assert_eq!(mounts.place(text), Err(PlaceError::NotMade), "{text}");
        }
        assert!(mounts.are_dynamic() && !Mounts::default().are_dynamic());
    }

    #[test]
    fn a_secret_is_in_a_folder() {
        let folder = |text| mounts().place(text).unwrap().folder().map(|(path, name)| (path, name.to_owned()));
        assert_eq!(folder("kv/a"), Some(("kv/metadata".to_owned(), "a".to_owned())));
        assert_eq!(folder("kv/a/\u{e9}/c"), Some(("kv/metadata/a/%C3%A9".to_owned(), "c".to_owned())));
        assert_eq!(folder("old/a/b"), Some(("old/a".to_owned(), "b".to_owned())));
    }

    proptest! {
        #[test]
        fn no_path_leaves_its_mount(path in "\\PC{0,40}") {
            if let Ok(place) = Mounts::default().place(&format!("kv/{path}")) {
                let address = super::super::Address::parse("https://v").unwrap();
                let url = address.of(&place.data()).unwrap();
                prop_assert!(url.path().starts_with("/v1/kv/data/"));
                prop_assert_eq!((url.query(), url.fragment()), (None, None));
            }
        }
    }
}
