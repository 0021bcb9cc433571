//! The runtime: one engine, one broker, many tasks.

use std::fmt;
use std::sync::Arc;

use far_core::broker::{Broker, BrokerError, BrokerSettings, KeptSecret, Reread};
use far_core::capability::{Catalog, Destination};
use far_core::pal::Pal;
use far_core::provider::SecretProvider;
use far_core::{AgentId, SecretName};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::artifact::ArtifactCache;
use crate::compiler::{Compiler, LoadLimits, Places};
use crate::egress::{self, Clients, Egress, EgressSetupError};
use crate::engine::{self, PoolSize};
use crate::interfaces;
use crate::limits::Limits;
use crate::state::TaskState;
use crate::turns::Turns;
use crate::untraced;
use crate::wasi::Wasi;

/// Loads components and runs tasks, with one engine and one cache of secrets.
///
/// Shared as an `Arc`; dropping the last one wipes every cached value. A task that goes on, and a
/// [`FarCtx`](crate::embed::FarCtx) that was not dropped, keep the values that they share with others.
pub struct Runtime {
    pub(crate) agent_id: AgentId,
    pub(crate) broker: Arc<Broker>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) engine: Engine,
    /// A permit for each slot of the engine's pool: a full pool queues, and never fails.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) max_memory: usize,
    pub(crate) turns: Turns,
    pub(crate) clients: Arc<Clients>,
    pub(crate) egress: Vec<Destination>,
    pub(crate) compiler: Compiler,
    pub(crate) linker: Linker<TaskState>,
    pub(crate) artifacts: Option<ArtifactCache>,
    pub(crate) wasi: Wasi,
    pub(crate) load_limits: LoadLimits,
    /// Loads that are checked, or taken from the cache.
    pub(crate) checking: Semaphore,
    pub(crate) places: Places,
}

/// The most loads that are checked at once.
const CHECKS: usize = 16;

/// Reasons why a runtime cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The engine could not be set up, for instance for lack of address space.
    #[error("the WebAssembly engine could not be set up")]
    Engine(#[source] wasmtime::Error),
    /// The broker could not be set up.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Requests could not leave as the operator says.
    #[error("requests cannot leave as configured")]
    Egress(#[from] EgressSetupError),
    /// The operating system did not start the clock's thread.
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// The settings of a [`Runtime`].
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

    /// Sets the catalog, which is the most that any task may use; it permits nothing by default.
    #[must_use]
    pub fn catalog(self, catalog: Catalog) -> Self {
        Self { catalog, ..self }
    }

    /// Sets deadlines towards backends, and the like.
    #[must_use]
    pub fn broker(self, broker: BrokerSettings) -> Self {
        Self { broker, ..self }
    }

    /// Sets the number of tasks that run at once; others wait for a slot, within their own deadline.
    /// 64 by default.
    #[must_use]
    pub fn max_tasks(mut self, tasks: u32) -> Self {
        self.pool.tasks = tasks;
        self
    }

    /// Sets the upper bound of [`Limits::memory`] and the other sizes, in bytes. 1 GiB by default.
    #[must_use]
    pub fn max_memory(mut self, memory: usize) -> Self {
        self.pool.memory = memory;
        self
    }

    /// Sets a cache of compiled components. There is none by default: each component is compiled
    /// when it is loaded.
    #[must_use]
    pub fn artifacts(self, artifacts: ArtifactCache) -> Self {
        Self { artifacts: Some(artifacts), ..self }
    }

    /// Sets the compiler; [`Compiler::in_process`] by default.
    #[must_use]
    pub fn compiler(self, compiler: Compiler) -> Self {
        Self { compiler, ..self }
    }

    /// Sets the bounds on compiling a component.
    #[must_use]
    pub fn load_limits(self, load_limits: LoadLimits) -> Self {
        Self { load_limits: load_limits.clamped(), ..self }
    }

    /// Sets how requests over HTTP leave, and where those without a secret may go; [`Egress::new`]
    /// by default, which lets none of those leave.
    #[must_use]
    pub fn egress(self, egress: Egress) -> Self {
        Self { egress, ..self }
    }

    /// Sets which interfaces of WASI components may import; [`Wasi::Inert`] by default.
    #[must_use]
    pub fn wasi(self, wasi: Wasi) -> Self {
        Self { wasi, ..self }
    }

    /// Builds the runtime, and starts the thread of its clock.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`] if the engine, the broker or the clock cannot be set up.
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
            turns: Turns::new(),
            clients: Arc::new(self.egress.build()?),
            egress: self.egress.into_destinations(),
            checking: Semaphore::new(CHECKS),
            places: Places::new(self.compiler.at_once()),
            compiler: self.compiler,
            linker,
            artifacts: self.artifacts,
            wasi: self.wasi,
            load_limits: self.load_limits,
        }))
    }
}

impl Runtime {
    /// Returns the settings of a runtime that acts as this agent, and records in this log.
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

    /// Returns the log that the runtime records in.
    pub fn pal(&self) -> &Arc<Pal> {
        self.broker.pal()
    }

    /// Wipes the values that tasks share, and has backends revoke their leases: for a process that is
    /// about to exit.
    pub async fn end_shared(&self) {
        self.broker.end_shared(&self.agent_id).await;
    }

    /// Lists the cached values, for an operator: names, versions and times.
    pub fn kept(&self) -> Vec<KeptSecret> {
        self.broker.kept()
    }

    /// Reads a cached secret again from its backend: see [`Broker::refresh_kept`].
    pub async fn refresh_kept(&self, name: &SecretName) -> Reread {
        self.broker.refresh_kept(name, &self.agent_id).await
    }

    /// Has backends reissue a dynamic secret: see [`Broker::replace_kept`].
    pub async fn replace_kept(&self, name: &SecretName) -> Reread {
        self.broker.replace_kept(name, &self.agent_id).await
    }

    /// Wipes every cached value of a secret, and has backends revoke its leases; returns the number
    /// of values: see [`Broker::revoke_kept`].
    pub async fn revoke_kept(&self, name: &SecretName) -> usize {
        self.broker.revoke_kept(name, &self.agent_id).await
    }

    /// Returns whether every required sink takes records, without which no task is given a secret:
    /// see [`Pal::is_ready`].
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
