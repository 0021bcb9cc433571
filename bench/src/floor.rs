//! The floor: the same component, on wasmtime alone.
//!
//! Engine, WIT package and input are ours; functions are asynchronous, since those of a host that has a backend are. All
//! the rest of a host is left out: `get` hands out a handle to whoever asks, `reveal` copies a constant, and there is no
//! capability, cache, record, limit, deadline or wiping.

use std::sync::Arc;

use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use self::bindings::FloorPre;
use self::bindings::tinkerbell::skill::{reveal, secrets};
use self::engine::PoolSize;
use crate::Error;
use crate::host::{Host, TASK_MEMORY, TASKS, VALUE};

/// The settings of the runtime's own engine: the file itself, so that the two cannot part, and the runtime need not
/// publish what no embedder should set.
#[path = "../../host/runtime/src/engine.rs"]
mod engine;

mod bindings {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "../wit",
        // Of the skill's world, what the measured guest uses.
        inline: "
            package far:floor;
            world floor {
                import tinkerbell:skill/secrets@0.1.0;
                import tinkerbell:skill/reveal@0.1.0;
                export run: func(input: list<u8>) -> result<list<u8>, string>;
            }
        ",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "tinkerbell:skill/secrets.secret": crate::floor::Token },
    });
}

/// A component, ready to be instantiated.
pub(crate) struct Floor {
    engine: Engine,
    component: FloorPre<State>,
}

/// What a handle is to.
#[expect(unreachable_pub, reason = "what `bindgen!` makes names it in public")]
pub struct Token;

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Floor {
    pub(crate) fn new(component: &[u8]) -> Result<Arc<Self>, Error> {
        let engine = engine::engine(PoolSize { tasks: TASKS, memory: TASK_MEMORY })?;
        engine::start_clock(&engine)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        secrets::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        reveal::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        let component = linker.instantiate_pre(&Component::new(&engine, component)?)?;
        Ok(Arc::new(Self { component: FloorPre::new(component)?, engine }))
    }
}

impl Host for Floor {
    async fn run(&self, input: &str) -> Result<Vec<u8>, Error> {
        let state = State { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, state);
        // Later than any test lasts: the guest looks at the clock as ours does, and is never interrupted.
        store.set_epoch_deadline(u64::from(u32::MAX));
        let skill = self.component.instantiate_async(&mut store).await?;
        Ok(skill.call_run(&mut store, input.as_bytes()).await??)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl secrets::Host for State {
    async fn get(&mut self, _: String) -> wasmtime::Result<Result<Resource<Token>, secrets::Error>> {
        Ok(Ok(self.table.push(Token)?))
    }

    async fn get_version(&mut self, _: String, _: String) -> wasmtime::Result<Result<Resource<Token>, secrets::Error>> {
        Err(not_measured())
    }

    async fn list(&mut self) -> wasmtime::Result<Vec<secrets::Info>> {
        Err(not_measured())
    }

    async fn refresh(&mut self, _: String) -> wasmtime::Result<Result<Resource<Token>, secrets::Error>> {
        Err(not_measured())
    }
}

impl secrets::HostSecret for State {
    async fn name(&mut self, _: Resource<Token>) -> wasmtime::Result<String> {
        Err(not_measured())
    }

    async fn version(&mut self, _: Resource<Token>) -> wasmtime::Result<String> {
        Err(not_measured())
    }

    async fn expires_in(&mut self, _: Resource<Token>) -> wasmtime::Result<Option<u64>> {
        Err(not_measured())
    }

    async fn drop(&mut self, secret: Resource<Token>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}

impl reveal::Host for State {
    async fn reveal(&mut self, secret: Resource<Token>) -> wasmtime::Result<Result<Vec<u8>, secrets::Error>> {
        self.table.get(&secret)?;
        Ok(Ok(VALUE.to_vec()))
    }
}

fn not_measured() -> wasmtime::Error {
    wasmtime::Error::msg("the floor has only what is measured")
}
