//! A task as it comes in, and as it is reported.

use std::sync::Arc;
use std::time::Duration;

use far_core::broker::Violation;
use far_core::capability::{CapabilityError, Destination, Gap, Grant};
use far_core::pal::{AuditUnavailable, Outcome};
use far_core::{AgentId, ProviderId, SecretName, SkillDigest, SkillName, TaskId};

use crate::limits::{Limit, Limits};
use crate::skill::Skill;
use crate::task_log::LogEntry;

/// One job for one skill.
///
/// [`Runtime::run`](crate::Runtime::run) runs a task of a [`Skill`], and
/// [`Runtime::open_task`](crate::Runtime::open_task) admits one of an
/// [`EmbeddedSkill`](crate::embed::EmbeddedSkill).
#[derive(Debug)]
pub struct Task<S = Skill> {
    pub(crate) skill: Arc<S>,
    pub(crate) job: Job,
}

/// A task, but for its skill.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: Option<TaskId>,
    pub(crate) input: Vec<u8>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) egress: Vec<Destination>,
    pub(crate) limits: Limits,
}

impl<S> Task<S> {
    /// Returns a task without grants, with an empty input, the default limits and a random id.
    pub fn new(skill: &Arc<S>) -> Self {
        let (id, input, grants, egress) = (None, Vec::new(), Vec::new(), Vec::new());
        Self { skill: skill.clone(), job: Job { id, input, grants, egress, limits: Limits::default() } }
    }

    /// Sets the task's id.
    #[must_use]
    pub fn with_id(mut self, id: TaskId) -> Self {
        self.job.id = Some(id);
        self
    }

    /// Sets the input, a JSON document by convention.
    #[must_use]
    pub fn with_input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.job.input = input.into();
        self
    }

    /// Adds a grant.
    #[must_use]
    pub fn with_grant(mut self, grant: Grant) -> Self {
        self.job.grants.push(grant);
        self
    }

    /// Adds a destination of requests without a secret.
    #[must_use]
    pub fn with_egress(mut self, destination: Destination) -> Self {
        self.job.egress.push(destination);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.job.limits = limits;
        self
    }
}

// Not derived: that would ask for a skill that can be cloned.
impl<S> Clone for Task<S> {
    fn clone(&self) -> Self {
        Self { skill: self.skill.clone(), job: self.job.clone() }
    }
}

/// Why a task was not admitted. Nothing of it ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The task may not run as requested. This is recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A required sink did not take the record of the admission.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
}

impl From<OpenError> for End {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Refused(refusal) => Self::Refused(refusal),
            OpenError::Audit(unavailable) => Self::AuditUnavailable(unavailable),
        }
    }
}

/// Reasons why a task was refused before any of it ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The grants do not make one capability.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// The skill requires a secret that the task cannot use as declared.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// The skill could take a secret's bytes, and nothing that was declared, granted and permitted lets it.
    #[error("the skill imports 'reveal', but is not granted to reveal any secret")]
    Reveal,
    /// The catalog refers to a provider that is not there.
    #[error("the secret '{secret}' comes from the provider '{provider}', which is not configured")]
    Provider {
        /// The secret.
        secret: SecretName,
        /// The provider.
        provider: ProviderId,
    },
    /// The input is larger than the task's limit.
    #[error("the input has {length} bytes, above the limit of {limit}")]
    InputTooLarge {
        /// The input's length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A limit is zero, or above what the runtime gives to any task.
    #[error("the limit '{0}' is zero, or above what this host gives to any task")]
    Limit(&'static str),
    /// A task of this id is running: the two would share what is a task's own.
    #[error("a task of this id is running already")]
    Running,
    /// The host has no random numbers, and so no task id.
    #[error("the operating system gave no random numbers")]
    Random,
}

impl Refusal {
    /// A stable token for events.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Capability(_) => "ambiguous-grant",
            Self::Gap(gap) => gap.reason.token(),
            Self::Reveal => "reveal",
            Self::Provider { .. } => "provider",
            Self::InputTooLarge { .. } => "input",
            Self::Limit(_) => "limit",
            Self::Running => "running",
            Self::Random => "random",
        }
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The skill returned this output; values that the task was given are redacted.
    Completed(Vec<u8>),
    /// The skill returned this error; values that the task was given are redacted. Guest's text: escape it wherever it is
    /// shown.
    SkillError(String),
    /// The skill returned this error after a backend had not answered.
    BackendUnavailable(String),
    /// The skill crashed, in the engine's words.
    Trapped(String),
    /// The task went beyond its capability.
    Violation(Violation),
    /// The task went beyond one of its limits.
    LimitExceeded(Limit),
    /// The task's time was over.
    TimedOut,
    /// The caller cancelled the task, see [`Runtime::run_until`](crate::Runtime::run_until).
    Cancelled,
    /// The task was not let in.
    Refused(Refusal),
    /// A required sink did not take a record.
    AuditUnavailable(AuditUnavailable),
    /// The host failed: a defect of this program, or a machine that has no memory left for it.
    HostError,
}

impl End {
    /// Returns the limit that the task went beyond, if it ended for that.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::LimitExceeded(limit) => Some(*limit),
            _ => None,
        }
    }

    /// Returns the outcome as the PAL records it.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Completed(_) => Outcome::Completed,
            Self::SkillError(_) => Outcome::SkillError,
            Self::BackendUnavailable(_) => Outcome::BackendUnavailable,
            Self::Trapped(_) => Outcome::Trapped,
            Self::Violation(_) => Outcome::ScopeViolation,
            Self::LimitExceeded(_) => Outcome::LimitExceeded,
            Self::TimedOut => Outcome::TimedOut,
            Self::Cancelled => Outcome::Cancelled,
            Self::Refused(_) => Outcome::Refused,
            Self::AuditUnavailable(_) => Outcome::AuditUnavailable,
            Self::HostError => Outcome::HostError,
        }
    }
}

/// The report of a task that ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The task's id; none if it was refused before it had one.
    pub task_id: Option<TaskId>,
    /// The agent that ran it.
    pub agent_id: AgentId,
    /// The skill's declared name.
    pub skill: Option<SkillName>,
    /// The skill's identity.
    pub skill_digest: SkillDigest,
    /// How it ended.
    pub end: End,
    /// The limits that it had.
    pub limits: Limits,
    /// The task log: what the skill wrote for people, with values that it was given redacted.
    pub log: Vec<LogEntry>,
    /// How many bytes it wrote beyond its log's limit; of what was redacted, as it would be shown.
    pub log_discarded: u64,
    /// How many calls of backends it caused.
    pub provider_calls: u64,
    /// From admission to the end.
    pub duration: Duration,
}
