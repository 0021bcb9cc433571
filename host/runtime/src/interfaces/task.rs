//! `task`: who the skill works for.

use far_core::pal::LogLevel;

use super::nanoseconds;
use super::wit::task::{Host, Level};
use crate::state::TaskState;

impl Host for TaskState {
    async fn id(&mut self) -> wasmtime::Result<String> {
        self.spend_call()?;
        Ok(self.session.context().task_id.to_string())
    }

    async fn agent_id(&mut self) -> wasmtime::Result<String> {
        self.spend_call()?;
        Ok(self.session.context().agent_id.to_string())
    }

    async fn time_left(&mut self) -> wasmtime::Result<u64> {
        self.spend_call()?;
        Ok(nanoseconds(self.session.context().deadline.saturating_duration_since(far_core::clock::now())))
    }

    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.spend_call()?;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        // What is beyond the cap makes no event either: a guest must not write the PAL full.
        if self.log.line(level, &message).await {
            self.session.logged(level, message.len() as u64).await.map_err(wasmtime::Error::new)?;
        }
        Ok(())
    }
}
