//! What went wrong, and what to do about it: for people on stderr, for programs in the object of `--json`.

use miette::Diagnostic;
use serde::Serialize;

use super::failure::Failure;
use crate::escape::{escape, escape_start};

/// How many characters of a cause are shown: some quote the file, and a file may have names as long as itself.
const CAUSE_MAX: usize = 500;

/// Why there is no output. The texts are safe to show as they are.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    /// A stable token, the most particular that there is.
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// What is behind it, outermost first.
    pub(super) causes: Vec<String>,
    /// The next step.
    pub(super) help: Option<String>,
}

impl Explanation {
    /// Of what went wrong before there was a task to report on.
    pub(crate) fn of_failure(failure: &Failure) -> Self {
        // The alternate form begins with the place in a file, where there is one.
        let message = format!("{failure:#}");
        let causes = causes(failure, &message);
        let help = failure.help().map(|help| escape(&help.to_string()));
        Self { kind: failure.kind(), message: escape(&message), causes, help }
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
