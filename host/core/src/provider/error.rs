//! Errors of a backend.

use std::fmt;
use std::time::Duration;

use far_memory::MemoryError;

/// An error that a backend returned in place of a value.
///
/// It carries no text of the backend, so that no part of an answer leaks with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The backend confirmed that it has no such secret.
    #[error("the backend has no such secret")]
    NotFound,
    /// The backend confirmed that the version is not available.
    #[error("the backend no longer has the version: it was {0}")]
    VersionGone(AbsenceReason),
    /// The backend authenticated the agent, and denied access.
    #[error("the backend denies access to the secret")]
    Denied,
    /// The backend rejected the agent's credentials.
    #[error("the backend does not accept the agent's credentials")]
    Unauthenticated,
    /// The backend is reachable but sealed.
    #[error("the backend is sealed")]
    Sealed,
    /// The backend is unreachable, or failed.
    #[error("the backend is unavailable")]
    Unavailable,
    /// The backend limits the rate of calls.
    #[error("the backend asks for fewer calls")]
    Throttled {
        /// The time to wait before the next call, if the backend reported one.
        retry_after: Option<Duration>,
    },
    /// The backend's answer is malformed.
    #[error("the backend's answer is not valid")]
    Invalid,
    /// The value does not match the backend's checksum.
    #[error("the value failed the backend's integrity check")]
    Integrity,
    /// The value exceeds the host's size limit.
    #[error("the value is larger than the limit")]
    TooLarge,
    /// The host has no locked memory left for the value.
    #[error("the host has no locked memory left")]
    OutOfLockedMemory,
    /// The backend did not answer before the deadline.
    #[error("the backend did not answer in time")]
    Timeout,
    /// The backend does not support the operation.
    #[error("the backend does not support this")]
    Unsupported,
}

impl ProviderError {
    /// Returns a stable token for events and metrics.
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

    /// Returns true if the backend gave no answer, so that a cached value may still be current.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Sealed | Self::Unavailable | Self::Throttled { .. } | Self::Timeout)
    }

    /// Returns true if the backend confirmed that the secret is not available to the agent.
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

/// The reason why a version is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsenceReason {
    /// Deleted, and recoverable in the backend.
    Deleted,
    /// Deleted permanently, or replaced in a backend that keeps one version.
    Destroyed,
    /// Stored, but disabled.
    Disabled,
}

impl fmt::Display for AbsenceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "deleted",
            Self::Destroyed => "destroyed",
            Self::Disabled => "disabled",
        })
    }
}
