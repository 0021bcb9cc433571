//! Paths of secrets: `MOUNT/PATH`, or `MOUNT/PATH#FIELD`.

mod api;
#[cfg(test)]
mod tests;

use far_core::provider::Reference;
use percent_encoding::percent_decode_str;

pub(super) use self::api::mount_path;

use self::api::{encoded, segments};

/// The maximum path length in bytes.
const MAX_LEN: usize = 1024;
/// The separator between a PKI role and the certificate's common name. A role name cannot contain
/// `?`.
const COMMON_NAME_SEPARATOR: &str = "?common_name=";
/// Mounts of Vault itself: tokens, auth methods, policies, keys. They contain the provider's own
/// credentials and no secrets of tasks.
const RESERVED: [&str; 5] = ["auth", "sys", "identity", "cubbyhole", "audit"];

/// The supported secrets engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// KV version 1, without versions.
    KvV1,
    /// KV version 2, with numbered versions.
    #[default]
    KvV2,
    /// The database engine: dynamic users at `creds/ROLE`, static roles at `static-creds/ROLE`.
    Database,
    /// The PKI engine: certificates at `issue/ROLE`, issued to each owner.
    Pki,
}

/// The mounted secrets engines.
///
/// A path begins with its mount. An unlisted mount is one segment long and has the default engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    default: Engine,
    named: Vec<(Vec<Box<str>>, Engine)>,
}

/// The parsed path of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VaultPath {
    pub(super) kind: SecretKind,
    mount: String,
    path: Vec<Box<str>>,
    pub(super) field: Option<Box<str>>,
}

/// The kind of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SecretKind {
    /// A KV version 1 secret.
    KvV1,
    /// A KV version 2 secret.
    KvV2,
    /// A dynamic database user.
    Creds,
    /// A static role of the database engine.
    StaticCreds,
    /// A certificate with its key, issued for this common name.
    Certificate(Box<str>),
}

/// An error in the path of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultPathError {
    /// The path begins or ends with a slash, or has two in a row.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("the path has a '.' or '..' segment")]
    DotSegment,
    /// The path or field contains a control character.
    #[error("the path or field has a control character")]
    ControlCharacter,
    /// The path contains a `#`, which begins the field.
    #[error("the path contains '#'")]
    Hash,
    /// The path names a mount only.
    #[error("the path names only a mount")]
    MountOnly,
    /// The path is below a mount of Vault itself.
    #[error("'{0}/' belongs to Vault itself and contains the provider's credentials")]
    Reserved(&'static str),
    /// The path of a database engine is neither a dynamic nor a static role.
    #[error("a path in a database engine is 'creds/ROLE' or 'static-creds/ROLE'")]
    DatabasePath,
    /// The path of a PKI engine is not an issuing role.
    #[error("a path in a PKI engine is 'issue/ROLE'")]
    PkiPath,
    /// The common name of a certificate is missing.
    #[error("a certificate needs a common name")]
    NoCommonName,
    /// The common name is invalid, or the secret is not a certificate.
    #[error("a common name is only for certificates, and has 1 to 64 printable characters")]
    CommonName,
    /// The field name is empty.
    #[error("the field name is empty")]
    EmptyField,
    /// The path or field is too long.
    #[error("the path is longer than {MAX_LEN} bytes")]
    TooLong,
}

impl Mounts {
    /// Creates a table in which every mount has this engine and is one segment long.
    pub fn all(engine: Engine) -> Self {
        Self { default: engine, named: Vec::new() }
    }

    /// Adds the engine mounted at this path.
    ///
    /// # Errors
    ///
    /// [`VaultPathError`] if no secrets engine can be mounted there.
    pub fn with(mut self, mount: &str, engine: Engine) -> Result<Self, VaultPathError> {
        let mount = segments(mount)?;
        reserved(mount.first().map(AsRef::as_ref))?;
        self.named.retain(|(other, _)| *other != mount);
        self.named.push((mount, engine));
        // The longest matching mount wins.
        self.named.sort_by_key(|(mount, _)| std::cmp::Reverse(mount.len()));
        Ok(self)
    }

    /// Returns the reference of a secret, or of one of its fields. Without a field, the value is
    /// the whole JSON object.
    ///
    /// # Errors
    ///
    /// [`VaultPathError`] if the operator's configuration is invalid.
    ///
    /// # Security
    ///
    /// Mounts of Vault itself are rejected: a grant for such a path would expose the provider's
    /// credentials.
    pub fn reference(&self, path: &str, field: Option<&str>) -> Result<Reference, VaultPathError> {
        if path.contains('#') {
            return Err(VaultPathError::Hash);
        }
        let text = with_field(path.to_owned(), field);
        match self.parse_path(&text)?.kind {
            // A common name in the path is not a valid role name.
            SecretKind::Certificate(_) => Err(VaultPathError::PkiPath),
            _ => Ok(Reference::new(&text)),
        }
    }

