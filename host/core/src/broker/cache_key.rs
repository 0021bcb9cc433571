//! The identity of a cache entry, and the policy for its value.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{ProviderId, Reference, Rotation, SecretName, SkillDigest, TaskId, ToolName, VersionSelector};
use far_memory::{Quota, QuotaExceeded};

use crate::pal::{AuditUnavailable, HostReason};
use crate::provider::ProviderError;

/// The task, skill, tool or agent that shares an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ScopeOwner {
    Task(TaskId),
    Skill(SkillDigest),
    Tool(ToolName),
    Agent,
}

/// One version of a secret in one backend, by its name in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct EntryKey {
    pub(super) name: SecretName,
    pub(super) version: VersionSelector,
    pub(super) provider: ProviderId,
    pub(super) reference: Reference,
}

/// The lifetime of a cached value.
#[derive(Clone, Copy, Debug)]
pub(super) struct CachePolicy {
    /// The longest time until the expiry.
    pub(super) ttl: Duration,
    /// The time after the expiry for stale-if-error.
    pub(super) stale: Duration,
    pub(super) rotation: Option<Rotation>,
}

impl CachePolicy {
    /// Returns the overlap: the grace period of the previous version.
    pub(super) fn overlap(&self) -> Duration {
        self.rotation.map_or(Rotation::DEFAULT_OVERLAP, |rotation| rotation.overlap)
    }
}

/// The key of a cache entry, with the policy and the quota for its value.
#[derive(Clone, Debug)]
pub(super) struct CacheKey {
    pub(super) scope: ScopeOwner,
    pub(super) entry: EntryKey,
    pub(super) policy: CachePolicy,
    /// The quota of the task; `None` for a value that several tasks share.
    pub(super) quota: Option<Arc<Quota>>,
}

/// Reasons why a fetch has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FetchError {
    Provider(ProviderError),
    /// The value exceeds the task's quota of locked memory.
    QuotaExceeded(QuotaExceeded),
    /// The answer could not be recorded: no caller may use it.
    Audit(AuditUnavailable),
}

impl FetchError {
    /// Returns the error's token in events.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Provider(error) => error.kind(),
            Self::QuotaExceeded(_) => HostReason::OverQuota.token(),
            Self::Audit(_) => HostReason::AuditUnavailable.token(),
        }
    }

    /// Returns true if the backend gave no answer, so that the cached value may still be right.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Provider(error) if error.is_transient())
    }

    pub(super) fn is_confirmed_absence(&self) -> bool {
        matches!(self, Self::Provider(error) if error.is_confirmed_absence())
    }
}
