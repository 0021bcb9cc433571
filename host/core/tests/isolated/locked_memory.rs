//! Locked memory is little: what a task may have of it, and what happens when there is none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use far_core::broker::{AccessError, Broker, BrokerSettings, Handle, SecretError, Session};
use far_core::capability::VersionRule;
use far_core::capability::{Capability, Catalog, Scope};
use far_core::memory::{MemoryError, SecretBytes, usage};
use far_core::pal::{EventKind, MemorySink, Outcome, Pal, Reason};
use far_core::provider::Reference;
use far_core::{ProviderId, SkillDigest, TaskContext, Version, random_task_id};
use tokio::sync::{Mutex, MutexGuard};

use crate::memory_provider::MemoryProvider;
use crate::shared::{catalog, declared, entry, grant, terms};

/// Long enough for a few to fill a quota, and to be seen in the process's usage.
const LENGTH: usize = 32 * 1024;
/// As many as a task may have at a time.
const FIT: usize = 256 * 1024 / LENGTH;

/// The process's memory is every test's: they run one after the other.
static ALONE: Mutex<()> = Mutex::const_new(());

struct Agent {
    backend: Arc<MemoryProvider>,
    log: Arc<MemorySink>,
    broker: Arc<Broker>,
    catalog: Arc<Catalog>,
    _alone: MutexGuard<'static, ()>,
}

impl Agent {
    /// An agent whose secrets have so many long versions.
    async fn with_versions(versions: usize) -> Self {
        Self::refreshing(versions, Duration::ZERO).await
    }

    /// The same, where a secret is read again after so much time only.
    async fn refreshing(versions: usize, refresh_interval: Duration) -> Self {
        let alone = ALONE.lock().await;
        nothing_is_locked();
        let backend = Arc::new(MemoryProvider::new(ProviderId::parse("memory").unwrap()));
        let log = MemorySink::new();
        let pal = Pal::builder().sink(log.clone()).build();
        let settings = BrokerSettings { refresh_interval, ..BrokerSettings::default() };
        let broker = Broker::new([backend.clone() as _], pal, settings).unwrap();
        let secrets = [("task-key", Scope::Task), ("agent-key", Scope::Agent)];
        let catalog = catalog(secrets.map(|(secret, scope)| entry(secret, scope, terms("reveal,refresh"))));
        let agent = Self { backend, log, broker, catalog, _alone: alone };
        (1..=versions).for_each(|version| agent.set(version));
        agent
    }

    fn set(&self, number: usize) {
        for secret in ["task-key", "agent-key"] {
            self.backend.set(&Reference::new(secret), &version(number), &value(number)).unwrap();
        }
    }

    async fn task(&self) -> Session {
        let secrets = ["task-key", "agent-key"];
        let declared = secrets.map(|secret| declared(secret, terms("reveal,refresh")));
        let granted = secrets.map(|secret| grant(&format!("{secret}:reveal,refresh")).with_versions(VersionRule::Any));
        let (now, skill_digest) = (Instant::now(), SkillDigest::of(b"skill"));
        let context = TaskContext {
            task_id: random_task_id().unwrap(),
            agent_id: "agent".parse().unwrap(),
            skill: None,
            skill_digest,
            capability: Capability::new(&declared, &granted, &self.catalog, &skill_digest, now).unwrap(),
            egress: Vec::new(),
            listed: Vec::new(),
            records: u64::MAX,
            deadline: now + Duration::from_secs(3600),
        };
        let session = self.broker.admit(context).await.unwrap();
        session.start().await.unwrap();
        session
    }

    /// Why fetches failed, as recorded.
    fn failures(&self) -> Vec<Option<Reason>> {
        let records = self.log.records();
        let failed =
            records.iter().map(|record| &record.event).filter(|event| event.outcome() == Some(Outcome::Failed));
        failed.filter(|event| event.kind() == EventKind::SecretFetched).map(|event| event.reason()).collect()
    }
}