    /// Returns the reference of a certificate: the role's path `MOUNT/issue/ROLE`, the common name
    /// and an optional field. The field `pem` is the certificate, its chain and its key in one PEM
    /// string.
    ///
    /// # Errors
    ///
    /// [`VaultPathError`] if the operator's configuration is invalid.
    pub fn certificate(&self, path: &str, common_name: &str, field: Option<&str>) -> Result<Reference, VaultPathError> {
        if path.contains('#') {
            return Err(VaultPathError::Hash);
        }
        if path.contains('?') {
            return Err(VaultPathError::PkiPath);
        }
        let name = encoded(&[common_name.into()]);
        let text = with_field(format!("{path}{COMMON_NAME_SEPARATOR}{name}"), field);
        match self.parse_path(&text)?.kind {
            SecretKind::Certificate(_) => Ok(Reference::new(&text)),
            _ => Err(VaultPathError::CommonName),
        }
    }

    /// Returns true if an engine issues dynamic secrets.
    pub fn has_dynamic_engine(&self) -> bool {
        let makes = |engine| matches!(engine, Engine::Database | Engine::Pki);
        makes(self.default) || self.named.iter().any(|(_, engine)| makes(*engine))
    }

    /// Parses a reference.
    pub(super) fn parse_path(&self, text: &str) -> Result<VaultPath, VaultPathError> {
        let (path, field) = match text.split_once('#') {
            Some((path, field)) => (path, Some(field)),
            None => (text, None),
        };
        let all = segments(path)?;
        let named = self.named.iter().find(|(mount, _)| all.starts_with(mount));
        let (length, engine) = named.map_or((1, self.default), |(mount, engine)| (mount.len(), *engine));
        let (mount, path) = all.split_at_checked(length).unwrap_or((&all, &[]));
        reserved(mount.first().map(AsRef::as_ref))?;
        // These engines have no prefix between mount and path. If the mount is a namespace, the
        // rest of the path names a mount of that namespace.
        let starts = if engine == Engine::KvV2 { None } else { all.split_last().map(|(_, before)| before) };
        starts.into_iter().flatten().try_for_each(|segment| reserved(Some(segment.as_ref())))?;
        if path.is_empty() {
            return Err(VaultPathError::MountOnly);
        }
        let (kind, path) = parse_kind(engine, path)?;
        let field = field.map(field_name).transpose()?;
        Ok(VaultPath { kind, mount: encoded(mount), path, field })
    }
}

impl SecretKind {
    /// Returns true if the secret is issued to each owner under a lease.
    pub(super) fn is_dynamic(&self) -> bool {
        matches!(self, Self::Creds | Self::Certificate(_))
    }
}

/// Returns the kind of a path in this engine, and the path without the common name.
fn parse_kind(engine: Engine, path: &[Box<str>]) -> Result<(SecretKind, Vec<Box<str>>), VaultPathError> {
    let kind = match (engine, path) {
        (Engine::KvV1, _) => SecretKind::KvV1,
        (Engine::KvV2, _) => SecretKind::KvV2,
        (Engine::Database, [prefix, _]) if &**prefix == "creds" => SecretKind::Creds,
        (Engine::Database, [prefix, _]) if &**prefix == "static-creds" => SecretKind::StaticCreds,
        (Engine::Database, _) => return Err(VaultPathError::DatabasePath),
        (Engine::Pki, [prefix, role]) if &**prefix == "issue" => {
            let (role, name) = role.split_once(COMMON_NAME_SEPARATOR).ok_or(VaultPathError::NoCommonName)?;
            if role.is_empty() {
                return Err(VaultPathError::EmptySegment);
            }
            return Ok((SecretKind::Certificate(common_name(name)?), vec![prefix.clone(), role.into()]));
        }
        (Engine::Pki, _) => return Err(VaultPathError::PkiPath),
    };
    Ok((kind, path.to_vec()))
}

/// Decodes a common name. X.509 limits its length to 64 characters.
fn common_name(encoded: &str) -> Result<Box<str>, VaultPathError> {
    let name = percent_decode_str(encoded).decode_utf8().map_err(|_| VaultPathError::CommonName)?;
    let fits = (1..=64).contains(&name.chars().count()) && !name.contains(char::is_control);
    if fits { Ok(name.into()) } else { Err(VaultPathError::CommonName) }
}

fn with_field(path: String, field: Option<&str>) -> String {
    match field {
        Some(field) => format!("{path}#{field}"),
        None => path,
    }
}

fn reserved(segment: Option<&str>) -> Result<(), VaultPathError> {
    let found = RESERVED.into_iter().find(|reserved| segment == Some(*reserved));
    found.map_or(Ok(()), |reserved| Err(VaultPathError::Reserved(reserved)))
}

fn field_name(name: &str) -> Result<Box<str>, VaultPathError> {
    match name {
        "" => Err(VaultPathError::EmptyField),
        _ if name.contains(char::is_control) => Err(VaultPathError::ControlCharacter),
        _ if name.len() > MAX_LEN => Err(VaultPathError::TooLong),
        _ => Ok(name.into()),
    }
}
