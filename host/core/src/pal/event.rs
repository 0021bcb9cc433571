//! Events and their fields.

mod constructors;
mod fields;

use std::time::Duration;

use far_capability::{Operation, ProviderId, Version};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

pub use self::fields::{Completion, EgressEnd, LeaseRecovery, SecretRef, SecretUse, Transfer};
use super::timestamp::rfc3339_if_some;
use super::{CacheState, Cause, DestinationLabel, EventKind, LogLevel, Outcome, Reason, SecretLabel, SendState};

/// An event of the PAL: a kind and its fields. The types of the fields hold only fixed tokens,
/// parsed names and numbers.
///
/// Each kind has one constructor, or one for each of its cases. They permit no other combination
/// of fields, and no free text:
///
/// ```compile_fail,E0308
/// use far_core::pal::Event;
///
/// Event::secret_injection_refused("text of a guest".to_owned(), None, "expired");
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    #[serde(rename = "event")]
    kind: EventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_name: Option<SecretLabel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<DestinationLabel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<CacheState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<SendState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_received: Option<u64>,
    #[serde(rename = "duration_us", skip_serializing_if = "Option::is_none", serialize_with = "microseconds")]
    duration: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<LogLevel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(rename = "first_ts", skip_serializing_if = "Option::is_none", serialize_with = "rfc3339_if_some")]
    first: Option<Timestamp>,
    #[serde(rename = "last_ts", skip_serializing_if = "Option::is_none", serialize_with = "rfc3339_if_some")]
    last: Option<Timestamp>,
}

impl Event {
    /// Creates an event without fields.
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

    /// Returns the kind.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Returns the name of the secret.
    pub fn secret_name(&self) -> Option<&SecretLabel> {
        self.secret_name.as_ref()
    }

    /// Returns the secret's version, as the backend names it.
    pub fn secret_version(&self) -> Option<&Version> {
        self.secret_version.as_ref()
    }

    /// Returns the backend.
    pub fn provider(&self) -> Option<&ProviderId> {
        self.provider.as_ref()
    }

    /// Returns the operation.
    pub fn operation(&self) -> Option<Operation> {
        self.operation
    }

    /// Returns the destination of a request.
    pub fn destination(&self) -> Option<&DestinationLabel> {
        self.destination.as_ref()
    }

    /// Returns the outcome.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Returns the reason, such as a [`DenyReason`](far_capability::DenyReason) or the kind of a
    /// provider error.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// Returns the cause of an action of the agent; `None` for an action of a task.
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Returns the source of the value.
    pub fn cache(&self) -> Option<CacheState> {
        self.cache
    }

    /// Returns the status of a response.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns the state of sending a request.
    pub fn sent(&self) -> Option<SendState> {
        self.sent
    }

    /// Returns the number of bytes of a request body that were passed to the connection.
    pub fn bytes_sent(&self) -> Option<u64> {
        self.bytes_sent
    }

    /// Returns the number of received bytes of a response body.
    pub fn bytes_received(&self) -> Option<u64> {
        self.bytes_received
    }

    /// Returns the duration.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// Returns the level of a log line.
    pub fn level(&self) -> Option<LogLevel> {
        self.level
    }

    /// Returns the length of a log line, in bytes.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Returns the number of occurrences, if the event summarizes several.
    pub fn count(&self) -> Option<u64> {
        self.count
    }

    /// Returns the wall-clock time of the first occurrence.
    pub fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Returns the wall-clock time of the last occurrence.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

fn microseconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
}

