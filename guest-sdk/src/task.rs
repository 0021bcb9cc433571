//! The task that the skill runs for. The host sets it; the skill cannot choose it.

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

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// Detail for the skill's author.
    Debug,
    /// What happened.
    Info,
    /// Something unexpected that the skill dealt with.
    Warn,
    /// Something that the skill could not deal with.
    Error,
}

impl From<Level> for wit::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<wit::Level> for Level {
    fn from(level: wit::Level) -> Self {
        match level {
            wit::Level::Debug => Self::Debug,
            wit::Level::Info => Self::Info,
            wit::Level::Warn => Self::Warn,
            wit::Level::Error => Self::Error,
        }
    }
}
