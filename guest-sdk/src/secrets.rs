//! Handles to the secrets that the task was granted.
//!
//! A handle names a secret and carries none of its bytes. It is not a permission either: the host checks every use of
//! it again. Asking for what the task's capability does not cover is not an error: the call does not return and the
//! task ends.

use std::fmt;
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

/// What a handle may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// The host puts the secret into a request as it leaves.
    Seal,
    /// The host signs with the secret.
    Sign,
    /// The bytes are copied into the skill's own memory.
    Reveal,
    /// The host reads the secret again from its backend.
    Refresh,
}

impl From<wit::Operation> for Operation {
    fn from(operation: wit::Operation) -> Self {
        match operation {
            wit::Operation::Seal => Self::Seal,
            wit::Operation::Sign => Self::Sign,
            wit::Operation::Reveal => Self::Reveal,
            wit::Operation::Refresh => Self::Refresh,
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<Operation> for wit::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Seal => Self::Seal,
            Operation::Sign => Self::Sign,
            Operation::Reveal => Self::Reveal,
            Operation::Refresh => Self::Refresh,
        }
    }
}

/// Why a secret that the task may use could not be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The task may use the secret, but the backend has none of that name.
    NotFound,
    /// The backend no longer has that version.
    VersionGone,
    /// The value's time ended; its bytes are gone from the host's memory.
    Expired,
    /// The secret was revoked; its bytes are gone from the host's memory.
    Revoked,
    /// The grant's uses, or the task's budget, are used up.
    Exhausted,
    /// The backend did not answer in time or cannot answer now.
    Unavailable {
        /// When the host advises to try again, if it does.
        retry_after: Option<Duration>,
    },
    /// The value, or an argument, is larger than the host takes.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "the backend has no such secret",
            Self::VersionGone => "the backend no longer has that version of the secret",
            Self::Expired => "the secret expired",
            Self::Revoked => "the secret was revoked",
            Self::Exhausted => "the uses granted for the secret are used up",
            Self::Unavailable { retry_after: None } => "the secret is unavailable",
            Self::Unavailable { retry_after: Some(wait) } => {
                return write!(f, "the secret is unavailable, try again in {wait:?}");
            }
            Self::TooLarge => "larger than the host takes",
        })
    }
}

impl std::error::Error for Error {}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NotFound => Self::NotFound,
            wit::Error::VersionGone => Self::VersionGone,
            wit::Error::Expired => Self::Expired,
            wit::Error::Revoked => Self::Revoked,
            wit::Error::Exhausted => Self::Exhausted,
            wit::Error::Unavailable(wait) => Self::Unavailable { retry_after: wait.map(Duration::from_nanos) },
            wit::Error::TooLarge => Self::TooLarge,
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::VersionGone => Self::VersionGone,
            Error::Expired => Self::Expired,
            Error::Revoked => Self::Revoked,
            Error::Exhausted => Self::Exhausted,
            Error::Unavailable { retry_after: wait } => {
                Self::Unavailable(wait.map(|wait| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
            }
            Error::TooLarge => Self::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_of_the_host_is_a_duration_in_nanoseconds() {
        let error = Error::from(wit::Error::Unavailable(Some(1_500_000_000)));
        assert_eq!(error, Error::Unavailable { retry_after: Some(Duration::from_millis(1500)) });
        assert_eq!(error.to_string(), "the secret is unavailable, try again in 1.5s");
    }

    #[test]
    fn messages_are_lowercase_and_without_a_full_stop() {
        let errors = [
            Error::NotFound,
            Error::VersionGone,
            Error::Expired,
            Error::Revoked,
            Error::Exhausted,
            Error::Unavailable { retry_after: None },
            Error::TooLarge,
        ];
        for error in errors {
            let message = error.to_string();
            assert!(message.starts_with(char::is_lowercase), "{message}");
            assert!(!message.ends_with('.'), "{message}");
        }
    }
}
