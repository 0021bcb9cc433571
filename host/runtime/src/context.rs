//! The state of one task in a store.

use std::fmt;
use std::sync::Arc;

use far_core::broker::{Handle, Session};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{ResourceLimiter, Trap};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpHooks};

use crate::egress::Requests;
use crate::limits::{HANDLES_MAX, HEADERS_MAX, Limit, Limits, SharedStoreUsage};
use crate::task_log::TaskLog;
use crate::wasi;
use crate::window::{CloseReason, Window};

/// Access to a task's state in the data of a store.
///
/// ```
/// use far_runtime::embed::{FarCtx, FarCtxView, FarView};
/// use wasmtime::component::ResourceTable;
///
/// struct State {
///     far: FarCtx,
///     table: ResourceTable,
/// }
///
/// impl FarView for State {
///     fn far(&mut self) -> FarCtxView<'_> {
///         FarCtxView { ctx: &mut self.far, table: &mut self.table }
///     }
/// }
/// ```
pub trait FarView: Send {
    /// Returns the task's state and the store's resources.
    fn far(&mut self) -> FarCtxView<'_>;
}

/// A view of the parts of a store's data that the host functions use.
#[derive(Debug)]
pub struct FarCtxView<'a> {
    /// The task's state.
    pub ctx: &'a mut FarCtx,
    /// The store's resource table, which may be shared with WASI. It contains the handles of
    /// secrets.
    pub table: &'a mut ResourceTable,
}

/// The state of one task, to embed in the data of a store.
///
/// Only [`Runtime::open_task`](crate::Runtime::open_task) creates a context, so each task has
/// passed the capability check and its admission is recorded. A context gives no access to a value:
/// the host functions ask the broker, which checks and records each use.
pub struct FarCtx {
    pub(crate) session: Arc<Session>,
    pub(crate) log: TaskLog,
    usage: SharedStoreUsage,
    requests: Requests,
    calls_left: u64,
    /// The number of handles of secrets that the guest owns.
    handles: usize,
    window: Window,
}

impl FarCtx {
    pub(crate) fn new(
        session: Arc<Session>,
        limits: &Limits,
        log: TaskLog,
        usage: SharedStoreUsage,
        requests: Requests,
        window: Window,
    ) -> Self {
        Self { session, log, usage, requests, calls_left: limits.host_calls, handles: 0, window }
    }

    /// Returns the limiter of the store's memories and tables, for
    /// [`Store::limiter`](wasmtime::Store::limiter).
    /// [`OpenTask::apply_limits`](crate::embed::OpenTask::apply_limits) sets it.
    pub fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.usage
    }

    /// Creates a WASI context without access to the machine, as in the runtime's own stores.
    ///
    /// Standard output and standard error go to the task log, which is limited and redacted. Output
    /// of another WASI context is neither.
    pub fn wasi(&self) -> WasiCtx {
        wasi::inert(&self.log)
    }

    /// Creates a context for `wasi:http` that limits the headers of each message.
    pub fn http(&self) -> WasiHttpCtx {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADERS_MAX);
        http
    }

    /// Returns the hooks that send the task's requests, for
    /// [`WasiHttpView::http`](wasmtime_wasi_http::WasiHttpView::http).
    ///
    /// The hooks replace placeholders with secrets, send requests only to the task's destinations,
    /// and redact responses. With other hooks, the placeholders of `sealed.token` are not replaced.
    pub fn http_hooks(&mut self) -> &mut dyn WasiHttpHooks {
        &mut self.requests
    }

    /// Consumes one of the task's host calls.
    pub(crate) fn spend_call(&mut self) -> wasmtime::Result<()> {
        self.window.check().map_err(|closed| match closed {
            CloseReason::Stop(stop) => wasmtime::Error::new(stop),
            CloseReason::TaskEnd => wasmtime::Error::msg("the task has ended"),
            CloseReason::Deadline => Trap::Interrupt.into(),
        })?;
        self.calls_left = self.calls_left.checked_sub(1).ok_or(Limit::HostCalls)?;
        Ok(())
    }

    /// Checks that the guest may own one more handle of a secret. Called before the secret is
    /// fetched.
    pub(crate) fn check_handles(&self) -> Result<(), Limit> {
        if self.handles < HANDLES_MAX { Ok(()) } else { Err(Limit::Handles) }
    }

    /// Transfers a handle to the guest.
    pub(crate) fn push_handle(
        &mut self,
        table: &mut ResourceTable,
        handle: Handle,
    ) -> wasmtime::Result<Resource<Handle>> {
        self.check_handles()?;
        let resource = table.push(handle)?;
        self.handles += 1;
        Ok(resource)
    }

    /// Drops a handle that the guest returned.
    pub(crate) fn drop_handle(
        &mut self,
        table: &mut ResourceTable,
        resource: Resource<Handle>,
    ) -> wasmtime::Result<()> {
        table.delete(resource)?;
        self.handles = self.handles.saturating_sub(1);
        Ok(())
    }
}

impl fmt::Debug for FarCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FarCtx").field("session", &self.session).finish_non_exhaustive()
    }
}
