//! Where a secret is: `MOUNT/PATH`, or `MOUNT/PATH#FIELD`.

mod path;
#[cfg(test)]
mod tests;

use far_core::provider::Reference;
use percent_encoding::percent_decode_str;

pub(super) use self::path::mount_path;

use self::path::{encoded, segments};

/// The longest path, in bytes.
const MAX_LEN: usize = 1024;
/// What stands between a role and the name that a certificate is made for. A role's name has no `?`.
const NAMED: &str = "?common_name=";
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
    /// Users of a database: of it, `creds/ROLE` is read, a user that is made for who asks, and `static-creds/ROLE`, one that is
    /// there already, whose password the server replaces.
    Database,
    /// Certificates: of it, `issue/ROLE` is read, each made for who asks.
    Pki,
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
    pub(super) source: Source,
    mount: String,
    path: Vec<Box<str>>,
    pub(super) field: Option<Box<str>>,
}

/// What a secret is to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A value without versions.
    KvV1,
    /// A value with its versions.
    KvV2,
    /// A user of a database, made for who asks.
    Creds,
    /// The password of a user that is there already.
    StaticCreds,
    /// A certificate with its key, made for who asks, with this common name.
    Certificate(Box<str>),
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
    #[error("what is read of an engine of databases is 'creds/ROLE' or 'static-creds/ROLE', and nothing else")]
    NotMade,
    /// The same of an engine of certificates.
    #[error("what is read of an engine of certificates is 'issue/ROLE', and nothing else")]
    NotIssued,
    /// It would be made for nobody.
    #[error("a certificate needs a common name")]
    NoCommonName,
    /// There is nothing to name, or nothing that names it.
    #[error("a common name is for certificates alone, and is one to 64 characters that are seen")]
    CommonName,
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
        let text = with_field(path.to_owned(), field);
        match self.place(&text)?.source {
            // In a path, it would be a role's name that is none.
            Source::Certificate(_) => Err(PlaceError::NotIssued),
            _ => Ok(Reference::new(&text)),
        }
    }

    /// What a certificate is called, which is made for who asks: by the path of its role, `MOUNT/issue/ROLE`, its common name, and
    /// its field where it is one of several. `pem` is the certificate, its chain and its key, as one text.
    ///
    /// # Errors
    ///
    /// [`PlaceError`], by fault of whoever configured it.
    pub fn certificate(&self, path: &str, common_name: &str, field: Option<&str>) -> Result<Reference, PlaceError> {
        if path.contains('#') {
            return Err(PlaceError::Hash);
        }
        if path.contains('?') {
            return Err(PlaceError::NotIssued);
        }
        let name = encoded(&[common_name.into()]);
        let text = with_field(format!("{path}{NAMED}{name}"), field);
        match self.place(&text)?.source {
            Source::Certificate(_) => Ok(Reference::new(&text)),
            _ => Err(PlaceError::CommonName),
        }
    }

    /// Whether there is an engine that makes a secret for who asks.
    pub fn are_dynamic(&self) -> bool {
        let makes = |engine| matches!(engine, Engine::Database | Engine::Pki);
        makes(self.others) || self.named.iter().any(|(_, engine)| makes(*engine))
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
        let (source, path) = source(engine, path)?;
        let field = field.map(field_name).transpose()?;
        Ok(Place { source, mount: encoded(mount), path, field })
    }
}

impl Source {
    /// Whether it is made for who asks, and ends with them.
    pub(super) fn is_made(&self) -> bool {
        matches!(self, Self::Creds | Self::Certificate(_))
    }
}

/// What a path is of this engine; and the path without what is no part of it.
fn source(engine: Engine, path: &[Box<str>]) -> Result<(Source, Vec<Box<str>>), PlaceError> {
    let source = match (engine, path) {
        (Engine::KvV1, _) => Source::KvV1,
        (Engine::KvV2, _) => Source::KvV2,
        (Engine::Database, [kind, _]) if &**kind == "creds" => Source::Creds,
        (Engine::Database, [kind, _]) if &**kind == "static-creds" => Source::StaticCreds,
        (Engine::Database, _) => return Err(PlaceError::NotMade),
        (Engine::Pki, [kind, role]) if &**kind == "issue" => {
            let (role, name) = role.split_once(NAMED).ok_or(PlaceError::NoCommonName)?;
            if role.is_empty() {
                return Err(PlaceError::EmptySegment);
            }
            return Ok((Source::Certificate(common_name(name)?), vec![kind.clone(), role.into()]));
        }
        (Engine::Pki, _) => return Err(PlaceError::NotIssued),
    };
    Ok((source, path.to_vec()))
}

/// A common name, from how a reference has it. X.509 has no longer one.
fn common_name(encoded: &str) -> Result<Box<str>, PlaceError> {
    let name = percent_decode_str(encoded).decode_utf8().map_err(|_| PlaceError::CommonName)?;
    let fits = (1..=64).contains(&name.chars().count()) && !name.contains(char::is_control);
    if fits { Ok(name.into()) } else { Err(PlaceError::CommonName) }
}

fn with_field(path: String, field: Option<&str>) -> String {
    match field {
        Some(field) => format!("{path}#{field}"),
        None => path,
    }
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
