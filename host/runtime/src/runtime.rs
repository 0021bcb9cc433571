//! The runtime and its builder.

use std::fmt;
use std::sync::Arc;

use far_core::broker::{Broker, BrokerError, BrokerSettings, CachedSecret, RereadReport};
use far_core::capability::{Catalog, Destination};
use far_core::pal::Pal;
use far_core::provider::SecretProvider;
use far_core::{AgentId, SecretName};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::artifact::ArtifactCache;
use crate::compiler::{CompileQueue, Compiler, LoadLimits};
use crate::egress::{self, Clients, Egress, EgressSetupError};
use crate::engine::{self, PoolSize};
use crate::interfaces;
use crate::limits::Limits;
use crate::run_queue::RunQueue;
use crate::state::TaskState;
use crate::untraced;
use crate::wasi::Wasi;

/// A host for skills: loads components and runs tasks, with one engine and one cache of secrets.
///
/// Share a runtime as an `Arc`. Dropping the last reference wipes every cached value, except for
/// values that a running task or an [`FarCtx`](crate::embed::FarCtx) still uses.
pub struct Runtime {
    pub(crate) agent_id: AgentId,
    pub(crate) broker: Arc<Broker>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) engine: Engine,
    /// One permit per slot of the engine's pool, so that tasks wait for a slot instead of failing.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) max_memory: usize,
    pub(crate) run_queue: RunQueue,
    pub(crate) clients: Arc<Clients>,
    pub(crate) egress: Vec<Destination>,
    pub(crate) compiler: Compiler,
    pub(crate) linker: Linker<TaskState>,
    pub(crate) artifacts: Option<ArtifactCache>,
    pub(crate) wasi: Wasi,
    pub(crate) load_limits: LoadLimits,
    /// Limits the loads that are being checked, or read from the cache.
    pub(crate) checking: Semaphore,
    pub(crate) compile_queue: CompileQueue,
}

/// The maximum number of components that are checked concurrently.
const CHECKS: usize = 16;

