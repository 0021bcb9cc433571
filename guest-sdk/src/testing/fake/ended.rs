//! How a run ends without an output.

use std::fmt;

use super::Denial;

/// Why a run gave no output. Shown, it is for the skill's author; no value is ever part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The skill answered with an error: its message, as the one who asked for the task reads it.
    Failed(String),
    /// The skill went beyond what it declared and was granted: it was stopped at that call.
    Violation(Denial),
    /// The skill was not called: a required secret is not granted as it is declared.
    Refused(Denial),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(message) => f.write_str(message),
            Self::Violation(denial) => write!(f, "the task was ended: scope violation on {denial}"),
            Self::Refused(denial) => write!(f, "the task is refused: the skill needs {denial}"),
        }
    }
}

impl std::error::Error for Ended {}
