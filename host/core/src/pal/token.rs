//! Fixed tokens of events.

use far_capability::DenyReason;
use serde::Serialize;

/// A fixed token that says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Reason {
    /// Of a violation.
    Denied(DenyReason),
    /// Of anything else: text from this program's source.
    Token(&'static str),
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum Outcome {
    /// Recorded before it happens; a later record says how it ended.
    Started,
    /// As asked.
    Completed,
    /// The host cannot tell whether it happened.
    Unknown,
    /// The skill returned an error.
    SkillError,
    /// The skill crashed: a trap that is none of the host's limits.
    Trapped,
    /// The task went beyond its capability.
    ScopeViolation,
    /// The task was not let in.
    Refused,
    /// The task's deadline passed.
    TimedOut,
    /// The task went beyond one of its limits.
    LimitExceeded,
    /// The skill returned an error after a backend had not answered.
    BackendUnavailable,
    /// A required sink did not take a record.
    AuditUnavailable,
    /// Whoever ran the task stopped it.
    Cancelled,
    /// The host failed; a defect of this program.
    HostError,
    /// The backend, or the state of a secret, stood in the way; the reason says how.
    Failed,
}

impl Outcome {
    /// The outcome's name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Unknown => "unknown",
            Self::SkillError => "skill-error",
            Self::Trapped => "trapped",
            Self::ScopeViolation => "scope-violation",
            Self::Refused => "refused",
            Self::TimedOut => "timed-out",
            Self::LimitExceeded => "limit-exceeded",
            Self::BackendUnavailable => "backend-unavailable",
            Self::AuditUnavailable => "audit-unavailable",
            Self::Cancelled => "cancelled",
            Self::HostError => "host-error",
            Self::Failed => "failed",
        }
    }
}

impl From<Outcome> for &'static str {
    fn from(outcome: Outcome) -> Self {
        outcome.as_str()
    }
}

/// What makes the agent do something by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum Cause {
    /// A value's time ended.
    Ttl,
    /// What a backend made was about to end there.
    Lease,
    /// Another version took a value's place.
    Rotation,
    /// A version had become as old as the catalog lets it.
    Schedule,
    /// The operator asked for it.
    Operator,
    /// A process that is no more left it.
    Recovery,
}

impl Cause {
    /// The cause's name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ttl => "ttl",
            Self::Lease => "lease",
            Self::Rotation => "rotation",
            Self::Schedule => "schedule",
            Self::Operator => "operator",
            Self::Recovery => "recovery",
        }
    }
}

impl From<Cause> for &'static str {
    fn from(cause: Cause) -> Self {
        cause.as_str()
    }
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum CacheState {
    /// The host's memory.
    Hit,
    /// The backend.
    Miss,
    /// The host's memory, beyond the value's time, since the backend does not answer.
    Stale,
}

impl CacheState {
    /// The state's name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

impl From<CacheState> for &'static str {
    fn from(cache: CacheState) -> Self {
        cache.as_str()
    }
}

/// How much a skill says that its log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Detail for the author.
    Debug,
    /// What happened.
    Info,
    /// Unexpected, and dealt with.
    Warn,
    /// Not dealt with.
    Error,
}
