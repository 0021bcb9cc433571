//! How an access goes wrong: by an error that a skill may handle, or by one that ends the task.

use std::time::Duration;

use far_capability::{DenyReason, Operation};

use crate::pal::{AuditUnavailable, SecretLabel};
use crate::provider::ProviderError;
use crate::redaction::LearnError;
use crate::secret::Gone;

/// Why an access gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The task ends here: the error must become a trap.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// The skill is told, and may go on.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Why a task ends at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// The task went beyond its capability.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// A required sink did not take a record.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// The task would have had more events recorded than it may.
    #[error("the task went beyond its limit on records")]
    Records,
    /// The task has ended already. Not recorded: the end is.
    #[error("the task has ended")]
    Ended,
}

/// A task went beyond its capability (ADR-0023 R13).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope violation on '{secret}': {}", .reason.explanation())]
pub struct Violation {
    /// The secret, as it may be shown.
    pub secret: SecretLabel,
    /// The operation that was tried; none for a handle.
    pub operation: Option<Operation>,
    /// Which rule stands against it.
    pub reason: DenyReason,
}

/// Why a secret that a task may use could not be used: the WIT contract's `error`, without any backend's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The backend has no such secret.
    #[error("the backend has no such secret")]
    NotFound,
    /// The backend no longer has the version.
    #[error("the backend no longer has the version")]
    VersionGone,
    /// The value's time, or the grant's, ended.
    #[error("the secret expired")]
    Expired,
    /// The secret was revoked.
    #[error("the secret was revoked")]
    Revoked,
    /// The grant's uses, or the task's budget of locked memory, are used up.
    #[error("the grant's uses, or the task's budget, are used up")]
    Exhausted,
    /// The backend does not answer, or not so that it can be understood.
    #[error("the backend is unavailable")]
    Unavailable {
        /// When to try again, if the backend said so.
        retry_after: Option<Duration>,
    },
    /// The value is too large.
    #[error("the value is too large")]
    TooLarge,
}

impl SecretError {
    /// The error's token in events.
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
            // A guest learns that there is no answer, not how the operator's backend is set up.
            _ => Self::Unavailable { retry_after: None },
        }
    }
}

impl From<Gone> for SecretError {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Revoked => Self::Revoked,
            Gone::Expired | Gone::ScopeEnded => Self::Expired,
        }
    }
}

impl From<LearnError> for SecretError {
    fn from(_: LearnError) -> Self {
        // The host's lack, as when there is no locked memory for the value itself.
        Self::Unavailable { retry_after: None }
    }
}
