//! Tasks and their reports.

use std::sync::Arc;
use std::time::Duration;

use far_core::broker::Violation;
use far_core::capability::{CapabilityError, Destination, Gap, Grant, tokens};
use far_core::pal::{AuditUnavailable, Outcome};
use far_core::{AgentId, ProviderId, SecretName, SkillDigest, SkillName, TaskId};

use crate::limits::{Limit, Limits};
use crate::skill::Skill;
use crate::task_log::LogEntry;

/// One call of a skill, with its input, grants and limits.
///
/// [`Runtime::run`](crate::Runtime::run) runs a task of a [`Skill`].
/// [`Runtime::open_task`](crate::Runtime::open_task) admits a task of an
/// [`EmbeddedSkill`](crate::embed::EmbeddedSkill).
#[derive(Debug)]
pub struct Task<S = Skill> {
    pub(crate) skill: Arc<S>,
    pub(crate) spec: TaskSpec,
}

/// A task without its skill.
#[derive(Clone, Debug)]
pub(crate) struct TaskSpec {
    pub(crate) id: Option<TaskId>,
    pub(crate) input: Vec<u8>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) egress: Vec<Destination>,
    pub(crate) limits: Limits,
}

impl<S> Task<S> {
    /// Creates a task with no grants, an empty input, the default limits and a random ID.
    pub fn new(skill: &Arc<S>) -> Self {
        let (id, input, grants, egress) = (None, Vec::new(), Vec::new(), Vec::new());
        Self { skill: skill.clone(), spec: TaskSpec { id, input, grants, egress, limits: Limits::default() } }
    }

    /// Sets the task's ID.
    #[must_use]
    pub fn with_id(mut self, id: TaskId) -> Self {
        self.spec.id = Some(id);
        self
    }

    /// Sets the input, a JSON document by convention.
    #[must_use]
    pub fn with_input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.spec.input = input.into();
        self
    }

    /// Adds a grant.
    #[must_use]
    pub fn with_grant(mut self, grant: Grant) -> Self {
        self.spec.grants.push(grant);
        self
    }

    /// Adds a destination of requests without a secret.
    #[must_use]
    pub fn with_egress(mut self, destination: Destination) -> Self {
        self.spec.egress.push(destination);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.spec.limits = limits;
        self
    }
}

// Not derived, which would require `S: Clone`.
impl<S> Clone for Task<S> {
    fn clone(&self) -> Self {
        Self { skill: self.skill.clone(), spec: self.spec.clone() }
    }
}

/// Reasons why a task cannot be opened. None of it has run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The task is refused. The refusal is recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A required sink did not accept the record of the admission.
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

/// Reasons to refuse a task before it runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The grants do not form one capability.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// The skill requires a secret that the task cannot use as declared.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// The skill imports `reveal`, but no secret is declared, granted and permitted with this
    /// operation.
    #[error("the skill imports 'reveal', but no grant permits 'reveal'")]
    Reveal,
    /// The catalog refers to a provider that is not configured.
    #[error("the secret '{secret}' comes from the provider '{provider}', which is not configured")]
    Provider {
        /// The secret.
        secret: SecretName,
        /// The provider.
        provider: ProviderId,
    },
    /// The input exceeds the task's limit.
    #[error("the input has {length} bytes, which exceeds the limit of {limit}")]
    InputTooLarge {
        /// The length of the input, in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A limit is zero, or exceeds the runtime's maximum.
    #[error("the limit '{0}' is zero, or exceeds this host's maximum")]
    Limit(&'static str),
    /// A task with this ID is running.
    #[error("a task with this ID is already running")]
    Running,
    /// The operating system provided no random bytes for a task ID.
    #[error("cannot get random bytes")]
    Random,
}

impl Refusal {
    /// Returns a stable token for events.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Capability(_) => RefusalKind::AmbiguousGrant.token(),
            Self::Gap(gap) => gap.reason.token(),
            Self::Reveal => RefusalKind::Reveal.token(),
            Self::Provider { .. } => RefusalKind::Provider.token(),
            Self::InputTooLarge { .. } => RefusalKind::Input.token(),
            Self::Limit(_) => RefusalKind::Limit.token(),
            Self::Running => RefusalKind::Running.token(),
            Self::Random => RefusalKind::Random.token(),
        }
    }
}

tokens! {
    /// The kind of a [`Refusal`] that is not the reason of a violation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum RefusalKind token {
        /// Two grants name the same secret.
        AmbiguousGrant = "ambiguous-grant",
        /// The skill imports `reveal`, but no secret is declared, granted and permitted with it.
        Reveal = "reveal",
        /// A secret comes from a provider that is not configured.
        Provider = "provider",
        /// The input is larger than the limit of the task.
        Input = "input",
        /// A limit is zero, or exceeds the maximum of the host.
        Limit = "limit",
        /// A task with this ID is already running.
        Running = "running",
        /// The operating system provided no random bytes for a task ID.
        Random = "random",
    }
}

impl RefusalKind {
    /// Returns the person or the system whose change removes the refusal.
    pub fn caused_by(self) -> &'static str {
        match self {
            Self::AmbiguousGrant | Self::Input | Self::Limit | Self::Running => "the scheduler",
            Self::Reveal => "the author, the scheduler or the operator",
            Self::Provider => "the operator",
            Self::Random => "the machine",
        }
    }

    /// Returns the next step, in the words of the command line.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::AmbiguousGrant => "grant each secret once, with all its operations",
            Self::Reveal => "grant 'reveal' for a secret that the skill declares with 'reveal'",
            Self::Provider => "add the table [providers.NAME] to far.toml, or name another provider",
            Self::Input => "raise 'input' under [limits] in a task file, or reduce the input",
            Self::Limit => "set the limit under [limits] in a task file to a value within its range",
            Self::Running => "wait for the other task, or use another ID",
            Self::Random => "check that the system call 'getrandom' is permitted",
        }
    }
}

/// The end of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The skill returned this output. Values of the task are redacted.
    Completed(Vec<u8>),
    /// The skill returned this error. Values of the task are redacted. The string is untrusted:
    /// escape it for display.
    SkillError(String),
    /// The skill returned this error after a backend failed.
    BackendUnavailable(String),
    /// The skill trapped, with the engine's message.
    Trapped(String),
    /// The task violated its capability.
    Violation(Violation),
    /// The task exceeded a limit.
    LimitExceeded(Limit),
    /// The task exceeded its timeout.
    TimedOut,
    /// The caller canceled the task: see [`Runtime::run_until`](crate::Runtime::run_until).
    Cancelled,
    /// The task was not admitted.
    Refused(Refusal),
    /// A required sink did not accept a record.
    AuditUnavailable(AuditUnavailable),
    /// The host failed, because of a defect or for lack of memory.
    HostError,
}

impl End {
    /// Returns the limit that the task exceeded, if it ended for that reason.
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

/// The report of a task that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The task's ID; none if the task was refused before it got one.
    pub task_id: Option<TaskId>,
    /// The agent that ran the task.
    pub agent_id: AgentId,
    /// The skill's declared name.
    pub skill: Option<SkillName>,
    /// The digest of the skill.
    pub skill_digest: SkillDigest,
    /// The end of the task.
    pub end: End,
    /// The limits of the task.
    pub limits: Limits,
    /// The task log: the skill's log lines and output streams. Values of the task are redacted.
    pub log: Vec<LogEntry>,
    /// Bytes that did not fit into the log, counted after redaction where they were redacted.
    pub log_discarded: u64,
    /// Calls of backends that the task caused.
    pub provider_calls: u64,
    /// Time from admission to the end.
    pub duration: Duration,
}
