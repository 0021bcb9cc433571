//! Values that change in their server while many tasks use them: each is one version's, whole, and none is older than it may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use far_core::broker::{AccessError, Broker, BrokerSettings, SecretError, Session};
use far_core::capability::{Capability, Catalog, CatalogEntry, DeclaredSecret, Grant, Rotation, Scope, WhenLeaked};
use far_core::pal::{EventKind, Pal, Receipt, Record, Sink};
use far_core::provider::SecretProvider;
use far_core::{AgentId, SecretName, SkillDigest, TaskContext, random_task_id};
use parking_lot::Mutex;
use tokio::time::sleep;

use super::backend::{Backend, Vault};
use super::{Row, row};

/// How many tasks read, over and over.
const TASKS: usize = 200;
/// How many versions are written meanwhile, and how long after each other.
const VERSIONS: usize = 40;
const EVERY: Duration = Duration::from_millis(100);
/// How long a value is kept, and how long the one before is used.
const TTL: Duration = Duration::from_secs(1);
const OVERLAP: Duration = Duration::from_millis(300);

const NAME: &str = "rotated";

pub(super) async fn all(vault: &Vault, tell: &mut impl FnMut(&Row)) {
    let seen = Arc::new(Seen::default());
    let told = under_load(vault, &seen).await;
    let figures = seen.figures(vault.asked(NAME));
    tell(&row(vault, "load.rotated", "0 mixed, 0 too old, 0 without an answer", async { told }).await.with(figures));
}

/// What the tasks saw.
#[derive(Default)]
struct Seen {
    reads: AtomicUsize,
    mixed: AtomicUsize,
    failed: AtomicUsize,
    versions: Mutex<std::collections::BTreeSet<usize>>,
    /// When the server had taken a version, by its number less one.
    written: Mutex<Vec<Instant>>,
    /// The longest that a value was given out after the next one was there, in microseconds.
    oldest: AtomicU64,
    /// The longest time that a read of the server took, in microseconds.
    longest: AtomicU64,
    ended: AtomicBool,
}

impl Seen {
    /// A value is its version's number, again and again.
    fn read(&self, version: &str, value: &[u8], asked: Instant) {
        let Ok(number) = version.parse::<usize>() else { return self.count(&self.mixed) };
        if value != text(number).as_bytes() {
            self.count(&self.mixed);
        }
        self.count(&self.reads);
        self.versions.lock().insert(number);
        if let Some(next) = self.written.lock().get(number) {
            let late = asked.saturating_duration_since(*next);
            self.oldest.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
        }
    }

    fn count(&self, counter: &AtomicUsize) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How old a value may be at most: it was the current one when the server was asked, and is kept from when it was there.
    fn bound(&self) -> Duration {
        TTL + Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    fn figures(&self, asked: usize) -> String {
        let oldest = Duration::from_micros(self.oldest.load(Ordering::Relaxed));
        format!(
            "{} reads by {TASKS} tasks, of {} versions; the oldest was {} ms behind, of {} ms; the server was asked {asked} times",
            self.reads.load(Ordering::Relaxed),
            self.versions.lock().len(),
            oldest.as_millis(),
            self.bound().as_millis(),
        )
    }

    fn told(&self) -> String {
        let too_old = u8::from(Duration::from_micros(self.oldest.load(Ordering::Relaxed)) > self.bound());
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        if count(&self.reads) < TASKS || self.versions.lock().len() < VERSIONS / 8 {
            return format!("nothing to see: {} reads of versions {:?}", count(&self.reads), self.versions.lock());
        }
        let (mixed, failed) = (count(&self.mixed), count(&self.failed));
        format!("{mixed} mixed, {too_old} too old, {failed} without an answer")
    }
}

/// Keeps how long the server took to answer.
struct Times(Arc<Seen>);

impl Sink for Times {
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

async fn under_load(vault: &Vault, seen: &Arc<Seen>) -> String {
    write(vault, seen, 1);
    let provider: Arc<dyn SecretProvider> = vault.provider();
    let pal = Pal::builder().sink(Arc::new(Times(seen.clone()))).build();
    let broker = Broker::new([provider], pal, BrokerSettings::default()).unwrap();
    let catalog = Arc::new(catalog(vault));
    let mut readers = Vec::new();
    for _ in 0..TASKS {
        let session = Arc::new(broker.admit(context(&catalog)).await.unwrap());
        session.start().await.unwrap();
        readers.push(tokio::spawn(reads(session, seen.clone())));
    }
    for number in 2..=VERSIONS {
        sleep(EVERY).await;
        tokio::task::block_in_place(|| write(vault, seen, number));
        if number % 15 == 0 {
            broker.refresh_kept(&name(), &agent()).await;
        }
    }
    // The last one is seen by all.
    sleep(TTL + OVERLAP).await;
    seen.ended.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    seen.told()
}

fn write(vault: &Vault, seen: &Seen, number: usize) {
    vault.put(NAME, &text(number));
    seen.written.lock().push(Instant::now());
}

/// Has a handle for a while, as a skill does: the version that it is of is in its overlap meanwhile, now and then.
async fn reads(session: Arc<Session>, seen: Arc<Seen>) {
    while !seen.ended.load(Ordering::Relaxed) {
        let asked = Instant::now();
        match session.get(NAME, None).await {
            Ok(handle) => {
                for _ in 0..3 {
                    match session.reveal(&handle).await {
                        Ok(value) => seen.read(handle.version().as_str(), value.expose(), asked),
                        // It was held until its time, or its overlap, was over: the skill asks anew.
                        Err(AccessError::Secret(SecretError::Expired)) => break,
                        Err(_) => seen.count(&seen.failed),
                    }
                    tokio::task::yield_now().await;
                }
            }
            Err(_) => seen.count(&seen.failed),
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
        .with_when_leaked(WhenLeaked::Ignore);
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
