//! Handles to the secrets that the task was granted.
//!
//! A handle names a secret and carries none of its bytes. It is not a permission either: the host checks every use of
//! it again. Asking for what the task's capability does not cover is not an error: the call does not return and the
//! task ends.

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
/// Any [`enum@Error`] but [`Error::VersionGone`] and [`Error::TooLarge`] tells why a granted secret cannot be used now.
/// A name that was not granted ends the task.
pub fn get(name: &str) -> Result<Secret, Error> {
    wit::get(name).map(Secret).map_err(Error::from)
}

/// Returns a handle to one version of a secret.
///
/// # Errors
///
/// As [`get`], and [`Error::VersionGone`] when the backend no longer has the version. A version that the grant excludes
/// ends the task.
pub fn get_version(name: &str, version: &str) -> Result<Secret, Error> {
    wit::get_version(name, version).map(Secret).map_err(Error::from)
}

/// Returns the secrets that the task may use, in the order of their names, whether or not the backend has them.
pub fn list() -> Vec<Info> {
    wit::list().into_iter().map(Info::from).collect()
}

/// Has the host read a secret again from its backend and returns a handle to what is now current.
///
/// # Errors
///
/// As [`get`]. A grant without [`Operation::Refresh`] ends the task.
pub fn refresh(name: &str) -> Result<Secret, Error> {
    wit::refresh(name).map(Secret).map_err(Error::from)
}

/// A handle to one version of one secret; dropping it gives up the skill's hold on it.
#[derive(Debug)]
pub struct Secret(wit::Secret);

impl Secret {
    /// Returns the name that the secret was asked for by.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Returns the version that the handle stands for, to be compared for equality only.
    pub fn version(&self) -> String {
        self.0.version()
    }

    /// Returns the time left until the value ends; zero when it has, none when it has no end of its own.
    pub fn expires_in(&self) -> Option<Duration> {
        self.0.expires_in().map(Duration::from_nanos)
    }

    pub(crate) fn handle(&self) -> &wit::Secret {
        &self.0
    }

    pub(crate) fn of_handle(handle: wit::Secret) -> Self {
        Self(handle)
    }
}

/// A secret that the task may use, as its capability describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The secret's name.
    pub name: String,
    /// What the task may do with it; never empty.
    pub operations: Vec<Operation>,
    /// Time left until the value in the host's memory ends; none while the host holds no value of it.
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
