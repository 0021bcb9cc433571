//! What belongs to one task's store.

use std::sync::Arc;

use far_core::broker::{Handle, Session};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::egress::{Clients, Requests, UnderWay};
use crate::limits::{HANDLES_MAX, HEADERS_MAX, Limit, Limits, Usage};
use crate::task_log::TaskLog;
use crate::wasi;

/// The data of a store: made for one task, dropped with it.
pub(crate) struct TaskState {
    pub(crate) session: Arc<Session>,
    pub(crate) table: ResourceTable,
    pub(crate) log: TaskLog,
    pub(crate) usage: Usage,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    requests: Requests,
    calls_left: u64,
    /// How many handles of secrets the guest holds.
    handles: usize,
}

impl TaskState {
    pub(crate) fn new(
        session: Arc<Session>,
        limits: &Limits,
        log: TaskLog,
        clients: &Arc<Clients>,
        under_way: UnderWay,
    ) -> Self {
        Self {
            http: headers_within(HEADERS_MAX),
            requests: Requests::new(session.clone(), clients.clone(), limits, under_way),
            session,
            table: ResourceTable::new(),
            usage: Usage::new(limits),
            wasi: wasi::inert(&log),
            calls_left: limits.host_calls,
            handles: 0,
            log,
        }
    }

    /// Takes one of the task's host calls.
    pub(crate) fn spend_call(&mut self) -> Result<(), Limit> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or(Limit::HostCalls)?;
        Ok(())
    }

    /// Whether the guest may hold one more handle of a secret: known before the secret is asked for.
    pub(crate) fn check_handles(&self) -> Result<(), Limit> {
        if self.handles < HANDLES_MAX { Ok(()) } else { Err(Limit::Handles) }
    }

    /// Gives the guest a handle.
    pub(crate) fn hand_over(&mut self, handle: Handle) -> wasmtime::Result<Resource<Handle>> {
        self.check_handles()?;
        let resource = self.table.push(handle)?;
        self.handles += 1;
        Ok(resource)
    }

    /// Takes a handle that the guest gave back.
    pub(crate) fn let_go(&mut self, resource: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(resource)?;
        self.handles = self.handles.saturating_sub(1);
        Ok(())
    }
}

fn headers_within(most: usize) -> WasiHttpCtx {
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(most);
    http
}

impl WasiHttpView for TaskState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.requests, table: &mut self.table, ctx: &mut self.http }
    }
}

impl WasiView for TaskState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
