//! The kinds of events.

use serde::Serialize;

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum EventKind {
    /// A task was admitted, and its capability was fixed.
    TaskAdmitted,
    /// A task was refused before it ran.
    TaskRefused,
    /// A task's instance was called.
    TaskStarted,
    /// A task ended. Recorded once for each admitted task.
    TaskFinished,
    /// The broker is about to call the backend for a secret.
    SecretRequested,
    /// The backend returned a value or an error.
    SecretFetched,
    /// A task received a handle. With the outcome `failed`, the grant had expired, or redaction
    /// rejected the value.
    SecretInjected,
    /// A task listed the secrets that it may use.
    SecretListed,
    /// A task received the bytes.
    SecretRevealed,
    /// A task received a placeholder for a secret.
    SecretSealed,
    /// The host replaced a placeholder in a request by a secret. The outcome is `started` before
    /// the request may leave, then `completed`, `unknown` or `failed`.
    SecretUsed,
    /// The host signed for a task.
    SecretSigned,
    /// A task received a handle to a token that the host signed, or signing failed.
    SecretDerived,
    /// A task exceeded its capability or leaked a value: a violation.
    SecretDenied,
    /// A value expired.
    SecretExpired,
    /// A cached secret was refreshed.
    SecretRefreshed,
    /// A backend rotated a secret, or failed to.
    SecretRotated,
    /// A backend renewed a lease, or failed to.
    SecretRenewed,
    /// A backend revoked a secret, or failed to.
    SecretRevoked,
    /// A value was wiped from the host's memory.
    SecretWiped,
    /// A request of a task was authorized.
    EgressAllowed,
    /// A request of a task was denied, with an error to the skill.
    EgressDenied,
    /// An authorized request ended, with or without a response.
    EgressFinished,
    /// A skill wrote a line to its task log.
    SkillLogged,
    /// Redaction removed a secret's value from a task's result or output. Recorded once for each
    /// such secret when the task ends, with the number of matches.
    OutputRedacted,
}

impl EventKind {
    /// Returns the kind's name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TaskAdmitted => "task.admitted",
            Self::TaskRefused => "task.refused",
            Self::TaskStarted => "task.started",
            Self::TaskFinished => "task.finished",
            Self::SecretRequested => "secret.requested",
            Self::SecretFetched => "secret.fetched",
            Self::SecretInjected => "secret.injected",
            Self::SecretListed => "secret.listed",
            Self::SecretRevealed => "secret.revealed",
            Self::SecretSealed => "secret.sealed",
            Self::SecretUsed => "secret.used",
            Self::SecretSigned => "secret.signed",
            Self::SecretDerived => "secret.derived",
            Self::SecretDenied => "secret.denied",
            Self::SecretExpired => "secret.expired",
            Self::SecretRefreshed => "secret.refreshed",
            Self::SecretRotated => "secret.rotated",
            Self::SecretRenewed => "secret.renewed",
            Self::SecretRevoked => "secret.revoked",
            Self::SecretWiped => "secret.wiped",
            Self::EgressAllowed => "egress.allowed",
            Self::EgressDenied => "egress.denied",
            Self::EgressFinished => "egress.finished",
            Self::SkillLogged => "skill.logged",
            Self::OutputRedacted => "output.redacted",
        }
    }
}

impl From<EventKind> for &'static str {
    fn from(kind: EventKind) -> Self {
        kind.as_str()
    }
}
