//! A run that came to a task.

use far_runtime::Report;

use crate::exit;
use crate::signals::Signal;

/// A run that came to a task.
pub(crate) struct Ended {
    pub(crate) report: Report,
    /// The signal that came meanwhile.
    pub(crate) signal: Option<Signal>,
}

impl Ended {
    /// Returns the exit code.
    pub(super) fn code(&self) -> u8 {
        exit::code(self.report.end.outcome(), self.signal)
    }
}
