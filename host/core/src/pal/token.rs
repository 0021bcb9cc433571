//! Fixed tokens of events.

use far_capability::{DenyReason, tokens};
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

tokens! {
    /// The outcome of an action.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
    #[serde(into = "&'static str")]
    #[non_exhaustive]
    pub enum Outcome as_str {
        /// The action is about to happen. A later record has its outcome.
        Started = "started",
        /// The action succeeded.
        Completed = "completed",
        /// The host cannot determine whether the action happened.
        Unknown = "unknown",
        /// The skill returned an error.
        SkillError = "skill-error",
        /// The skill trapped, and not because of a limit of the host.
        Trapped = "trapped",
        /// The task exceeded its capability.
        ScopeViolation = "scope-violation",
        /// The task was not admitted.
        Refused = "refused",
        /// The task did not end before its timeout.
        TimedOut = "timed-out",
        /// The task exceeded one of its limits.
        LimitExceeded = "limit-exceeded",
        /// The skill returned an error after a backend did not answer.
        BackendUnavailable = "backend-unavailable",
        /// A required sink did not accept a record.
        AuditUnavailable = "audit-unavailable",
        /// The caller canceled the task.
        Cancelled = "cancelled",
        /// The host failed: this is a bug in far, or the machine lacks a resource.
        HostError = "host-error",
        /// The action failed, for the reason in the record.
        Failed = "failed",
    }
}

impl From<Outcome> for &'static str {
    fn from(outcome: Outcome) -> Self {
        outcome.as_str()
    }
}

tokens! {
    /// The cause of an action of the agent.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    #[serde(into = "&'static str")]
    #[non_exhaustive]
    pub enum Cause as_str {
        /// The lifetime of the value ended.
        Ttl = "ttl",
        /// A lease was about to end at the backend.
        Lease = "lease",
        /// A newer version replaced the value.
        Rotation = "rotation",
        /// A version reached the age that `rotate` in `far.toml` allows.
        Schedule = "schedule",
        /// The operator ran a command of `far secrets`.
        Operator = "operator",
        /// A killed process of the same agent left open leases. `count` is their number.
        Recovery = "recovery",
    }
}

impl From<Cause> for &'static str {
    fn from(cause: Cause) -> Self {
        cause.as_str()
    }
}

tokens! {
    /// The source of a value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    #[serde(into = "&'static str")]
    #[non_exhaustive]
    pub enum CacheState as_str {
        /// A cached value.
        Hit = "hit",
        /// A new value from the backend.
        Miss = "miss",
        /// A cached value that expired, because the backend does not answer.
        Stale = "stale",
    }
}

impl From<CacheState> for &'static str {
    fn from(cache: CacheState) -> Self {
        cache.as_str()
    }
}

tokens! {
    /// A reason that is neither a violation nor an error of a backend, a value or a request.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum HostReason token {
        /// The value exceeds the quota of locked memory of the task.
        OverQuota = "over-quota",
        /// A required sink did not accept the record, so that no value was released.
        AuditUnavailable = "audit-unavailable",
        /// The task ended before the action was complete.
        Ended = "ended",
        /// Lease journals of a killed process failed verification, and their leases were not
        /// revoked. `count` is the number of journals.
        CorruptJournal = "unsound-ledger",
    }
}

impl HostReason {
    /// Returns the person or the system whose change removes the reason.
    pub fn caused_by(self) -> &'static str {
        match self {
            Self::OverQuota => "the skill, which holds too many or too large values",
            Self::AuditUnavailable => "the machine, or the file of --audit or --pal",
            Self::Ended => "the skill, the scheduler or a signal",
            Self::CorruptJournal => "another program or user that changed the files",
        }
    }

    /// Returns the next step, if a person can take one.
    pub fn next_step(self) -> Option<&'static str> {
        match self {
            Self::OverQuota => Some("let the skill drop handles that it no longer needs"),
            Self::AuditUnavailable => Some("check the file given to --audit or --pal, and the space on its disk"),
            Self::Ended => None,
            Self::CorruptJournal => Some("revoke the leases of the agent at the backend"),
        }
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
