//! The task that the skill runs for. The host sets it; the skill cannot choose it.

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

/// Returns the time left until the task's deadline; zero when it has passed.
pub fn time_left() -> Duration {
    Duration::from_nanos(wit::time_left())
}

/// Writes a line to the task log, which people read; what goes beyond the task's limit is discarded.
pub fn log(level: Level, message: &str) {
    wit::log(level.into(), message);
}
