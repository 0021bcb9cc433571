//! Errors of runs.

use std::fmt;

use super::Denial;

/// An error that ended a run. Its message is for the skill's author and never contains a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// The skill returned an error, with this message for the caller.
    Failure(String),
    /// The skill made a call beyond its declaration or grant, and was ended at that call.
    Violation(Denial),
    /// The skill was not called, because a required secret is not granted as declared.
    Refusal(Denial),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(message) => f.write_str(message),
            Self::Violation(denial) => write!(f, "the task was ended: scope violation on {denial}"),
            Self::Refusal(denial) => write!(f, "the task is refused: the skill needs {denial}"),
        }
    }
}

impl std::error::Error for RunError {}
