//! The measured host: a runtime of an embedder with one secret and an in-memory backend. It records
//! every event before it releases a value.

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

/// The number of concurrent tasks, and the memory of each in bytes: the runtime's defaults.
pub(crate) const TASKS: u32 = 64;
pub(crate) const TASK_MEMORY: usize = 1 << 30;
/// The secret's value, as long as a typical token.
pub(crate) const VALUE: &[u8] = b"ghp_0123456789abcdefghijklmnopqrstuvwxyz";
const SECRET: &str = "token";
/// A deadline that no measurement reaches.
const RECORD_WITHIN: Duration = Duration::from_secs(60);

/// A host that runs a component.
pub(crate) trait Host: Send + Sync + 'static {
    fn run(&self, input: &str) -> impl Future<Output = Result<Vec<u8>, Error>> + Send;
}

/// The host of this project.
pub(crate) struct Far {
    runtime: Arc<Runtime>,
    skill: Arc<Skill>,
    grant: Grant,
    events: Arc<RecentEvents>,
}

impl Far {
    /// Loads a component in a new runtime whose secret has this scope.
    pub(crate) async fn new(component: &[u8], scope: Scope) -> Result<Arc<Self>, Error> {
        let events = Arc::new(RecentEvents::default());
        let (runtime, grant) = runtime(scope, &events, None)?;
        let skill = runtime.load(component.to_vec()).await?;
        Ok(Arc::new(Self { runtime, skill, grant, events }))
    }

    /// Returns the recorded releases.
    pub(crate) fn released(&self) -> ReleaseCounts {
        self.events.0.lock().released
    }
}

impl Host for Far {
    async fn run(&self, input: &str) -> Result<Vec<u8>, Error> {
        run(&self.runtime, &self.skill, Some(&self.grant), input).await
    }
}

/// Builds a runtime, and the grant of its one secret.
pub(crate) fn runtime(
    scope: Scope,
    events: &Arc<RecentEvents>,
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

/// Runs a skill once and returns its output.
pub(crate) async fn run(
    runtime: &Runtime,
    skill: &Arc<Skill>,
    grant: Option<&Grant>,
    input: &str,
) -> Result<Vec<u8>, Error> {
    // The default limit of records is too low for the measured number of gets.
    let limits = Limits { records: Limits::MAX.records, ..Limits::default() };
    let task = Task::new(skill).with_input(input).with_limits(limits);
    let task = grant.into_iter().cloned().fold(task, Task::with_grant);
    match runtime.run(task).await.end {
        End::Completed(output) => Ok(output),
        other => Err(format!("a task did not complete: {other:?}").into()),
    }
}

/// Runs a component `times` times on a worker thread, as an agent does, and returns the total in
/// nanoseconds.
///
/// An unexpected output is an error, since an incomplete task is faster.
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

/// A sink that stores the newest events in memory and counts releases. The sink for tests stores
/// all events, and its growth would distort the figures.
#[derive(Default)]
pub(crate) struct RecentEvents(Mutex<EventBuffer>);

/// The number of stored events.
const NEWEST: usize = 256;

#[derive(Default)]
struct EventBuffer {
    newest: VecDeque<Arc<Record>>,
    released: ReleaseCounts,
}

/// The numbers of handles and of values that guests received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReleaseCounts {
    pub(crate) handles: u64,
    pub(crate) values: u64,
}

impl Sink for RecentEvents {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        let mut buffer = self.0.lock();
        match record.event.kind() {
            EventKind::SecretInjected => buffer.released.handles += 1,
            EventKind::SecretRevealed => buffer.released.values += 1,
            _ => {}
        }
        if buffer.newest.len() == NEWEST {
            buffer.newest.pop_front();
        }
        buffer.newest.push_back(record.clone());
        Receipt::Ready(Ok(()))
    }
}
