//! Particulars that belong together.

use std::time::Duration;

use far_capability::{ProviderId, SecretName, Version};

use crate::pal::{EgressReason, SecretLabel, Sent};
use crate::secret::Secret;

/// A secret of the catalog as an event names it: with its version, where that is known.
#[derive(Clone, Debug)]
pub struct SecretRef {
    pub(super) name: SecretLabel,
    pub(super) version: Option<Version>,
    pub(super) provider: ProviderId,
}

impl SecretRef {
    /// A secret of which no version is known.
    pub fn new(name: &SecretName, provider: &ProviderId) -> Self {
        Self { name: SecretLabel::Listed(name.clone()), version: None, provider: provider.clone() }
    }

    /// Names the version, where there is one.
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

/// The end of a call or a use: completed or failed, and how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    pub(super) failed: Option<&'static str>,
    pub(super) duration: Duration,
}

impl Completion {
    /// Completed, or failed for a reason, which is a fixed token.
    pub fn new(failed: Option<&'static str>, duration: Duration) -> Self {
        Self { failed, duration }
    }
}

/// The state of a use of a secret in a request; reasons are fixed tokens.
#[derive(Clone, Copy, Debug)]
pub enum SecretUse {
    /// The request may leave after this record.
    Started,
    /// The server answered.
    Completed,
    /// Whether the secret left cannot be determined.
    Unknown(Option<&'static str>),
    /// The secret did not leave.
    Failed(Option<&'static str>),
}

/// The end of a request.
#[derive(Clone, Copy, Debug)]
pub enum EgressEnd {
    /// The answer is there as a whole.
    Completed,
    /// The answer is missing or incomplete.
    Failed(EgressReason),
    /// The skill, or the end of its task, cancelled it.
    Cancelled,
}

/// The progress of a request.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// Whether any of it was sent.
    pub sent: Sent,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The bytes of its body that were handed to the connection, if it was sent.
    pub bytes_sent: u64,
    /// The bytes of the answer's body that arrived.
    pub bytes_received: u64,
}

impl Transfer {
    /// Nothing was sent.
    pub fn new() -> Self {
        Self { sent: Sent::No, status: None, bytes_sent: 0, bytes_received: 0 }
    }
}

impl Default for Transfer {
    fn default() -> Self {
        Self::new()
    }
}

/// What became of leases and tokens that an earlier process of the agent left.
#[derive(Clone, Copy, Debug)]
pub enum LeaseRecovery {
    /// So many were revoked.
    Revoked(u64),
    /// So many were not, where their number is known.
    Failed(Option<u64>),
    /// So many files of them are not as they were written.
    UnsoundLedger(u64),
}
