//! What went wrong, and what to do about it: for people on stderr, for programs in the object of `--json`.

use far_core::broker::Violation;
use far_core::capability::{DenyReason, Gap, Operation, Operations};
use far_core::pal::SecretLabel;
use far_runtime::{End, Refusal};
use serde::Serialize;

use crate::escape::escape;
use crate::failure::Failure;

/// Why there is no output. The texts are safe to show as they are.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    /// A stable token, the most particular that there is.
    kind: &'static str,
    message: String,
    /// What is behind it, outermost first.
    causes: Vec<String>,
    /// The next step.
    help: Option<String>,
}

impl Explanation {
    /// Of what went wrong before there was a task to report on.
    pub(crate) fn of_failure(failure: &Failure) -> Self {
        // The alternate form begins with the place in a file, where there is one.
        let message = format!("{failure:#}");
        let causes = causes(failure, &message);
        let help = failure.help().map(|help| escape(&help));
        Self { kind: failure.kind(), message: escape(&message), causes, help }
    }

    /// Of a task's end; none if it completed.
    pub(crate) fn of_end(end: &End) -> Option<Self> {
        let (kind, message, help) = match end {
            End::Completed(_) => return None,
            End::SkillError(message) => (None, format!("the skill failed: {message}"), None),
            End::BackendUnavailable(message) => (
                None,
                format!("the skill failed after a backend had not answered: {message}"),
                Some("check the provider of the secret; the events say which and why".to_owned()),
            ),
            End::Trapped(how) => (None, format!("the skill crashed: {how}"), None),
            End::Violation(violation) => (
                Some(violation.reason.token()),
                format!("the task was ended: {violation}"),
                Some(violation_help(violation)),
            ),
            End::LimitExceeded(limit) => (
                Some(limit.as_str()),
                format!("the task was ended: it went beyond its limit on '{}'", limit.as_str()),
                Some("limits are set under [limits] in a task file".to_owned()),
            ),
            End::TimedOut => (
                None,
                "the task was ended: its time was over".to_owned(),
                Some("'timeout' is set under [limits] in a task file".to_owned()),
            ),
            End::Cancelled => (None, "the task was cancelled".to_owned(), None),
            End::Refused(refusal) => {
                (Some(refusal.kind()), format!("the task is refused: {refusal}"), Some(refusal_help(refusal)))
            }
            End::AuditUnavailable(unavailable) => (
                None,
                format!("the task was ended: {unavailable}: {}", unavailable.0),
                Some("nothing is released without its event; check the file that --audit or --pal names".to_owned()),
            ),
            _ => (
                None,
                "the host failed".to_owned(),
                Some("if the machine has memory left, this is a defect of far: please report it".to_owned()),
            ),
        };
        Some(Self { kind: kind.unwrap_or(end.outcome().as_str()), message: escape(&message), causes: Vec::new(), help })
    }

    /// As lines for people.
    pub(crate) fn lines(&self) -> String {
        let mut lines = format!("error: {}\n", self.message);
        self.causes.iter().for_each(|cause| lines.push_str(&format!("  cause: {cause}\n")));
        self.help.iter().for_each(|help| lines.push_str(&format!("  help: {help}\n")));
        lines
    }
}

/// What is behind a failure, without what the message says already. A text of several lines is no sentence but a dump,
/// of bytes of the file as like as not.
fn causes(failure: &Failure, message: &str) -> Vec<String> {
    let source = std::error::Error::source(failure);
    std::iter::successors(source, |error| error.source())
        .map(ToString::to_string)
        .filter(|cause| !message.contains(cause.as_str()) && !cause.contains('\n'))
        .map(|cause| escape(&cause))
        .collect()
}

/// A name that only the guest chose is not known here, and there is nothing to advise for it.
fn violation_help(violation: &Violation) -> String {
    let (reason, operation) = (violation.reason, violation.operation);
    let wanted = operation.map_or("OPERATION", Operation::as_str);
    match (&violation.secret, reason) {
        (_, DenyReason::InvalidName | DenyReason::InvalidVersion | DenyReason::OutsideRun) => {
            "the skill is wrong, or hostile: no grant would let it do this".to_owned()
        }
        (_, DenyReason::Version) => {
            "a grant is for the current version, unless 'versions' in a task file says otherwise".to_owned()
        }
        (SecretLabel::Listed(name), DenyReason::Undeclared) => format!(
            "if it should have it, declare it in the skill: {{ \"name\": \"{name}\", \"operations\": [\"{wanted}\"], \
             \"reason\": \"…\" }}"
        ),
        (SecretLabel::Listed(name), DenyReason::Ungranted) => {
            format!("if it should have it, grant what the skill declares: --grant {name}:{wanted}")
        }
        (SecretLabel::Listed(name), DenyReason::NotPermitted) => {
            format!("the operator permits it under [secrets.\"{name}\"] in the file that --config names")
        }
        (SecretLabel::Listed(name), DenyReason::Operation) if operation.is_some() => format!(
            "if it should do it, declare '{wanted}' in the skill, permit it, and grant it with the others: --grant \
             {name}:{wanted}"
        ),
        _ => "a secret must be declared by the skill, granted to the task and permitted by the operator".to_owned(),
    }
}

fn refusal_help(refusal: &Refusal) -> String {
    let help = match refusal {
        Refusal::Gap(gap) => return gap_help(gap),
        Refusal::Capability(_) => "grant each secret once, with all its operations",
        Refusal::Reveal => "grant what the skill declares: --grant NAME:OPERATION[,OPERATION]",
        Refusal::Provider { .. } => "add the provider to the configuration, or name another one",
        Refusal::InputTooLarge { .. } | Refusal::Limit(_) => "limits are set under [limits] in a task file",
        _ => "try again",
    };
    help.to_owned()
}

fn gap_help(Gap { secret, declared, reason }: &Gap) -> String {
    let grant = format!("--grant {secret}:{}", joined(*declared));
    match reason {
        DenyReason::NotPermitted => {
            format!("the operator permits it under [secrets.\"{secret}\"] in the file that --config names")
        }
        DenyReason::Operation => format!(
            "the grant, and the file that --config names, must have every operation that the skill declares: {grant}"
        ),
        _ => format!("grant what the skill declares: {grant}"),
    }
}

/// As a grant has them.
fn joined(operations: Operations) -> String {
    let names: Vec<_> = operations.iter().map(Operation::as_str).collect();
    // Without one, a grant to seal is none.
    let destination = if operations.contains(Operation::Seal) { "@DESTINATION" } else { "" };
    format!("{}{destination}", names.join(","))
}