/// Waits for the test before: its runtime, and what its last tasks held, goes after its lock.
fn nothing_is_locked() {
    let end = Instant::now() + Duration::from_secs(10);
    while usage().used > 0 {
        assert!(Instant::now() < end, "locked memory that is never wiped: {:?}", usage());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn version(number: usize) -> Version {
    Version::parse(&number.to_string()).unwrap()
}

async fn get(task: &Session, secret: &str, version: usize) -> Result<Handle, AccessError> {
    task.get(secret, Some(&version.to_string())).await
}

async fn reveals(task: &Session, handle: &Handle, number: usize) -> bool {
    task.reveal(handle).await.unwrap().expose() == value(number)
}

/// The value of a version: not one byte repeated, which no task is given.
fn value(number: usize) -> [u8; LENGTH] {
    let mut value = [u8::try_from(number % 251).unwrap(); LENGTH];
    value[0] = 0xff;
    value
}

fn exhausted<T>(answer: &Result<T, AccessError>) -> bool {
    matches!(answer, Err(AccessError::Secret(SecretError::Exhausted)))
}

#[tokio::test]
async fn a_task_uses_up_its_own_quota_and_its_neighbour_has_all_of_its_own() {
    let agent = Agent::with_versions(FIT + 1).await;
    let before = usage().used;
    let (greedy, neighbour) = (agent.task().await, agent.task().await);
    let mut held = Vec::new();
    for version in 1..=FIT {
        held.push(get(&greedy, "task-key", version).await.unwrap());
    }
    assert!(exhausted(&get(&greedy, "task-key", FIT + 1).await));
    assert!(exhausted(&get(&greedy, "task-key", FIT + 1).await), "again, and again without a value");
    assert_eq!((usage().used - before) / LENGTH, FIT, "besides the little that its redaction takes");
    assert_eq!(agent.failures(), [Some(Reason::Token("over-quota")), Some(Reason::Token("over-quota"))]);
    assert!(!greedy.backend_failed() && greedy.stopped().is_none(), "it is told, and goes on");
    assert!(reveals(&greedy, &held[0], 1).await, "what it has stays");

    let mut neighbours = Vec::new();
    for version in 1..=FIT {
        neighbours.push(get(&neighbour, "task-key", version).await.unwrap());
    }
    greedy.finish(Outcome::Completed).await.unwrap();
    assert_eq!((usage().used - before) / LENGTH, FIT, "the handles that are held hold no bytes");
    for (handle, version) in neighbours.iter().zip(1..) {
        assert!(reveals(&neighbour, handle, version).await);
    }
    neighbour.finish(Outcome::Completed).await.unwrap();
    assert_eq!(usage().used, before);
}

#[tokio::test]
async fn what_is_wiped_is_counted_back() {
    let agent = Agent::with_versions(1).await;
    let task = agent.task().await;
    let mut held = vec![task.get("task-key", None).await.unwrap()];
    // Versions that nobody holds any more are no burden, however many there were.
    for number in 2..3 * FIT {
        agent.set(number);
        held = vec![task.refresh("task-key").await.unwrap()];
        assert!(reveals(&task, &held[0], number).await);
    }
    let mut number = 3 * FIT;
    while held.len() < FIT {
        agent.set(number);
        held.push(task.refresh("task-key").await.unwrap());
        number += 1;
    }
    agent.set(number);
    assert!(exhausted(&task.refresh("task-key").await), "held versions count");
    held.remove(0);
    assert!(reveals(&task, &task.refresh("task-key").await.unwrap(), number).await);
}

#[tokio::test(start_paused = true)]
async fn a_task_over_its_quota_does_not_have_the_backend_asked_again_and_again() {
    let interval = Duration::from_secs(10);
    let agent = Agent::refreshing(FIT, interval).await;
    let task = agent.task().await;
    let _current = task.get("task-key", None).await.unwrap();
    for version in 1..FIT {
        get(&task, "task-key", version).await.unwrap();
    }
    agent.set(FIT + 1);
    tokio::time::advance(interval).await;
    assert!(exhausted(&task.refresh("task-key").await));
    let calls = agent.backend.calls();
    assert!(exhausted(&task.refresh("task-key").await));
    assert_eq!(agent.backend.calls(), calls);
}

#[tokio::test]
async fn what_is_shared_is_nobodys_burden() {
    let agent = Agent::with_versions(FIT + 1).await;
    let task = agent.task().await;
    for version in 1..=FIT + 1 {
        get(&task, "agent-key", version).await.unwrap();
    }
    get(&task, "task-key", 1).await.unwrap();
}

#[tokio::test]
async fn without_locked_memory_a_secret_is_unavailable_until_there_is_some() {
    let agent = Agent::with_versions(1).await;
    let task = agent.task().await;
    let mut all: Vec<_> = (0..usage().budget / LENGTH).map_while(|_| SecretBytes::new(LENGTH, |_| {}).ok()).collect();
    assert_eq!(SecretBytes::new(LENGTH, |_| {}).err(), Some(MemoryError::OutOfLockedMemory));
    assert_eq!(usage().locked, usage().budget);
    let refused = get(&task, "task-key", 1).await.err();
    assert_eq!(refused, Some(SecretError::Unavailable { retry_after: None }.into()));
    assert_eq!(agent.failures(), [Some(Reason::Token("out-of-locked-memory"))]);
    assert!(SecretBytes::new(0, |_| {}).is_ok());

    all.pop();
    let refused = get(&task, "task-key", 1).await.err();
    assert_eq!(
        refused,
        Some(SecretError::Unavailable { retry_after: None }.into()),
        "what cannot be redacted stays here"
    );
    all.pop();
    assert!(reveals(&task, &get(&task, "task-key", 1).await.unwrap(), 1).await);
}
