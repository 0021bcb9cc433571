//! Errors in the form that is printed: to stderr for people, in the object of `--json` for
//! programs.

use miette::Diagnostic;
use serde::Serialize;

use super::failure::Failure;
use crate::escape::{escape, escape_start};

/// The maximum length of a cause in characters. Some causes quote names from a file.
const CAUSE_MAX: usize = 500;

/// An error with its causes and its help. All texts are escaped.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    /// A stable token, the most specific one available.
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// The causes, outermost first.
    pub(super) causes: Vec<String>,
    /// The suggested next step.
    pub(super) help: Option<String>,
    /// True if the lines for people name the command that explains the token.
    #[serde(skip)]
    pub(super) is_explained: bool,
}

impl Explanation {
    /// Explains a failure before the start of a task.
    pub(crate) fn of_failure(failure: &Failure) -> Self {
        // The alternate form begins with the position in a file, if there is one.
        let message = format!("{failure:#}");
        let causes = causes(failure, &message);
        let help = failure.help().map(|help| escape(&help.to_string()));
        let is_explained = failure.is_explained();
        Self { kind: failure.kind(), message: escape(&message), causes, help, is_explained }
    }

    /// Formats the error as lines for people.
    pub(crate) fn lines(&self) -> String {
        let mut lines = format!("error: {}\n", self.message);
        self.causes.iter().for_each(|cause| lines.push_str(&format!("  cause: {cause}\n")));
        self.help.iter().for_each(|help| lines.push_str(&format!("  help: {help}\n")));
        if self.is_explained {
            lines.push_str(&format!("  explanation: far explain {}\n", self.kind));
        }
        lines
    }
}

/// Returns the causes of a failure, without repetitions of the message. Causes of several lines are
/// dumps of file content, and are left out.
fn causes(failure: &Failure, message: &str) -> Vec<String> {
    let source = std::error::Error::source(failure);
    let mut causes: Vec<String> = Vec::new();
    for cause in std::iter::successors(source, |error| error.source()).map(ToString::to_string) {
        let is_repeated =
            message.contains(cause.as_str()) || causes.iter().any(|before| before.contains(cause.as_str()));
        if !is_repeated && !cause.contains('\n') {
            causes.push(cause);
        }
    }
    causes.iter().map(|cause| escape_start(cause, CAUSE_MAX)).collect()
}
