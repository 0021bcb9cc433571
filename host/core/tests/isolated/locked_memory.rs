//! Quotas of locked memory, and its exhaustion.

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

/// The length of a value in bytes. A few values fill a quota.
const LENGTH: usize = 32 * 1024;
/// The number of values that fit in the quota of a task.
const QUOTA: usize = 256 * 1024 / LENGTH;

/// Serializes the tests, which share the memory of the process.
static SERIAL: Mutex<()> = Mutex::const_new(());

struct Agent {
    backend: Arc<MemoryProvider>,
    log: Arc<MemorySink>,
    broker: Arc<Broker>,
    catalog: Arc<Catalog>,
    _serial: MutexGuard<'static, ()>,
}

impl Agent {
    /// Creates an agent whose secrets have this number of versions.
    async fn with_versions(versions: usize) -> Self {
        Self::with_refresh_interval(versions, Duration::ZERO).await
    }

    /// Creates an agent with a minimum interval between refreshes.
    async fn with_refresh_interval(versions: usize, refresh_interval: Duration) -> Self {
        let serial = SERIAL.lock().await;
        wait_for_unlocked_memory();
        let backend = Arc::new(MemoryProvider::new(ProviderId::parse("memory").unwrap()));
        let log = MemorySink::new();
        let pal = Pal::builder().sink(log.clone()).build();
        let settings = BrokerSettings { refresh_interval, ..BrokerSettings::default() };
        let broker = Broker::new([backend.clone() as _], pal, settings).unwrap();
        let secrets = [("task-key", Scope::Task), ("agent-key", Scope::Agent)];
        let catalog = catalog(secrets.map(|(secret, scope)| entry(secret, scope, terms("reveal,refresh"))));
        let agent = Self { backend, log, broker, catalog, _serial: serial };
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

    /// Returns the recorded reasons of failed fetches.
    fn failures(&self) -> Vec<Option<Reason>> {
        let records = self.log.records();
        let failed =
            records.iter().map(|record| &record.event).filter(|event| event.outcome() == Some(Outcome::Failed));
        failed.filter(|event| event.kind() == EventKind::SecretFetched).map(|event| event.reason()).collect()
    }
}

/// Waits until the previous test has wiped its values, which happens after it releases the lock.
fn wait_for_unlocked_memory() {
    let end = Instant::now() + Duration::from_secs(10);
    while usage().used > 0 {
        assert!(Instant::now() < end, "locked memory is not wiped: {:?}", usage());
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

/// Returns the value of a version, which is not a single repeated byte.
fn value(number: usize) -> [u8; LENGTH] {
    let mut value = [u8::try_from(number % 251).unwrap(); LENGTH];
    value[0] = 0xff;
    value
}

fn is_exhausted<T>(result: &Result<T, AccessError>) -> bool {
    matches!(result, Err(AccessError::Secret(SecretError::Exhausted)))
}

#[tokio::test]
async fn tasks_have_separate_quotas() {
    let agent = Agent::with_versions(QUOTA + 1).await;
    let before = usage().used;
    let (greedy, other) = (agent.task().await, agent.task().await);
    let mut held = Vec::new();
    for version in 1..=QUOTA {
        held.push(get(&greedy, "task-key", version).await.unwrap());
    }
    assert!(is_exhausted(&get(&greedy, "task-key", QUOTA + 1).await));
    assert!(is_exhausted(&get(&greedy, "task-key", QUOTA + 1).await), "the second attempt fails too");
    assert_eq!((usage().used - before) / LENGTH, QUOTA, "the values fill the quota, apart from redaction");
    assert_eq!(agent.failures(), [Some(Reason::Token("over-quota")), Some(Reason::Token("over-quota"))]);
    assert!(!greedy.backend_failed() && greedy.stop_reason().is_none(), "the task gets an error and continues");
    assert!(reveals(&greedy, &held[0], 1).await, "earlier values stay");

    let mut other_handles = Vec::new();
    for version in 1..=QUOTA {
        other_handles.push(get(&other, "task-key", version).await.unwrap());
    }
    greedy.finish(Outcome::Completed).await.unwrap();
    assert_eq!((usage().used - before) / LENGTH, QUOTA, "handles do not keep bytes");
    for (handle, version) in other_handles.iter().zip(1..) {
        assert!(reveals(&other, handle, version).await);
    }
    other.finish(Outcome::Completed).await.unwrap();
    assert_eq!(usage().used, before);
}

#[tokio::test]
async fn wiped_values_free_quota() {
    let agent = Agent::with_versions(1).await;
    let task = agent.task().await;
    let mut held = vec![task.get("task-key", None).await.unwrap()];
    // Versions without a handle do not count.
    for number in 2..3 * QUOTA {
        agent.set(number);
        held = vec![task.refresh("task-key").await.unwrap()];
        assert!(reveals(&task, &held[0], number).await);
    }
    let mut number = 3 * QUOTA;
    while held.len() < QUOTA {
        agent.set(number);
        held.push(task.refresh("task-key").await.unwrap());
        number += 1;
    }
    agent.set(number);
    assert!(is_exhausted(&task.refresh("task-key").await), "versions with a handle count");
    held.remove(0);
    assert!(reveals(&task, &task.refresh("task-key").await.unwrap(), number).await);
}

#[tokio::test(start_paused = true)]
async fn task_over_quota_causes_no_backend_calls() {
    let interval = Duration::from_secs(10);
    let agent = Agent::with_refresh_interval(QUOTA, interval).await;
    let task = agent.task().await;
    let _current = task.get("task-key", None).await.unwrap();
    for version in 1..QUOTA {
        get(&task, "task-key", version).await.unwrap();
    }
    agent.set(QUOTA + 1);
    tokio::time::advance(interval).await;
    assert!(is_exhausted(&task.refresh("task-key").await));
    let calls = agent.backend.calls();
    assert!(is_exhausted(&task.refresh("task-key").await));
    assert_eq!(agent.backend.calls(), calls);
}

#[tokio::test]
async fn shared_values_count_against_no_task() {
    let agent = Agent::with_versions(QUOTA + 1).await;
    let task = agent.task().await;
    for version in 1..=QUOTA + 1 {
        get(&task, "agent-key", version).await.unwrap();
    }
    get(&task, "task-key", 1).await.unwrap();
}

#[tokio::test]
async fn secret_is_unavailable_without_locked_memory() {
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
        "a value without redaction is not released"
    );
    all.pop();
    assert!(reveals(&task, &get(&task, "task-key", 1).await.unwrap(), 1).await);
}
