//! What is recorded.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{AgentId, DenyReason, Operation, ProviderId, SkillDigest, SkillName, TaskId, Version};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{DestinationLabel, EventKind, SecretLabel, Sent};
use crate::context::TaskContext;
use crate::secret::Secret;

/// What happened. The kind says what an event means; the rest are its particulars, each of a type that takes only fixed
/// tokens, parsed names and numbers.
///
/// No text fits in:
///
/// ```compile_fail
/// use far_core::pal::{Event, EventKind};
///
/// Event { secret_name: Some("text of a guest".to_owned()), ..Event::new(EventKind::SecretDenied) };
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The kind.
    #[serde(rename = "event")]
    pub kind: EventKind,
    /// The secret that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<SecretLabel>,
    /// The secret's version, as the backend says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_version: Option<Version>,
    /// The backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// The operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Where a request goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationLabel>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why, as a fixed token of this program: a [`DenyReason`]'s, a provider error's kind, and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What made the agent do it, where no task did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Where the value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheState>,
    /// The status of a server's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether anything of a request was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
    /// The bytes of a request's body that were handed to the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// The bytes of an answer's body that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<u64>,
    /// How long it took.
    #[serde(rename = "duration_us", skip_serializing_if = "Option::is_none", serialize_with = "microseconds")]
    pub duration: Option<Duration>,
    /// The level of a log line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
    /// The length of a log line in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// How many of a kind the event stands for, where it is more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// When the first of those happened, by the wall clock.
    #[serde(rename = "first_ts", skip_serializing_if = "Option::is_none", serialize_with = "rfc3339_if_some")]
    pub first: Option<Timestamp>,
    /// When the last of those happened, by the wall clock.
    #[serde(rename = "last_ts", skip_serializing_if = "Option::is_none", serialize_with = "rfc3339_if_some")]
    pub last: Option<Timestamp>,
}

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

impl Event {
    /// An event of this kind, without particulars.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            secret_name: None,
            secret_version: None,
            provider: None,
            operation: None,
            destination: None,
            outcome: None,
            reason: None,
            cause: None,
            cache: None,
            status: None,
            sent: None,
            bytes_sent: None,
            bytes_received: None,
            duration: None,
            level: None,
            length: None,
            count: None,
            first: None,
            last: None,
        }
    }

    /// An event about a secret that was fetched.
    pub fn about(kind: EventKind, secret: &Secret) -> Self {
        Self {
            secret_name: Some(SecretLabel::Listed(secret.name().clone())),
            secret_version: Some(secret.version().clone()),
            provider: Some(secret.provider().clone()),
            ..Self::new(kind)
        }
    }
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

/// Whom an event is about.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// The task; none for what the agent does by itself.
    pub task_id: Option<TaskId>,
    /// The agent.
    pub agent_id: AgentId,
    /// The skill's declared name.
    pub skill: Option<SkillName>,
    /// The skill's identity; none for what the agent does by itself.
    pub skill_digest: Option<SkillDigest>,
}

impl Subject {
    /// An agent that does something by itself.
    pub fn agent(agent_id: AgentId) -> Self {
        Self { task_id: None, agent_id, skill: None, skill_digest: None }
    }
}

impl From<&TaskContext> for Subject {
    fn from(context: &TaskContext) -> Self {
        Self {
            task_id: Some(context.task_id.clone()),
            agent_id: context.agent_id.clone(),
            skill: context.skill.clone(),
            skill_digest: Some(context.skill_digest),
        }
    }
}

/// One line of the PAL.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The version of this form: 1.
    pub v: u8,
    /// Counts up by one from 1, within one process.
    pub seq: u64,
    /// When, by the wall clock; for display, nothing is decided by it.
    #[serde(serialize_with = "rfc3339")]
    pub ts: Timestamp,
    /// Whom it is about.
    #[serde(flatten, serialize_with = "shared")]
    pub subject: Arc<Subject>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

fn microseconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
}

fn shared<S: Serializer>(subject: &Arc<Subject>, serializer: S) -> Result<S::Ok, S::Error> {
    subject.as_ref().serialize(serializer)
}

fn rfc3339<S: Serializer>(ts: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{ts:.6}"))
}

fn rfc3339_if_some<S: Serializer>(ts: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match ts {
        Some(ts) => rfc3339(ts, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_flat_object() {
        let record = Record {
            v: 1,
            seq: 7,
            ts: Timestamp::from_microsecond(1_700_000_000_000_001).unwrap(),
            subject: Arc::new(Subject {
                task_id: Some(TaskId::parse("t1").unwrap()),
                agent_id: AgentId::parse("a1").unwrap(),
                skill: None,
                skill_digest: None,
            }),
            event: Event {
                secret_name: Some(SecretLabel::Unlisted([0xab; 8])),
                reason: Some(Reason::Denied(DenyReason::Undeclared)),
                duration: Some(Duration::from_micros(42)),
                ..Event::new(EventKind::SecretDenied)
            },
        };
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"v":1,"seq":7,"ts":"2023-11-14T22:13:20.000001Z","task_id":"t1","agent_id":"a1","skill":null,"skill_digest":null,"event":"secret.denied","secret_name":"unlisted:abababababababab","reason":"undeclared","duration_us":42}"#
        );
    }
}
