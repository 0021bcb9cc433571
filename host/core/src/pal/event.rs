//! What is recorded.

mod constructors;
mod particulars;

use std::time::Duration;

use far_capability::{Operation, ProviderId, Version};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

pub use self::particulars::{Completion, EgressEnd, LeaseRecovery, SecretRef, SecretUse, Transfer};
use super::timestamp::rfc3339_if_some;
use super::{CacheState, Cause, DestinationLabel, EventKind, LogLevel, Outcome, Reason, SecretLabel, Sent};

/// An event of the PAL. The kind says what it means; the rest are its particulars, each of a type
/// that takes only fixed tokens, parsed names and numbers.
///
/// There is one constructor for each kind, or for each case of one. No other combination of
/// particulars can be made, and no text fits in:
///
/// ```compile_fail,E0308
/// use far_core::pal::Event;
///
/// Event::secret_injection_refused("text of a guest".to_owned(), None, "expired");
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// The kind.
    #[serde(rename = "event")]
    kind: EventKind,
    /// The secret that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_name: Option<SecretLabel>,
    /// The secret's version, as the backend says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_version: Option<Version>,
    /// The backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderId>,
    /// The operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    /// Where a request goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<DestinationLabel>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// Why, as a fixed token of this program: a `DenyReason`'s, a provider error's kind, and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// What made the agent do it, where no task did.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// Where the value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<CacheState>,
    /// The status of a server's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Whether anything of a request was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Sent>,
    /// The bytes of a request's body that were handed to the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_sent: Option<u64>,
    /// The bytes of an answer's body that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_received: Option<u64>,
    /// How long it took.
    #[serde(rename = "duration_us", skip_serializing_if = "Option::is_none", serialize_with = "microseconds")]
    duration: Option<Duration>,
    /// The level of a log line.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<LogLevel>,
    /// The length of a log line in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    /// How many of a kind the event stands for, where it is more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// When the first of those happened, by the wall clock.
    #[serde(rename = "first_ts", skip_serializing_if = "Option::is_none", serialize_with = "rfc3339_if_some")]
    first: Option<Timestamp>,
    /// When the last of those happened, by the wall clock.
    #[serde(rename = "last_ts", skip_serializing_if = "Option::is_none", serialize_with = "rfc3339_if_some")]
    last: Option<Timestamp>,
}

impl Event {
    /// An event of this kind, without particulars.
    fn new(kind: EventKind) -> Self {
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

    /// The kind.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The secret that it is about.
    pub fn secret_name(&self) -> Option<&SecretLabel> {
        self.secret_name.as_ref()
    }

    /// The secret's version, as the backend says it.
    pub fn secret_version(&self) -> Option<&Version> {
        self.secret_version.as_ref()
    }

    /// The backend.
    pub fn provider(&self) -> Option<&ProviderId> {
        self.provider.as_ref()
    }

    /// The operation.
    pub fn operation(&self) -> Option<Operation> {
        self.operation
    }

    /// Where a request goes.
    pub fn destination(&self) -> Option<&DestinationLabel> {
        self.destination.as_ref()
    }

    /// How it ended.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The reason, as a fixed token of this program: a [`DenyReason`](far_capability::DenyReason)'s, a provider error's kind, and the like.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// What made the agent do it, where no task did.
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Where the value came from.
    pub fn cache(&self) -> Option<CacheState> {
        self.cache
    }

    /// The status of a server's answer.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether anything of a request was sent.
    pub fn sent(&self) -> Option<Sent> {
        self.sent
    }

    /// The bytes of a request's body that were handed to the connection.
    pub fn bytes_sent(&self) -> Option<u64> {
        self.bytes_sent
    }

    /// The bytes of an answer's body that arrived.
    pub fn bytes_received(&self) -> Option<u64> {
        self.bytes_received
    }

    /// How long it took.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// The level of a log line.
    pub fn level(&self) -> Option<LogLevel> {
        self.level
    }

    /// The length of a log line in bytes.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// How many of a kind the event stands for, where it is more than one.
    pub fn count(&self) -> Option<u64> {
        self.count
    }

    /// When the first of those happened, by the wall clock.
    pub fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// When the last of those happened, by the wall clock.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

fn microseconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use far_capability::{AgentId, DenyReason, TaskId};

    use super::*;
    use crate::pal::{Record, Subject};

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
