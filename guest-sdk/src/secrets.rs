//! Handles to the secrets that the task was granted.
//!
//! A handle names a secret and contains none of its bytes. It is not a permission either: the host
//! checks each use. A call outside the task's capability is not an error: it does not return, and
//! the task ends.

mod error;
mod operation;

pub use error::Error;
pub use operation::Operation;

use std::time::Duration;

use crate::host::secrets as wit;

/// Returns a handle to the current version of a secret.
///
/// # Errors
///
/// Any [`enum@Error`] except [`Error::VersionGone`]: the task may use the secret, but not now. A
/// name that was not granted ends the task.
pub fn get(name: &str) -> Result<Secret, Error> {
    wit::get(name).map(Secret).map_err(Error::from)
}

/// Returns a handle to one version of a secret.
///
/// # Errors
///
/// The errors of [`get`], and [`Error::VersionGone`] if the backend no longer has the version. A
/// version that the grant excludes ends the task.
pub fn get_version(name: &str, version: &str) -> Result<Secret, Error> {
    wit::get_version(name, version).map(Secret).map_err(Error::from)
}

/// Returns the secrets that the task may use, sorted by name. The list includes secrets that the
/// backend does not have.
pub fn list() -> Vec<Info> {
    wit::list().into_iter().map(Info::from).collect()
}

/// Reads a secret again from its backend and returns a handle to the version that is now current.
///
/// # Errors
///
/// The errors of [`get`]. A grant without [`Operation::Refresh`] ends the task.
pub fn refresh(name: &str) -> Result<Secret, Error> {
    wit::refresh(name).map(Secret).map_err(Error::from)
}

/// A handle to one version of one secret, released on drop.
#[derive(Debug)]
pub struct Secret(wit::Secret);

impl Secret {
    /// Returns the secret's name.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Returns the version of the secret. Compare versions for equality only.
    pub fn version(&self) -> String {
        self.0.version()
    }

    /// Returns the time until the value expires: zero if it has expired, `None` if it does not
    /// expire.
    pub fn expires_in(&self) -> Option<Duration> {
        self.0.expires_in().map(Duration::from_nanos)
    }

    pub(crate) fn handle(&self) -> &wit::Secret {
        &self.0
    }

    pub(crate) fn from_handle(handle: wit::Secret) -> Self {
        Self(handle)
    }
}

/// A secret that the task may use, as its capability describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The secret's name.
    pub name: String,
    /// The operations that the task may perform; never empty.
    pub operations: Vec<Operation>,
    /// The time until the value in the host's memory expires, or `None` if the host holds no value.
    pub expires_in: Option<Duration>,
}

impl From<wit::Info> for Info {
    fn from(info: wit::Info) -> Self {
        Self {
            name: info.name,
            operations: info.operations.into_iter().map(Operation::from).collect(),
            expires_in: info.expires_in.map(Duration::from_nanos),
        }
    }
}
