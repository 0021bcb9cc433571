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
    /// One error of each kind.
    pub const ALL: [Self; 13] = [
        Self::NotFound,
        Self::VersionGone(AbsenceReason::Destroyed),
        Self::Denied,
        Self::Unauthenticated,
        Self::Sealed,
        Self::Unavailable,
        Self::Throttled { retry_after: None },
        Self::Invalid,
        Self::Integrity,
        Self::TooLarge,
        Self::OutOfLockedMemory,
        Self::Timeout,
        Self::Unsupported,
    ];

    /// Returns the person or the system whose change removes the error.
    pub fn caused_by(&self) -> &'static str {
        match self {
            Self::NotFound | Self::VersionGone(_) => "the operator or the person who stores secrets",
            Self::Denied | Self::Unauthenticated | Self::Unsupported => "the operator",
            Self::Sealed | Self::Unavailable | Self::Timeout => "the backend or the network",
            Self::Throttled { .. } => "the backend, or too many calls from this host",
            Self::Invalid | Self::Integrity => "the backend, or a proxy in front of it",
            Self::TooLarge => "the person who stored the secret",
            Self::OutOfLockedMemory => "the machine",
        }
    }

    /// Returns the next step, in the words of the command line.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NotFound => "create the secret, or set 'path' to its name in the provider",
            Self::VersionGone(_) => "use another version, or restore this one in the backend",
            Self::Denied => "permit the access in the policy of the backend, for the credentials of far",
            Self::Unauthenticated => "renew the credentials under [providers.NAME.auth], and check for their misuse",
            Self::Sealed => "unseal the backend",
            Self::Unavailable => "check that the backend is running, and check its address in far.toml",
            Self::Timeout => "check the load of the backend, and the network to it",
            Self::Throttled { .. } => "raise the rate limit of the backend, or run fewer tasks at a time",
            Self::Invalid => "check that 'address' and 'engine' in far.toml name the right server and engine",
            Self::Integrity => "read the secret with the tools of the backend, and store it again if it is damaged",
            Self::TooLarge => "store a smaller value: the maximum is 64 KiB",
            Self::OutOfLockedMemory => "raise the limit on locked memory ('ulimit -l')",
            Self::Unsupported => "see the page of the provider for its operations",
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_has_every_kind() {
        let index = |error: &ProviderError| match error {
            ProviderError::NotFound => 0,
            ProviderError::VersionGone(_) => 1,
            ProviderError::Denied => 2,
            ProviderError::Unauthenticated => 3,
            ProviderError::Sealed => 4,
            ProviderError::Unavailable => 5,
            ProviderError::Throttled { .. } => 6,
            ProviderError::Invalid => 7,
            ProviderError::Integrity => 8,
            ProviderError::TooLarge => 9,
            ProviderError::OutOfLockedMemory => 10,
            ProviderError::Timeout => 11,
            ProviderError::Unsupported => 12,
        };
        assert!(ProviderError::ALL.iter().map(index).eq(0..=12));
    }
}
