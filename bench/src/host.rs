//! What is measured: a runtime as an embedder makes it, with one secret, a backend in memory, and every event recorded
//! before a value is released.

use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use far_core::capability::{Catalog, CatalogEntry, Grant, Scope};
use far_core::pal::{EventKind, Pal, Receipt, Record, Sink};
use far_core::provider::Reference;
use far_providers::MemoryProvider;
use far_runtime::{ArtifactCache, End, Limits, Runtime, Skill, Task};
use parking_lot::Mutex;

use crate::Error;

/// How many tasks run at once, and what memory each may have: the runtime's own defaults.
pub(crate) const TASKS: u32 = 64;
pub(crate) const TASK_MEMORY: usize = 1 << 30;
/// The secret's value, of a usual token's length.
pub(crate) const VALUE: &[u8] = b"ghp_0123456789abcdefghijklmnopqrstuvwxyz";
const SECRET: &str = "token";
/// Longer than any test lasts: nothing here may end for lack of time.
const RECORD_WITHIN: Duration = Duration::from_secs(60);

/// Something that runs a component, from input to output.
pub(crate) trait Host: Send + Sync + 'static {
    fn run(&self, input: &str) -> impl Future<Output = Result<Vec<u8>, Error>> + Send;
}

/// This project's.
pub(crate) struct Far {
    runtime: Arc<Runtime>,
    skill: Arc<Skill>,
    grant: Grant,
    events: Arc<Ring>,
}

impl Far {
    /// Loads a component, on a runtime of its own whose secret has this scope.
    pub(crate) async fn new(component: &[u8], scope: Scope) -> Result<Arc<Self>, Error> {
        let events = Arc::new(Ring::default());
        let (runtime, grant) = runtime(scope, &events, None)?;
        let skill = runtime.load(component.to_vec()).await?;
        Ok(Arc::new(Self { runtime, skill, grant, events }))
    }

    /// What was released so far, as far as it was recorded.
    pub(crate) fn released(&self) -> Released {
        self.events.0.lock().released
    }
}

impl Host for Far {
    async fn run(&self, input: &str) -> Result<Vec<u8>, Error> {
        run(&self.runtime, &self.skill, Some(&self.grant), input).await
    }
}

/// A runtime, and the grant of its one secret.
pub(crate) fn runtime(
    scope: Scope,
    events: &Arc<Ring>,
    artifacts: Option<&Path>,
) -> Result<(Arc<Runtime>, Grant), Error> {
    let pal = Pal::builder().required_sink(events.clone(), RECORD_WITHIN).build();
    let grant: Grant = format!("{SECRET}:reveal").parse()?;
    let reference = Reference::named(grant.secret());
    let provider = MemoryProvider::new("memory".parse()?);
    provider.set(&reference, &"1".parse()?, VALUE)?;
    let entry = CatalogEntry::new("memory".parse()?, reference, grant.terms().clone()).with_scope(scope);
    let mut catalog = Catalog::new();
    catalog.insert(grant.secret().clone(), entry)?;
    let mut builder = Runtime::builder("bench".parse()?, pal).provider(Arc::new(provider)).catalog(catalog);
    if let Some(folder) = artifacts {
        builder = builder.artifacts(ArtifactCache::open(folder)?);
    }
    Ok((builder.max_tasks(TASKS).max_memory(TASK_MEMORY).build()?, grant))
}

/// Runs a skill once, to its output.
pub(crate) async fn run(
    runtime: &Runtime,
    skill: &Arc<Skill>,
    grant: Option<&Grant>,
    input: &str,
) -> Result<Vec<u8>, Error> {
    // One task gets a secret more often than a task may by default.
    let limits = Limits { records: Limits::MAX.records, ..Limits::default() };
    let task = Task::new(skill).with_input(input).with_limits(limits);
    let task = grant.into_iter().cloned().fold(task, Task::with_grant);
    match runtime.run(task).await.end {
        End::Completed(output) => Ok(output),
        other => Err(format!("a task ended otherwise: {other:?}").into()),
    }
}

/// Runs a component so many times in a worker's own thread, as an agent does, and answers with the nanoseconds that all
/// of it took. An output that is not the expected one is an error: what was left out costs nothing.
pub(crate) fn time(
    tokio: &tokio::runtime::Runtime,
    host: &Arc<impl Host>,
    times: u32,
    (input, output): (String, String),
) -> Result<f64, Error> {
    let host = host.clone();
    let all = async move {
        let started = Instant::now();
        for _ in 0..times {
            let seen = host.run(&input).await?;
            if seen != output.as_bytes() {
                return Err(Error::from(format!("{} instead of {output}", String::from_utf8_lossy(&seen))));
            }
        }
        Ok(nanoseconds(started.elapsed()))
    };
    tokio.block_on(tokio.spawn(all))?
}

pub(crate) fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// A sink that keeps the newest events in memory, and counts all. The one for tests keeps everything, and a benchmark
/// would measure how that grows.
#[derive(Default)]
pub(crate) struct Ring(Mutex<Kept>);

/// How many events are kept.
const NEWEST: usize = 256;

#[derive(Default)]
struct Kept {
    newest: VecDeque<Arc<Record>>,
    released: Released,
}

/// How often a handle, and how often the bytes, went to a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) handles: u64,
    pub(crate) values: u64,
}

impl Sink for Ring {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        let mut kept = self.0.lock();
        match record.event.kind() {
            EventKind::SecretInjected => kept.released.handles += 1,
            EventKind::SecretRevealed => kept.released.values += 1,
            _ => {}
        }
        if kept.newest.len() == NEWEST {
            kept.newest.pop_front();
        }
        kept.newest.push_back(record.clone());
        Receipt::Ready(Ok(()))
    }
}
