//! Errors of an access: some are for the skill, others end the task.

use std::time::Duration;

use far_capability::{DenyReason, Operation};

use crate::pal::{AuditUnavailable, SecretLabel};
use crate::provider::ProviderError;
use crate::redaction::LearnError;
use crate::secret::EndReason;

/// Reasons why an access failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The task must end: the caller turns the error into a trap.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// The skill gets the error, and may continue.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Reasons to end a task at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// The task violated its capability.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// A required sink rejected a record.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// The task exceeded its limit on records.
    #[error("the task exceeded its limit on records")]
    Records,
    /// The task has ended. This is not recorded: the end is.
    #[error("the task has ended")]
    Ended,
}

/// A violation of a task's capability (ADR-0023 R13).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope violation on '{secret}': {}", .reason.explanation())]
pub struct Violation {
    /// The secret, in a form that may be shown.
    pub secret: SecretLabel,
    /// The attempted operation; `None` for a handle.
    pub operation: Option<Operation>,
    /// The rule that was violated.
    pub reason: DenyReason,
}

/// Reasons why a permitted secret cannot be used: the WIT contract's `error`, without text from a
/// backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The backend has no such secret.
    #[error("the backend has no such secret")]
    NotFound,
    /// The backend no longer has the version.
    #[error("the backend no longer has the version")]
    VersionGone,
    /// The value, or the grant, has expired.
    #[error("the secret expired")]
    Expired,
    /// The secret was revoked.
    #[error("the secret was revoked")]
    Revoked,
    /// The grant's uses, or the task's quota of locked memory, are exhausted.
    #[error("the grant's uses, or the task's memory quota, are exhausted")]
    Exhausted,
    /// The backend does not answer, or its answer is invalid.
    #[error("the backend is unavailable")]
    Unavailable {
        /// The time to wait before a retry, if the backend reported one.
        retry_after: Option<Duration>,
    },
    /// The value is too large.
    #[error("the value is too large")]
    TooLarge,
}

impl SecretError {
    /// One error of each kind.
    pub const ALL: [Self; 7] = [
        Self::NotFound,
        Self::VersionGone,
        Self::Expired,
        Self::Revoked,
        Self::Exhausted,
        Self::Unavailable { retry_after: None },
        Self::TooLarge,
    ];

    /// Returns the person or the system whose change removes the error.
    pub fn caused_by(&self) -> &'static str {
        match self {
            Self::NotFound | Self::VersionGone => "the operator or the person who stores secrets",
            Self::Expired => "the lifetime of the value, or 'expires' of the grant",
            Self::Revoked => "the operator, or the backend",
            Self::Exhausted => "the skill, or 'max-uses' of the grant",
            Self::Unavailable { .. } => "the backend or the network",
            Self::TooLarge => "the person who stored the secret",
        }
    }

    /// Returns the next step, in the words of the command line.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NotFound => "create the secret, or set 'path' to its name in the provider",
            Self::VersionGone => "use another version, or restore this one in the backend",
            Self::Expired => "get the secret again in the skill, or raise 'expires' of the grant",
            Self::Revoked => "get the secret again in the skill: the next version is valid",
            Self::Exhausted => "raise 'max-uses' of the grant, or let the skill drop unused handles",
            Self::Unavailable { .. } => "find the 'secret.fetched' event of the secret, and explain its reason",
            Self::TooLarge => "store a smaller value: the maximum is 64 KiB",
        }
    }

    /// Returns the error's token in events.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::VersionGone => "version-gone",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Exhausted => "exhausted",
            Self::Unavailable { .. } => "unavailable",
            Self::TooLarge => "too-large",
        }
    }
}

impl From<ProviderError> for SecretError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::NotFound => Self::NotFound,
            ProviderError::VersionGone(_) => Self::VersionGone,
            ProviderError::TooLarge => Self::TooLarge,
            ProviderError::Throttled { retry_after } => Self::Unavailable { retry_after },
            // A guest must not learn how the operator's backend is configured.
            _ => Self::Unavailable { retry_after: None },
        }
    }
}

impl From<EndReason> for SecretError {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Revoked => Self::Revoked,
            EndReason::Expired | EndReason::ScopeEnded => Self::Expired,
        }
    }
}

impl From<LearnError> for SecretError {
    fn from(_: LearnError) -> Self {
        // The host is short of memory, as when a value finds no locked memory.
        Self::Unavailable { retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_has_every_kind() {
        let index = |error: &SecretError| match error {
            SecretError::NotFound => 0,
            SecretError::VersionGone => 1,
            SecretError::Expired => 2,
            SecretError::Revoked => 3,
            SecretError::Exhausted => 4,
            SecretError::Unavailable { .. } => 5,
            SecretError::TooLarge => 6,
        };
        assert!(SecretError::ALL.iter().map(index).eq(0..=6));
    }
}
