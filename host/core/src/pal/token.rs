//! Fixed tokens of events.

use far_capability::DenyReason;
use serde::Serialize;

/// A reason, as a fixed token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Reason {
    /// The reason of a violation.
    Denied(DenyReason),
    /// Any other reason, from a string literal of this program.
    Token(&'static str),
}

/// The outcome of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum Outcome {
    /// The action is about to happen. A later record has its outcome.
    Started,
    /// The action succeeded.
    Completed,
    /// The host cannot determine whether the action happened.
    Unknown,
    /// The skill returned an error.
    SkillError,
    /// The skill trapped, and not because of a limit of the host.
    Trapped,
    /// The task exceeded its capability.
    ScopeViolation,
    /// The task was not admitted.
    Refused,
    /// The task's deadline passed.
    TimedOut,
    /// The task exceeded one of its limits.
    LimitExceeded,
    /// The skill returned an error after a backend did not answer.
    BackendUnavailable,
    /// A required sink did not accept a record.
    AuditUnavailable,
    /// The caller canceled the task.
    Cancelled,
    /// The host failed. This is a defect of this program.
    HostError,
    /// The action failed, for the reason in the record.
    Failed,
}

impl Outcome {
    /// Returns the outcome's name in records.
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

/// The cause of an action of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum Cause {
    /// A value expired.
    Ttl,
    /// A lease was about to end.
    Lease,
    /// A newer version replaced a value.
    Rotation,
    /// A version reached the maximum age of the catalog's schedule.
    Schedule,
    /// The operator requested the action.
    Operator,
    /// An earlier process of the agent left a lease.
    Recovery,
}

impl Cause {
    /// Returns the cause's name in records.
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

/// The source of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum CacheState {
    /// The cache.
    Hit,
    /// The backend.
    Miss,
    /// The cache, after the value expired, because the backend does not answer.
    Stale,
}

impl CacheState {
    /// Returns the state's name in records.
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

/// The level that a skill gives a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// A detail for the skill's author.
    Debug,
    /// A normal event.
    Info,
    /// An unexpected event that the skill handled.
    Warn,
    /// A failure that the skill did not handle.
    Error,
}
