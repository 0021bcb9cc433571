//! Reasons why a granted secret cannot be used now.

use std::fmt;
use std::time::Duration;

use crate::bindings::tinkerbell::skill::secrets as wit;

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
