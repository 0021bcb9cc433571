//! The current task. The host sets its properties; the skill cannot change them.

mod level;

pub use level::Level;

use std::time::Duration;

use crate::host::task as wit;

/// Returns the task's id.
pub fn id() -> String {
    wit::id()
}

/// Returns the id of the agent that runs the task.
pub fn agent_id() -> String {
    wit::agent_id()
}

/// Returns the time until the task's deadline, or zero if the deadline has passed.
pub fn time_left() -> Duration {
    Duration::from_nanos(wit::time_left())
}

/// Writes a line to the task log. The host discards lines over the task's limit.
pub fn log(level: Level, message: &str) {
    wit::log(level.into(), message);
}