/// The meaning of each field of an event, by its name in records.
pub const FIELDS: [(&str, &str); 20] = [
    ("event", "The kind of the event."),
    ("secret_name", "The name of the secret, or `unlisted:` and a keyed hash of a name that only the skill supplied."),
    ("secret_version", "The version of the secret, as the backend names it."),
    ("provider", "The name of the provider in `far.toml`."),
    ("operation", "The operation: `sign`, `reveal`, `refresh` or `seal`."),
    (
        "destination",
        "The origin of a request, as `far.toml`, a grant or the declaration lists it. `unlisted:` and a keyed hash \
      stand for a host that only the skill supplied.",
    ),
    ("outcome", "The outcome of the action."),
    ("reason", "The reason of a violation, a denial or a failure."),
    ("cause", "The cause of an action of the agent. An action of a task has none."),
    ("cache", "The source of the value."),
    ("status", "The status code of the response."),
    ("sent", "The state of sending the request."),
    ("bytes_sent", "The bytes of the request body that were passed to the connection."),
    ("bytes_received", "The received bytes of the response body."),
    ("duration_us", "The duration of the action, in microseconds."),
    ("level", "The level of a log line: `debug`, `info`, `warn` or `error`."),
    ("length", "The length of a log line, in bytes. Events never have its text."),
    ("count", "The number of occurrences, if the event summarizes several."),
    ("first_ts", "The time of the first occurrence."),
    ("last_ts", "The time of the last occurrence."),
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use far_capability::{AgentId, DenyReason, TaskId};

    use super::*;
    use crate::pal::{EgressReason, RECORD_FIELDS, Record, Subject};

    #[test]
    fn record_serializes_as_flat_object() {
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
        let json = serde_json::to_value(&record).unwrap();
        assert!(RECORD_FIELDS.iter().all(|(name, _)| json.get(name).is_some()));
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"v":1,"seq":7,"ts":"2023-11-14T22:13:20.000001Z","task_id":"t1","agent_id":"a1","skill":null,"skill_digest":null,"event":"secret.denied","secret_name":"unlisted:abababababababab","reason":"undeclared","duration_us":42}"#
        );
    }

    #[test]
    fn fields_of_kinds_are_documented() {
        for kind in EventKind::ALL {
            for field in kind.fields() {
                assert!(FIELDS.iter().any(|(name, _)| *name == field), "{}: {field}", kind.as_str());
            }
        }
    }

    #[test]
    fn events_have_documented_fields() {
        let secret = || SecretRef::new(&"a".parse().unwrap(), &"p".parse().unwrap());
        let done = || Completion::new(Some("timeout"), Duration::ZERO);
        let to = || DestinationLabel::Unlisted([1; 8]);
        let provider = "p".parse().unwrap();
        let (cause, name, zero, now) =
            (Some(Cause::Ttl), SecretLabel::Unlisted([1; 8]), Duration::ZERO, Timestamp::UNIX_EPOCH);
        let transfer = Transfer { status: Some(200), sent: SendState::Yes, bytes_sent: 1, bytes_received: 1 };
        let events = [
            Event::task_admitted(),
            Event::task_refused("provider"),
            Event::task_started(),
            Event::task_finished(Outcome::TimedOut, Some(Reason::Token("memory")), Some(1), zero),
            Event::secret_requested(&"a".parse().unwrap(), &provider, cause),
            Event::secret_fetched(secret(), done(), cause),
            Event::secret_refreshed(secret(), done(), cause),
            Event::secret_reissued(secret(), done(), cause),
            Event::secret_rotated(secret(), done(), Cause::Schedule),
            Event::secret_injected(secret(), done(), CacheState::Hit),
            Event::secret_injected_again(secret(), 2, now, now),
            Event::secret_injection_refused(name.clone(), Some(Operation::Sign), "expired"),
            Event::secret_listed(),
            Event::secret_revealed(secret(), done()),
            Event::secret_signed(secret(), done()),
            Event::secret_sealed(secret(), done()),
            Event::secret_used(secret(), to(), SecretUse::Failed(Some("expired"))),
            Event::secret_derived(secret(), done()),
            Event::secret_denied(name, Some(Operation::Sign), DenyReason::Undeclared),
            Event::secret_expired(secret(), Cause::Ttl),
            Event::secret_renewed(secret(), done()),
            Event::secret_revoked(secret(), done(), cause),
            Event::owner_revocation_failed(&provider, "timeout", zero, cause),
            Event::leases_recovered(&provider, LeaseRecovery::CorruptJournal(1)),
            Event::secret_wiped(secret(), cause),
            Event::egress_allowed(to()),
            Event::egress_denied(Some(to()), EgressReason::Url),
            Event::egress_finished(to(), EgressEnd::Failed(EgressReason::Host), transfer, zero),
            Event::skill_logged(LogLevel::Info, 1),
            Event::skill_logged_more(2, 1),
            Event::output_redacted("a".parse().unwrap(), 1),
        ];
        for event in events {
            let json = serde_json::to_value(&event).unwrap();
            for field in json.as_object().unwrap().keys().filter(|field| *field != "event") {
                let fields = event.kind().fields();
                assert!(fields.contains(&field.as_str()), "{}: {field}", event.kind().as_str());
            }
        }
    }
}
