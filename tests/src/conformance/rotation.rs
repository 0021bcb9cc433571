//! Rotation under load: each value is whole and of one version, and none is older than its bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use far_core::broker::{AccessError, Broker, BrokerSettings, SecretError, Session};
use far_core::capability::{Capability, Catalog, CatalogEntry, DeclaredSecret, Grant, LeakPolicy, Rotation, Scope};
use far_core::pal::{EventKind, Pal, Receipt, Record, Sink};
use far_core::provider::SecretProvider;
use far_core::{AgentId, SecretName, SkillDigest, TaskContext, random_task_id};
use parking_lot::Mutex;
use tokio::time::sleep;

use super::backend::{Backend, Vault};
use super::{Row, row};

/// The number of tasks that read in a loop.
const TASKS: usize = 200;
/// The number of versions written meanwhile, and their interval.
const VERSIONS: usize = 40;
const EVERY: Duration = Duration::from_millis(100);
/// The lifetime of a cached value, and the overlap of the previous version.
const TTL: Duration = Duration::from_secs(1);
const OVERLAP: Duration = Duration::from_millis(300);

const NAME: &str = "rotated";

pub(super) async fn all(vault: &Vault, report: &mut impl FnMut(&Row)) {
    let counters = Arc::new(RotationCounters::default());
    let summary = under_load(vault, &counters).await;
    let figures = counters.figures(vault.read_count(NAME));
    report(
        &row(vault, "load.rotated", "0 mixed, 0 too old, 0 without an answer", async { summary }).await.with(figures),
    );
}

/// The observations of the tasks.
#[derive(Default)]
struct RotationCounters {
    reads: AtomicUsize,
    mixed: AtomicUsize,
    failed: AtomicUsize,
    versions: Mutex<std::collections::BTreeSet<usize>>,
    /// The time at which the server had each version, by number less one.
    written: Mutex<Vec<Instant>>,
    /// The longest use of a value after the next version existed, in microseconds.
    oldest: AtomicU64,
    /// The longest read of the server, in microseconds.
    longest: AtomicU64,
    stop: AtomicBool,
}

impl RotationCounters {
    /// Checks a value, which repeats the number of its version.
    fn read(&self, version: &str, value: &[u8], requested: Instant) {
        let Ok(number) = version.parse::<usize>() else { return self.count(&self.mixed) };
        if value != text(number).as_bytes() {
            self.count(&self.mixed);
        }
        self.count(&self.reads);
        self.versions.lock().insert(number);
        if let Some(next) = self.written.lock().get(number) {
            let late = requested.saturating_duration_since(*next);
            self.oldest.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
        }
    }

    fn count(&self, counter: &AtomicUsize) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the largest age of a value: its lifetime plus the longest read.
    fn bound(&self) -> Duration {
        TTL + Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    fn figures(&self, reads: usize) -> String {
        let oldest = Duration::from_micros(self.oldest.load(Ordering::Relaxed));
        format!(
            "{} reads by {TASKS} tasks, of {} versions; the oldest was {} ms behind, bound {} ms; {reads} reads of the server",
            self.reads.load(Ordering::Relaxed),
            self.versions.lock().len(),
            oldest.as_millis(),
            self.bound().as_millis(),
        )
    }

    fn summary(&self) -> String {
        let too_old = u8::from(Duration::from_micros(self.oldest.load(Ordering::Relaxed)) > self.bound());
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        if count(&self.reads) < TASKS || self.versions.lock().len() < VERSIONS / 8 {
            return format!("nothing observed: {} reads of versions {:?}", count(&self.reads), self.versions.lock());
        }
        let (mixed, failed) = (count(&self.mixed), count(&self.failed));
        format!("{mixed} mixed, {too_old} too old, {failed} without an answer")
    }
}

/// A sink that measures the answers of the server.
struct LatencySink(Arc<RotationCounters>);

impl Sink for LatencySink {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        if let (EventKind::SecretFetched | EventKind::SecretRefreshed, Some(took)) =
            (record.event.kind(), record.event.duration())
        {
            self.0.longest.fetch_max(took.as_micros() as u64, Ordering::Relaxed);
        }
        Receipt::Ready(Ok(()))
    }
}

fn text(number: usize) -> String {
    format!("{number:08}").repeat(1000)
}

async fn under_load(vault: &Vault, counters: &Arc<RotationCounters>) -> String {
    write(vault, counters, 1);
    let provider: Arc<dyn SecretProvider> = vault.provider();
    let pal = Pal::builder().sink(Arc::new(LatencySink(counters.clone()))).build();
    let broker = Broker::new([provider], pal, BrokerSettings::default()).unwrap();
    let catalog = Arc::new(catalog(vault));
    let mut readers = Vec::new();
    for _ in 0..TASKS {
        let session = Arc::new(broker.admit(context(&catalog)).await.unwrap());
        session.start().await.unwrap();
        readers.push(tokio::spawn(reads(session, counters.clone())));
    }
    for number in 2..=VERSIONS {
        sleep(EVERY).await;
        tokio::task::block_in_place(|| write(vault, counters, number));
        if number % 15 == 0 {
            broker.refresh(&name(), &agent()).await;
        }
    }
    // Lets all tasks read the last version.
    sleep(TTL + OVERLAP).await;
    counters.stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    counters.summary()
}

fn write(vault: &Vault, counters: &RotationCounters, number: usize) {
    vault.put(NAME, &text(number));
    counters.written.lock().push(Instant::now());
}

/// Uses each handle several times, like a skill, so that some versions are in their overlap.
async fn reads(session: Arc<Session>, counters: Arc<RotationCounters>) {
    while !counters.stop.load(Ordering::Relaxed) {
        let requested = Instant::now();
        match session.get(NAME, None).await {
            Ok(handle) => {
                for _ in 0..3 {
                    match session.reveal(&handle).await {
                        Ok(value) => counters.read(handle.version().as_str(), value.expose(), requested),
                        // The handle has expired: the skill gets a new one.
                        Err(AccessError::Secret(SecretError::Expired)) => break,
                        Err(_) => counters.count(&counters.failed),
                    }
                    tokio::task::yield_now().await;
                }
            }
            Err(_) => counters.count(&counters.failed),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

fn catalog(vault: &Vault) -> Catalog {
    let mut catalog = Catalog::new();
    let entry = CatalogEntry::new("vault".parse().unwrap(), vault.reference(NAME), grant().terms().clone())
        .with_scope(Scope::Agent)
        .with_ttl(TTL)
        .with_rotation(Rotation { every: Duration::from_secs(3600), overlap: OVERLAP })
        .with_when_leaked(LeakPolicy::Ignore);
    catalog.insert(name(), entry).unwrap();
    catalog
}

fn context(catalog: &Arc<Catalog>) -> TaskContext {
    let (skill_digest, now) = (SkillDigest::of(b"a skill"), Instant::now());
    let terms = grant().terms().clone();
    let declared = DeclaredSecret { name: name(), terms, reason: "a test".to_owned(), optional: false };
    TaskContext {
        task_id: random_task_id().unwrap(),
        agent_id: agent(),
        skill: None,
        skill_digest,
        capability: Capability::new(&[declared], &[grant()], catalog, &skill_digest, now).unwrap(),
        egress: Vec::new(),
        listed: Vec::new(),
        records: u64::MAX,
        deadline: now + Duration::from_secs(3600),
    }
}

fn grant() -> Grant {
    format!("{NAME}:reveal").parse().unwrap()
}

fn name() -> SecretName {
    NAME.parse().unwrap()
}

fn agent() -> AgentId {
    "conformance".parse().unwrap()
}
