//! All reasons, from the enums that define them.

use far_core::broker::SecretError;
use far_core::capability::{DenyReason, tokens};
use far_core::jwt::KeyError;
use far_core::pal::{EgressReason, HostReason, Outcome};
use far_core::provider::ProviderError;
use far_core::redaction::LearnError;
use far_runtime::{Limit, LoadErrorKind, RefusalKind};

use crate::messages::kind::{FailureKind, UsageOutcome};

tokens! {
    /// A group of reasons; the meaning says which records and reports have them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(super) enum Group name {
        /// `reason` of `secret.denied` and `task.refused`, `kind` of `--json`
        Violation = "violation",
        /// `reason` of `egress.denied`, `egress.finished` and failed `secret.used`
        Request = "request",
        /// `reason` of events about calls of a provider, such as `secret.fetched`
        Backend = "backend",
        /// `reason` of `secret.injected`, `secret.used` and other uses
        Secret = "secret",
        /// `reason` of `secret.injected` and `secret.derived`
        Redaction = "redaction",
        /// `reason` of `secret.derived`
        Signing = "signing",
        /// `reason` of events about secrets and leases
        Host = "host",
        /// `reason` of `task.refused`, `kind` of `--json`
        Refusal = "refusal",
        /// `reason` of `task.refused`, `kind` of `--json`
        Load = "load",
        /// `reason` of `task.finished`, `kind` of `--json`
        Limit = "limit",
        /// `kind` of `--json` for a failure without a task
        Failure = "failure",
        /// `outcome` of events and of `--json`
        Outcome = "outcome",
    }
}

impl Group {
    /// Returns the fields of records and reports that have the reasons.
    pub(super) fn shown_in(self) -> &'static str {
        self.meaning()
    }
}

/// A reason with its explanation. Code in the texts is marked as in Markdown.
pub(super) struct Entry {
    pub(super) group: Group,
    pub(super) token: &'static str,
    /// One or two sentences.
    pub(super) meaning: String,
    pub(super) caused_by: Option<&'static str>,
    pub(super) next_step: Option<&'static str>,
}

/// Returns all reasons, by group.
pub(super) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |group, token, meaning: &str, caused_by, next_step| {
        entries.push(Entry { group, token, meaning: sentence(meaning), caused_by, next_step });
    };
    for reason in DenyReason::ALL {
        let next = Some(reason.next_step());
        let meaning = match reason {
            DenyReason::Leaked => "the value of the secret was in the result or the output of the skill",
            _ => reason.explanation(),
        };
        add(Group::Violation, reason.token(), meaning, Some(reason.caused_by()), next);
    }
    for reason in EgressReason::ALL {
        add(Group::Request, reason.token(), reason.meaning(), Some(reason.caused_by()), Some(reason.next_step()));
    }
    for error in ProviderError::ALL {
        let meaning = match error {
            // The reason of the absence differs.
            ProviderError::VersionGone(_) => "the backend no longer has the version".to_owned(),
            _ => error.to_string(),
        };
        add(Group::Backend, error.kind(), &meaning, Some(error.caused_by()), Some(error.next_step()));
    }
    for error in SecretError::ALL {
        add(Group::Secret, error.kind(), &error.to_string(), Some(error.caused_by()), Some(error.next_step()));
    }
    for error in LearnError::ALL {
        add(Group::Redaction, error.kind(), &error.to_string(), Some(error.caused_by()), error.next_step());
    }
    for error in KeyError::ALL {
        add(Group::Signing, error.kind(), &error.to_string(), Some(error.caused_by()), Some(error.next_step()));
    }
    for reason in HostReason::ALL {
        add(Group::Host, reason.token(), reason.meaning(), Some(reason.caused_by()), reason.next_step());
    }
    for kind in RefusalKind::ALL {
        add(Group::Refusal, kind.token(), kind.meaning(), Some(kind.caused_by()), Some(kind.next_step()));
    }
    for kind in LoadErrorKind::ALL {
        add(Group::Load, kind.token(), kind.meaning(), Some(kind.caused_by()), Some(kind.next_step()));
    }
    for limit in Limit::ALL {
        let by = Some("the skill, or the limits of its task");
        add(Group::Limit, limit.as_str(), limit.meaning(), by, Some(limit.next_step()));
    }
    for kind in FailureKind::ALL {
        add(Group::Failure, kind.token(), kind.meaning(), Some(kind.caused_by()), kind.next_step());
    }
    for outcome in Outcome::ALL {
        add(Group::Outcome, outcome.as_str(), outcome.meaning(), None, None);
    }
    for outcome in UsageOutcome::ALL {
        add(Group::Outcome, outcome.token(), outcome.meaning(), None, None);
    }
    entries
}

/// Writes a message as a sentence.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if message.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}
