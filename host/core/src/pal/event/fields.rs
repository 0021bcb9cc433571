//! Groups of event fields.

use std::time::Duration;

use far_capability::{ProviderId, SecretName, Version};

use crate::pal::{EgressReason, SecretLabel, SendState};
use crate::secret::Secret;

/// A catalog secret in an event, with its version if it is known.
#[derive(Clone, Debug)]
pub struct SecretRef {
    pub(super) name: SecretLabel,
    pub(super) version: Option<Version>,
    pub(super) provider: ProviderId,
}

impl SecretRef {
    /// Refers to a secret without a version.
    pub fn new(name: &SecretName, provider: &ProviderId) -> Self {
        Self { name: SecretLabel::Listed(name.clone()), version: None, provider: provider.clone() }
    }

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: Option<Version>) -> Self {
        self.version = version;
        self
    }
}

impl From<&Secret> for SecretRef {
    fn from(secret: &Secret) -> Self {
        Self::new(secret.name(), secret.provider()).with_version(Some(secret.version().clone()))
    }
}

/// The result and the duration of a call or a use.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    pub(super) failed: Option<&'static str>,
    pub(super) duration: Duration,
}

impl Completion {
    /// Creates a completion; `failed` is the reason of a failure, a fixed token.
    pub fn new(failed: Option<&'static str>, duration: Duration) -> Self {
        Self { failed, duration }
    }
}

/// The state of a use of a secret in a request. Reasons are fixed tokens.
#[derive(Clone, Copy, Debug)]
pub enum SecretUse {
    /// The request may leave after this record.
    Started,
    /// The server responded.
    Completed,
    /// The host cannot determine whether the secret left.
    Unknown(Option<&'static str>),
    /// The secret did not leave.
    Failed(Option<&'static str>),
}

/// The end of a request.
#[derive(Clone, Copy, Debug)]
pub enum EgressEnd {
    /// The response is complete.
    Completed,
    /// The response is missing or incomplete.
    Failed(EgressReason),
    /// The skill, or the end of its task, canceled the request.
    Cancelled,
}

/// The progress of a request.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// The state of sending.
    pub sent: SendState,
    /// The status of the response.
    pub status: Option<u16>,
    /// The bytes of the request body that were passed to the connection.
    pub bytes_sent: u64,
    /// The received bytes of the response body.
    pub bytes_received: u64,
}

impl Transfer {
    /// Creates the state before sending.
    pub fn new() -> Self {
        Self { sent: SendState::No, status: None, bytes_sent: 0, bytes_received: 0 }
    }
}

impl Default for Transfer {
    fn default() -> Self {
        Self::new()
    }
}

/// The result of revoking the leases and tokens that an earlier process of the agent left.
#[derive(Clone, Copy, Debug)]
pub enum LeaseRecovery {
    /// The number of revoked leases and tokens.
    Revoked(u64),
    /// The number of failures, if it is known.
    Failed(Option<u64>),
    /// The number of lease journals that failed verification.
    CorruptJournal(u64),
}
