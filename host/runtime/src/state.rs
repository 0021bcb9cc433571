//! The data of the runtime's own stores.

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::context::{FarCtx, FarCtxView, FarView};

/// The data of a store, created for one task and dropped with it.
pub(crate) struct TaskState {
    far: FarCtx,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl TaskState {
    pub(crate) fn new(far: FarCtx) -> Self {
        Self { wasi: far.wasi(), http: far.http(), table: ResourceTable::new(), far }
    }
}

impl FarView for TaskState {
    fn far(&mut self) -> FarCtxView<'_> {
        FarCtxView { ctx: &mut self.far, table: &mut self.table }
    }
}

impl WasiHttpView for TaskState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: self.far.http_hooks(), table: &mut self.table, ctx: &mut self.http }
    }
}

impl WasiView for TaskState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
