//! One task's state in a store, whoever made the store.

use std::fmt;
use std::sync::Arc;

use far_core::broker::{Handle, Session};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{ResourceLimiter, Trap};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpHooks};

use crate::egress::Requests;
use crate::limits::{HANDLES_MAX, HEADERS_MAX, Limit, Limits, SharedUsage};
use crate::task_log::TaskLog;
use crate::wasi;
use crate::window::{Closed, Window};

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

/// The parts of a store's data that the host functions work on.
#[derive(Debug)]
pub struct FarCtxView<'a> {
    /// The task's state.
    pub ctx: &'a mut FarCtx,
    /// The store's resources, which WASI may share. Handles of secrets are among them.
    pub table: &'a mut ResourceTable,
}

/// One task's state: the field of a store's data that the host functions work on.
///
/// [`Runtime::open_task`](crate::Runtime::open_task) is the only way to one, so each has passed the
/// capability check and is recorded as admitted. It gives no access to a value: the host functions
/// ask the broker, which checks and records each use.
pub struct FarCtx {
    pub(crate) session: Arc<Session>,
    pub(crate) log: TaskLog,
    usage: SharedUsage,
    requests: Requests,
    calls_left: u64,
    /// The number of handles of secrets that the guest holds.
    handles: usize,
    window: Window,
}

impl FarCtx {
    pub(crate) fn new(
        session: Arc<Session>,
        limits: &Limits,
        log: TaskLog,
        usage: SharedUsage,
        requests: Requests,
        window: Window,
    ) -> Self {
        Self { session, log, usage, requests, calls_left: limits.host_calls, handles: 0, window }
    }

    /// Returns the bounds on memories and tables of [`Limits`], for
    /// [`Store::limiter`](wasmtime::Store::limiter). [`OpenTask::bound`](crate::embed::OpenTask::bound)
    /// sets them.
    pub fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.usage
    }

    /// Returns a WASI context that gives nothing of the machine, as in the runtime's own stores.
    ///
    /// Standard output and standard error go to the task log, which is bounded and redacted. An
    /// embedder's own context may write them elsewhere, and then they are not.
    pub fn wasi(&self) -> WasiCtx {
        wasi::inert(&self.log)
    }

    /// Returns a context for `wasi:http` that bounds the headers of each message.
    pub fn http(&self) -> WasiHttpCtx {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADERS_MAX);
        http
    }

    /// Returns the hooks that send the task's requests, for
    /// [`WasiHttpView::http`](wasmtime_wasi_http::WasiHttpView::http).
    ///
    /// They replace placeholders with secrets, send requests only to the task's destinations, and
    /// redact responses. With other hooks, `sealed.token` gives placeholders that nothing replaces.
    pub fn http_hooks(&mut self) -> &mut dyn WasiHttpHooks {
        &mut self.requests
    }

    /// Takes one of the task's host calls.
    pub(crate) fn spend_call(&mut self) -> wasmtime::Result<()> {
        self.window.check().map_err(|closed| match closed {
            Closed::Stopped(stop) => wasmtime::Error::new(stop),
            Closed::Finished => wasmtime::Error::msg("the task has ended"),
            Closed::Late => Trap::Interrupt.into(),
        })?;
        self.calls_left = self.calls_left.checked_sub(1).ok_or(Limit::HostCalls)?;
        Ok(())
    }

    /// Whether the guest may hold one more handle of a secret: known before the secret is asked for.
    pub(crate) fn check_handles(&self) -> Result<(), Limit> {
        if self.handles < HANDLES_MAX { Ok(()) } else { Err(Limit::Handles) }
    }

    /// Gives the guest a handle.
    pub(crate) fn hand_over(
        &mut self,
        table: &mut ResourceTable,
        handle: Handle,
    ) -> wasmtime::Result<Resource<Handle>> {
        self.check_handles()?;
        let resource = table.push(handle)?;
        self.handles += 1;
        Ok(resource)
    }

    /// Takes a handle that the guest gave back.
    pub(crate) fn let_go(&mut self, table: &mut ResourceTable, resource: Resource<Handle>) -> wasmtime::Result<()> {
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
