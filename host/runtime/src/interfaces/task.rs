//! `task`: the identity, the time and the log of the task.

use far_core::pal::LogLevel;

use super::nanoseconds;
use super::wit::task::{Host, Level};
use crate::context::FarCtxView;

impl Host for FarCtxView<'_> {
    async fn id(&mut self) -> wasmtime::Result<String> {
        self.ctx.spend_call()?;
        Ok(self.ctx.session.context().task_id.to_string())
    }

    async fn agent_id(&mut self) -> wasmtime::Result<String> {
        self.ctx.spend_call()?;
        Ok(self.ctx.session.context().agent_id.to_string())
    }

    async fn time_left(&mut self) -> wasmtime::Result<u64> {
        self.ctx.spend_call()?;
        Ok(nanoseconds(self.ctx.session.context().deadline.saturating_duration_since(far_core::clock::now())))
    }

    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.ctx.spend_call()?;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        // A line beyond the log's limit is not recorded either, so that a guest cannot fill the
        // PAL.
        if self.ctx.log.line(level, &message).await {
            self.ctx.session.record_log_line(level, message.len() as u64).await.map_err(wasmtime::Error::new)?;
        }
        Ok(())
    }
}
