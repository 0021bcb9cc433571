//! The result of a run that started a task.

use far_runtime::Report;

use crate::exit;
use crate::signals::Signal;

/// The result of a run that started a task.
pub(crate) struct RunResult {
    pub(crate) report: Report,
    /// The signal received during the run.
    pub(crate) signal: Option<Signal>,
}

impl RunResult {
    /// Returns the exit code.
    pub(super) fn code(&self) -> u8 {
        exit::code(self.report.end.outcome(), self.signal)
    }
}
