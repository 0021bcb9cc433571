//! Reasons why a backend gives no value.

use std::fmt;
use std::time::Duration;

use far_memory::MemoryError;

/// Why a backend gave no value. Carries no text of the backend's, so that no part of an answer can leak with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The backend confirmed that it has no such secret.
    #[error("the backend has no such secret")]
    NotFound,
    /// The backend confirmed that it no longer has the version.
    #[error("the backend no longer has the version: it was {0}")]
    VersionGone(HowGone),
    /// The backend knows who asks, and refuses.
    #[error("the backend denies access to the secret")]
    Denied,
    /// The backend does not take the agent's own credentials.
    #[error("the backend does not accept the agent's credentials")]
    Unauthenticated,
    /// The backend is up, and locked.
    #[error("the backend is sealed")]
    Sealed,
    /// The backend cannot be reached, or failed.
    #[error("the backend is unavailable")]
    Unavailable,
    /// The backend asks for fewer calls.
    #[error("the backend asks for fewer calls")]
    Throttled {
        /// When to call again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The backend's answer cannot be understood.
    #[error("the backend's answer is not valid")]
    Invalid,
    /// The value is not the one that the backend says it is.
    #[error("the value failed the backend's integrity check")]
    Integrity,
    /// The value is larger than the host takes.
    #[error("the value is larger than the limit")]
    TooLarge,
    /// The host has no locked memory left for the value; it keeps values in no other.
    #[error("the host has no locked memory left")]
    OutOfLockedMemory,
    /// The backend did not answer in time.
    #[error("the backend did not answer in time")]
    Timeout,
    /// The backend cannot do this at all.
    #[error("the backend does not support this")]
    Unsupported,
}

impl ProviderError {
    /// A stable token for events and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::VersionGone(_) => "version-gone",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Sealed => "sealed",
            Self::Unavailable => "unavailable",
            Self::Throttled { .. } => "throttled",
            Self::Invalid => "invalid",
            Self::Integrity => "integrity",
            Self::TooLarge => "too-large",
            Self::OutOfLockedMemory => "out-of-locked-memory",
            Self::Timeout => "timeout",
            Self::Unsupported => "unsupported",
        }
    }
}

impl ProviderError {
    /// Whether the backend gave no answer, so that nothing is known of the secret: what was known before may still be so.
    pub fn is_no_answer(&self) -> bool {
        matches!(self, Self::Sealed | Self::Unavailable | Self::Throttled { .. } | Self::Timeout)
    }

    /// Whether the backend confirmed that who asks has no such secret any more.
    pub fn is_confirmed_absence(&self) -> bool {
        matches!(self, Self::NotFound | Self::VersionGone(_) | Self::Denied)
    }
}

impl From<MemoryError> for ProviderError {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::TooLarge => Self::TooLarge,
            MemoryError::OutOfLockedMemory => Self::OutOfLockedMemory,
        }
    }
}

/// How a version went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowGone {
    /// Removed; the backend could bring it back.
    Deleted,
    /// Removed for good, or replaced in a backend that keeps one version.
    Destroyed,
    /// Kept, but not given out.
    Disabled,
}

impl fmt::Display for HowGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "deleted",
            Self::Destroyed => "destroyed",
            Self::Disabled => "disabled",
        })
    }
}
