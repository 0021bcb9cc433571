//! Errors of granted secrets.

use std::fmt;
use std::time::Duration;

use crate::bindings::tinkerbell::skill::secrets as wit;

/// An error that prevents the use of a granted secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The backend has no secret of that name.
    NotFound,
    /// The backend no longer has that version.
    VersionGone,
    /// The value expired; the host has wiped it.
    Expired,
    /// The secret was revoked; the host has wiped it.
    Revoked,
    /// The grant's uses, or the task's budget, are exhausted.
    Exhausted,
    /// The backend did not respond in time, or cannot serve the secret now.
    Unavailable {
        /// The host's advice when to retry, if it has any.
        retry_after: Option<Duration>,
    },
    /// The value, or an argument, exceeds the host's size limit.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "the backend has no such secret",
            Self::VersionGone => "the backend no longer has that version of the secret",
            Self::Expired => "the secret expired",
            Self::Revoked => "the secret was revoked",
            Self::Exhausted => "the granted uses of the secret are exhausted",
            Self::Unavailable { retry_after: None } => "the secret is unavailable",
            Self::Unavailable { retry_after: Some(wait) } => {
                return write!(f, "the secret is unavailable, try again in {wait:?}");
            }
            Self::TooLarge => "the value or an argument exceeds the host's size limit",
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
    fn retry_advice_converts_from_nanoseconds() {
        let error = Error::from(wit::Error::Unavailable(Some(1_500_000_000)));
        assert_eq!(error, Error::Unavailable { retry_after: Some(Duration::from_millis(1500)) });
        assert_eq!(error.to_string(), "the secret is unavailable, try again in 1.5s");
    }

    #[test]
    fn messages_are_lowercase_without_full_stop() {
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
