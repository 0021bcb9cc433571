//! What belongs to one task's store.

use std::sync::Arc;

use far_core::broker::Session;
use far_core::guard::Guard;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::limits::{Limit, Limits, Usage};
use crate::task_log::TaskLog;
use crate::wasi;

/// The data of a store: made for one task, dropped with it.
pub(crate) struct TaskState {
    pub(crate) session: Arc<Session>,
    pub(crate) table: ResourceTable,
    pub(crate) log: TaskLog,
    pub(crate) usage: Usage,
    wasi: WasiCtx,
    calls_left: u64,
}

impl TaskState {
    pub(crate) fn new(session: Arc<Session>, limits: &Limits, log: TaskLog) -> Self {
        Self {
            session,
            table: ResourceTable::new(),
            usage: Usage::new(limits),
            wasi: wasi::inert(&log),
            calls_left: if Guard::HostCalls.stands() { limits.host_calls } else { u64::MAX },
            log,
        }
    }

    /// Takes one of the task's host calls.
    pub(crate) fn spend_call(&mut self) -> Result<(), Limit> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or(Limit::HostCalls)?;
        Ok(())
    }
}

impl WasiView for TaskState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
