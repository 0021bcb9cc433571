//! What went wrong, and what to do about it: for people on stderr, for programs in the object of `--json`.

use std::borrow::Cow;

use far_runtime::{End, Report};
use serde::Serialize;

use crate::advice;
use crate::escape::{escape, escape_start};
use crate::failure::Failure;

/// How many characters of a cause are shown: some quote the file, and a file may have names as long as itself.
const CAUSE_MAX: usize = 500;

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
    pub(crate) fn of_end(Report { end, limits, .. }: &Report) -> Option<Self> {
        let (kind, message, help): (_, _, Option<Cow<'static, str>>) = match end {
            End::Completed(_) => return None,
            End::SkillError(message) => (None, format!("the skill failed: {message}"), None),
            End::BackendUnavailable(message) => (
                None,
                format!("the skill failed after a backend had not answered: {message}"),
                Some("check the provider of the secret; the events say which and why".into()),
            ),
            End::Trapped(how) => (None, format!("the skill crashed: {how}"), None),
            End::Violation(violation) => (
                Some(violation.reason.token()),
                format!("the task was ended: {violation}"),
                Some(advice::of_violation(violation).into()),
            ),
            End::LimitExceeded(limit) => (
                Some(limit.as_str()),
                format!(
                    "the task was ended: it went beyond its limit on '{}': {}",
                    limit.as_str(),
                    limit.value(limits)
                ),
                Some(advice::of_limit(*limit).into()),
            ),
            End::TimedOut => (
                None,
                format!("the task was ended: its time of {:?} was over", limits.timeout),
                Some("set 'timeout' under [limits] in a task file".into()),
            ),
            End::Cancelled => (None, "the task was cancelled".to_owned(), None),
            End::Refused(refusal) => (
                Some(refusal.kind()),
                format!("the task is refused: {refusal}"),
                Some(advice::of_refusal(refusal).into()),
            ),
            End::AuditUnavailable(unavailable) => (
                None,
                format!("the task was ended: {unavailable}: {}", unavailable.0),
                Some("nothing is released without its event; check the file that --audit or --pal names".into()),
            ),
            _ => (
                None,
                "the host failed".to_owned(),
                Some("if the machine has memory left, this is a defect of far: please report it".into()),
            ),
        };
        Some(Self {
            kind: kind.unwrap_or(end.outcome().as_str()),
            message: escape(&message),
            causes: Vec::new(),
            help: help.map(Cow::into_owned),
        })
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
    let mut causes: Vec<String> = Vec::new();
    for cause in std::iter::successors(source, |error| error.source()).map(ToString::to_string) {
        let said = message.contains(cause.as_str()) || causes.iter().any(|before| before.contains(cause.as_str()));
        if !said && !cause.contains('\n') {
            causes.push(cause);
        }
    }
    causes.iter().map(|cause| escape_start(cause, CAUSE_MAX)).collect()
}