/// Reasons why a runtime cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The engine could not be created, for example for lack of address space.
    #[error("the WebAssembly engine could not be set up")]
    Engine(#[source] wasmtime::Error),
    /// The broker could not be created.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The HTTP client could not be set up with the operator's settings.
    #[error("the settings for HTTP requests cannot be applied")]
    Egress(#[from] EgressSetupError),
    /// The operating system could not start the thread of the clock.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// A builder for a [`Runtime`], with the operator's settings.
pub struct RuntimeBuilder {
    agent_id: AgentId,
    pal: Arc<Pal>,
    providers: Vec<Arc<dyn SecretProvider>>,
    catalog: Catalog,
    broker: BrokerSettings,
    pool: PoolSize,
    egress: Egress,
    artifacts: Option<ArtifactCache>,
    compiler: Compiler,
    load_limits: LoadLimits,
    wasi: Wasi,
}

impl RuntimeBuilder {
    /// Adds a backend.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn SecretProvider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Sets the catalog, the upper bound on every task's secrets. The default permits none.
    #[must_use]
    pub fn catalog(self, catalog: Catalog) -> Self {
        Self { catalog, ..self }
    }

    /// Sets the broker's settings, such as timeouts of backends.
    #[must_use]
    pub fn broker(self, broker: BrokerSettings) -> Self {
        Self { broker, ..self }
    }

    /// Sets the maximum number of concurrent tasks. Others wait for a slot, within their own
    /// timeout. The default is 64.
    #[must_use]
    pub fn max_tasks(mut self, tasks: u32) -> Self {
        self.pool.tasks = tasks;
        self
    }

    /// Sets the upper bound on [`Limits::memory`] and the other sizes, in bytes. The default is 1
    /// GiB.
    #[must_use]
    pub fn max_memory(mut self, memory: usize) -> Self {
        self.pool.memory = memory;
        self
    }

    /// Sets the cache of compiled components. Without one, which is the default, each load
    /// compiles.
    #[must_use]
    pub fn artifacts(self, artifacts: ArtifactCache) -> Self {
        Self { artifacts: Some(artifacts), ..self }
    }

    /// Sets the compiler. The default is [`Compiler::in_process`].
    #[must_use]
    pub fn compiler(self, compiler: Compiler) -> Self {
        Self { compiler, ..self }
    }

    /// Sets the limits on compilation.
    #[must_use]
    pub fn load_limits(self, load_limits: LoadLimits) -> Self {
        Self { load_limits: load_limits.clamped(), ..self }
    }

    /// Sets how HTTP requests are sent, and the destinations of requests without a secret. The
    /// default, [`Egress::new`], has no such destinations.
    #[must_use]
    pub fn egress(self, egress: Egress) -> Self {
        Self { egress, ..self }
    }

    /// Sets the WASI interfaces that components may import. The default is [`Wasi::Inert`].
    #[must_use]
    pub fn wasi(self, wasi: Wasi) -> Self {
        Self { wasi, ..self }
    }

    /// Builds the runtime, and starts its clock thread.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`] if the engine, the broker, the HTTP client or the clock cannot be set up.
    pub fn build(self) -> Result<Arc<Runtime>, RuntimeError> {
        let engine = engine::engine(self.pool).map_err(RuntimeError::Engine)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(RuntimeError::Engine)?;
        egress::add_to_linker(&mut linker).map_err(RuntimeError::Engine)?;
        untraced::add_http_to_linker(&mut linker).map_err(RuntimeError::Engine)?;
        untraced::add_lookup_to_linker(&mut linker).map_err(RuntimeError::Engine)?;
        interfaces::add_to_linker(&mut linker).map_err(RuntimeError::Engine)?;
        let broker = Broker::new(self.providers, self.pal, self.broker)?;
        engine::start_clock(&engine).map_err(RuntimeError::Thread)?;
        Ok(Arc::new(Runtime {
            agent_id: self.agent_id,
            broker,
            catalog: Arc::new(self.catalog),
            engine,
            slots: Arc::new(Semaphore::new(self.pool.tasks as usize)),
            max_memory: self.pool.memory,
            run_queue: RunQueue::new(),
            clients: Arc::new(self.egress.build()?),
            egress: self.egress.into_destinations(),
            checking: Semaphore::new(CHECKS),
            compile_queue: CompileQueue::new(self.compiler.concurrency()),
            compiler: self.compiler,
            linker,
            artifacts: self.artifacts,
            wasi: self.wasi,
            load_limits: self.load_limits,
        }))
    }
}

impl Runtime {
    /// Creates a builder for a runtime that acts as this agent and records its events in `pal`.
    pub fn builder(agent_id: AgentId, pal: Arc<Pal>) -> RuntimeBuilder {
        RuntimeBuilder {
            agent_id,
            pal,
            providers: Vec::new(),
            catalog: Catalog::new(),
            broker: BrokerSettings::default(),
            pool: PoolSize { tasks: 64, memory: Limits::MAX.memory },
            egress: Egress::new(),
            artifacts: None,
            compiler: Compiler::in_process(),
            load_limits: LoadLimits::default(),
            wasi: Wasi::default(),
        }
    }

    /// Returns the log in which the runtime records events.
    pub fn pal(&self) -> &Arc<Pal> {
        self.broker.pal()
    }

    /// Wipes the shared values, and revokes their leases in the backends. Call it before the
    /// process exits.
    pub async fn shutdown(&self) {
        self.broker.shutdown(&self.agent_id).await;
    }

    /// Lists the cached values with their names, versions and times.
    pub fn cached(&self) -> Vec<CachedSecret> {
        self.broker.cached()
    }

    /// Fetches a cached secret again: see [`Broker::refresh`].
    pub async fn refresh(&self, name: &SecretName) -> RereadReport {
        self.broker.refresh(name, &self.agent_id).await
    }

    /// Reissues a dynamic secret: see [`Broker::reissue`].
    pub async fn reissue(&self, name: &SecretName) -> RereadReport {
        self.broker.reissue(name, &self.agent_id).await
    }

    /// Wipes every cached value of a secret and revokes its leases. Returns the number of values:
    /// see [`Broker::revoke`].
    pub async fn revoke(&self, name: &SecretName) -> usize {
        self.broker.revoke(name, &self.agent_id).await
    }

    /// Returns true if every required sink accepts records. Otherwise, no task gets a secret: see
    /// [`Pal::is_ready`].
    pub fn is_ready(&self) -> bool {
        self.pal().is_ready()
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("agent_id", &self.agent_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
