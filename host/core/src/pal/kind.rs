//! The kinds of events.

use serde::Serialize;

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum EventKind {
    /// A task was admitted: its capability is fixed.
    TaskAdmitted,
    /// A task was refused before it ran.
    TaskRefused,
    /// A task's instance was entered.
    TaskStarted,
    /// A task ended. Recorded once for every task that was admitted.
    TaskFinished,
    /// The backend is about to be asked for a secret.
    SecretRequested,
    /// The backend answered.
    SecretFetched,
    /// A task was given a handle, or, with the outcome `failed`, not: its grant had ended, or its value could not be
    /// redacted.
    SecretInjected,
    /// A task was told what it may use.
    SecretListed,
    /// A task was given the bytes.
    SecretRevealed,
    /// A task was given a stand-in for a secret.
    SecretSealed,
    /// The host put a secret into a request, in place of a placeholder: `started` before the
    /// request may leave, then `completed` if it left, `unknown` if that cannot be determined, or
    /// `failed` if it did not leave.
    SecretUsed,
    /// The host signed for a task.
    SecretSigned,
    /// A task was given a handle to a token that the host signed, or, with the outcome `failed`, not.
    SecretDerived,
    /// A task went beyond its capability, or said a value that it must not say: a violation.
    SecretDenied,
    /// A value's time ended.
    SecretExpired,
    /// A secret was read again.
    SecretRefreshed,
    /// A backend made another version, or, with the outcome `failed`, did not.
    SecretRotated,
    /// A secret that a backend made lasts longer, or, with the outcome `failed`, does not.
    SecretRenewed,
    /// What a backend made was ended there, or, with the outcome `failed`, not.
    SecretRevoked,
    /// A value left the host's memory.
    SecretWiped,
    /// A request of a task's was let out.
    EgressAllowed,
    /// A request of a task's was not let out; the skill was told so.
    EgressDenied,
    /// A request of a task's that was let out is over: with its answer, or without one.
    EgressFinished,
    /// A skill wrote a line to its task log.
    SkillLogged,
    /// A secret's value was found in what a task returned or wrote for people, and taken out; the count says how often.
    /// Recorded once for each such secret, when the task ends.
    OutputRedacted,
}

impl EventKind {
    /// The kind's name in records.
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
