//! Where a value is kept, for whom, and for how long.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{ProviderId, Reference, Rotation, SecretName, SkillDigest, TaskId, ToolName, VersionSelector};
use far_memory::{OverQuota, Quota};

use crate::pal::AuditUnavailable;
use crate::provider::ProviderError;

/// Who shares an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ScopeSubject {
    Task(TaskId),
    Skill(SkillDigest),
    Tool(ToolName),
    Agent,
}

/// What an entry is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) name: SecretName,
    pub(super) version: VersionSelector,
    pub(super) provider: ProviderId,
    pub(super) reference: Reference,
}

/// How a value is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// How long at most.
    pub(super) ttl: Duration,
    /// How long beyond that for a backend that does not answer.
    pub(super) stale: Duration,
    pub(super) rotation: Option<Rotation>,
}

impl Plan {
    /// How long the version before is used.
    pub(super) fn overlap(&self) -> Duration {
        self.rotation.map_or(Rotation::DEFAULT_OVERLAP, |rotation| rotation.overlap)
    }
}

/// Where a value is kept, and how.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) scope: ScopeSubject,
    pub(super) key: Key,
    pub(super) plan: Plan,
    /// What it is counted against: nothing if it is for more than one task.
    pub(super) quota: Option<Arc<Quota>>,
}

/// Why a flight brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FetchError {
    Provider(ProviderError),
    /// The task that it was for has used up its locked memory.
    OverQuota(OverQuota),
    /// The provider's answer could not be recorded: none of those who wait for it may have it.
    Audit(AuditUnavailable),
}

impl FetchError {
    /// The error's token in events.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Provider(error) => error.kind(),
            Self::OverQuota(_) => "over-quota",
            Self::Audit(_) => "audit-unavailable",
        }
    }

    /// Whether the backend gave no answer, so that what was known before may still be so.
    pub(super) fn is_no_answer(&self) -> bool {
        matches!(self, Self::Provider(error) if error.is_no_answer())
    }

    pub(super) fn is_confirmed_absence(&self) -> bool {
        matches!(self, Self::Provider(error) if error.is_confirmed_absence())
    }
}
