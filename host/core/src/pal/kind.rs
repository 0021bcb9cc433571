//! The kinds of events.

use far_capability::tokens;
use serde::Serialize;

tokens! {
    /// The kinds of events.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
    #[serde(into = "&'static str")]
    #[non_exhaustive]
    pub enum EventKind as_str {
        /// The host created the capability of the task.
        TaskAdmitted = "task.admitted",
        /// The host refused the task before it ran.
        TaskRefused = "task.refused",
        /// The code of the skill starts.
        TaskStarted = "task.started",
        /// The task ended. It is recorded once for each admitted task.
        TaskFinished = "task.finished",
        /// The host is about to call a backend for a secret. There is no version yet.
        SecretRequested = "secret.requested",
        /// The backend returned a value or an error. `duration_us` is the duration of the call.
        SecretFetched = "secret.fetched",
        /// The skill received a handle. With the outcome `failed`, it received none: the grant has
        /// expired, or redaction rejected the value.
        SecretInjected = "secret.injected",
        /// The skill listed the secrets that it may use.
        SecretListed = "secret.listed",
        /// The skill received the bytes of a secret.
        SecretRevealed = "secret.revealed",
        /// The skill received a placeholder for a secret.
        SecretSealed = "secret.sealed",
        /// The host put the secret into a request. `started` precedes the request; then comes
        /// `completed`, `unknown` (the request may have left) or `failed` (it did not leave). A use
        /// that did not leave does not count against `max-uses`.
        SecretUsed = "secret.used",
        /// The host signed with a secret for the skill.
        SecretSigned = "secret.signed",
        /// The skill received a handle to a token that the host signed. With the outcome `failed`,
        /// the secret is not a key of the algorithm.
        SecretDerived = "secret.derived",
        /// The task exceeded its capability or leaked a value: a violation, which ends the task.
        SecretDenied = "secret.denied",
        /// The lifetime of a value ended.
        SecretExpired = "secret.expired",
        /// The backend returned the value of a cached secret again, or an error.
        SecretRefreshed = "secret.refreshed",
        /// The backend created a version, or reissued a dynamic secret. With the outcome `failed`,
        /// the previous version stays.
        SecretRotated = "secret.rotated",
        /// The backend renewed a lease of the task, or failed to.
        SecretRenewed = "secret.renewed",
        /// The backend revoked a lease or a version, or failed to.
        SecretRevoked = "secret.revoked",
        /// The host overwrote the bytes of a value in its memory.
        SecretWiped = "secret.wiped",
        /// A request without a secret was authorized.
        EgressAllowed = "egress.allowed",
        /// A request was denied, and the skill received an error.
        EgressDenied = "egress.denied",
        /// An authorized request ended: `completed` with the whole response, whatever its `status`,
        /// `failed`, or `cancelled` by the skill or by the end of its task.
        EgressFinished = "egress.finished",
        /// The skill wrote a line to its task log. Lines after the first 256 have one event at the
        /// end of the task, with their `count` and total `length`.
        SkillLogged = "skill.logged",
        /// Redaction removed the value of a secret from the output, the error, the log, stdout or
        /// stderr. It is recorded once for each secret when the task ends.
        OutputRedacted = "output.redacted",
    }
}

/// Fields of an event about a version of a secret.
const VERSION: [&str; 3] = ["secret_name", "secret_version", "provider"];
/// Fields of a completed or failed action.
const COMPLETION: [&str; 3] = ["outcome", "reason", "duration_us"];

impl EventKind {
    /// Returns the names of the fields that events of the kind can have, in addition to those of
    /// every record.
    pub fn fields(self) -> Vec<&'static str> {
        let (secret, completion, others): (&[_], &[_], &[_]) = match self {
            Self::TaskAdmitted | Self::TaskStarted | Self::SecretListed => (&[], &[], &[]),
            Self::TaskRefused => (&[], &[], &["outcome", "reason"]),
            Self::TaskFinished => (&[], &COMPLETION, &["count"]),
            Self::SecretRequested => (&["secret_name", "provider"], &[], &["cause"]),
            Self::SecretFetched | Self::SecretRefreshed | Self::SecretRotated => {
                (&VERSION, &COMPLETION, &["cause", "cache"])
            }
            Self::SecretInjected => (&VERSION, &COMPLETION, &["operation", "cache", "count", "first_ts", "last_ts"]),
            Self::SecretRevealed | Self::SecretSealed | Self::SecretSigned => (&VERSION, &COMPLETION, &["operation"]),
            Self::SecretDerived => (&VERSION, &COMPLETION, &[]),
            Self::SecretUsed => (&VERSION, &["outcome", "reason"], &["operation", "destination"]),
            Self::SecretDenied => (&["secret_name"], &["outcome", "reason"], &["operation"]),
            Self::SecretExpired | Self::SecretWiped => (&VERSION, &[], &["cause"]),
            Self::SecretRenewed => (&VERSION, &COMPLETION, &["cause"]),
            Self::SecretRevoked => (&VERSION, &COMPLETION, &["cause", "count"]),
            Self::EgressAllowed => (&[], &["outcome"], &["destination"]),
            Self::EgressDenied => (&[], &["outcome", "reason"], &["destination"]),
            Self::EgressFinished => {
                (&[], &COMPLETION, &["destination", "status", "sent", "bytes_sent", "bytes_received"])
            }
            Self::SkillLogged => (&[], &[], &["level", "length", "count"]),
            Self::OutputRedacted => (&["secret_name"], &[], &["count"]),
        };
        [secret, completion, others].concat()
    }
}

impl From<EventKind> for &'static str {
    fn from(kind: EventKind) -> Self {
        kind.as_str()
    }
}
