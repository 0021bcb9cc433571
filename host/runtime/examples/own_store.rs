//! A program with its own engine, linker and stores, which runs a skill in one of them.
//!
//! Usage: `own_store SKILL GRANT INPUT`, for example
//! `own_store github_webhook.wasm github-webhook-secret:sign '{ … }'`. The secret is in `.env`.

#![expect(clippy::print_stdout, reason = "this is a command line")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use far_providers::dotenv::DotEnv;
use far_runtime::embed::{self, FarCtx, FarCtxView, FarView, OpenTask};
use far_runtime::{Catalog, End, Grant, Report, Runtime, Task, memory, pal};
use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The data of the program's stores.
pub struct State {
    /// The state of the store's task.
    pub far: FarCtx,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl FarView for State {
    fn far(&mut self) -> FarCtxView<'_> {
        FarCtxView { ctx: &mut self.far, table: &mut self.table }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        // These hooks replace placeholders in requests with secrets.
        WasiHttpCtxView { hooks: self.far.http_hooks(), table: &mut self.table, ctx: &mut self.http }
    }
}

/// The program's host.
pub struct Host {
    /// The engine.
    pub engine: Engine,
    /// The linker.
    pub linker: Linker<State>,
}

impl Host {
    /// Creates a host whose guests can be interrupted.
    pub fn new() -> wasmtime::Result<Self> {
        let engine = Engine::new(Config::new().epoch_interruption(true))?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        embed::add_to_linker(&mut linker)?;
        embed::add_http_to_linker(&mut linker)?;
        // Replaces WASI's name lookup, which traces the guest's argument.
        embed::add_untraced_to_linker(&mut linker)?;
        let ticking = engine.weak();
        std::thread::spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Ok(Self { engine, linker })
    }

    /// Creates a store for one task.
    pub fn store(&self, task: &OpenTask, far: FarCtx) -> Store<State> {
        let state = State { wasi: far.wasi(), http: far.http(), table: ResourceTable::new(), far };
        let mut store = Store::new(&self.engine, state);
        task.apply_limits(&mut store);
        // Lets `drive` check the deadline while the guest computes.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }

    /// Runs a skill with one grant in a new store.
    pub async fn run(
        &self,
        runtime: &Runtime,
        component: Vec<u8>,
        grant: Grant,
        input: &[u8],
    ) -> Result<Report, Box<dyn Error>> {
        let skill = runtime.load_for(&self.engine, component).await?;
        let (task, far) = runtime.open_task(&Task::new(&skill).with_grant(grant).with_input(input)).await?;
        let mut store = self.store(&task, far);
        let result = task
            .drive(async {
                let instance = self.linker.instantiate_async(&mut store, skill.component()).await?;
                let run = instance.get_typed_func::<(&[u8],), (Result<Vec<u8>, String>,)>(&mut store, "run")?;
                task.start().await?;
                Ok(run.call_async(&mut store, (input,)).await?.0)
            })
            .await;
        drop(store);
        Ok(task.finish(result).await)
    }
}

/// Creates a runtime that permits one grant, with secrets of an env file.
pub fn runtime(env: &Path, grant: &Grant, sink: Arc<dyn pal::Sink>) -> Result<Arc<Runtime>, Box<dyn Error>> {
    let pal = pal::Pal::builder().required_sink(sink, Duration::from_secs(5)).build();
    let provider = DotEnv::open("dotenv".parse()?, env)?;
    let catalog = Catalog::of_grants(std::slice::from_ref(grant), &"dotenv".parse()?)?;
    Ok(Runtime::builder("my-agent".parse()?, pal).provider(Arc::new(provider)).catalog(catalog).build()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    memory::harden_process()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [skill, grant, input] = arguments.as_slice() else { return Err("usage: own_store SKILL GRANT INPUT".into()) };
    let grant: Grant = grant.parse()?;
    let sink = pal::WriterSink::spawn(std::io::stderr(), pal::Format::JsonLines)?;
    let runtime = runtime(Path::new(".env"), &grant, sink)?;
    let report = Host::new()?.run(&runtime, std::fs::read(skill)?, grant, input.as_bytes()).await?;
    match report.end {
        End::Completed(output) => println!("{}", String::from_utf8(output)?),
        End::Violation(violation) => println!("scope-violation: {violation}"),
        other => println!("{}", other.outcome().as_str()),
    }
    Ok(())
}
