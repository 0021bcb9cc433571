//! Rotation while tasks use a secret (ADR-0023 R9): by schedule and on request.

use std::sync::Arc;
use std::time::Duration;

use far_core::broker::{OperatorError, RereadReport, RotationReport, SecretError};
use far_core::capability::Rotation;
use far_core::memory::SecretBytes;
use far_core::pal::{Cause, EventKind, Outcome, Reason};
use far_core::provider::{
    Description, FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretAdmin, SecretProvider,
};
use far_core::{AgentId, ProviderId, SecretName, Version, VersionSelector};
use parking_lot::Mutex;
use tokio::time::{Instant, advance, sleep};

use crate::fixture::{AUDIT_DEADLINE, Fault, TTL, World, changed, secret_error, version};

const EVERY: Duration = Duration::from_secs(30);
const OVERLAP: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(1);
/// The maximum random delay of a schedule.
const JITTER: Duration = Duration::from_millis(1500);

/// A backend that rotates its only secret. Each value names its version.
struct RotatingBackend {
    id: ProviderId,
    state: Mutex<State>,
}

struct State {
    number: u32,
    created: Instant,
    /// Reports the age of a version.
    reports_age: bool,
    /// The error of `rotate`.
    rotate_error: Option<ProviderError>,
    /// Rotates even if `rotate` returns an error.
    loses_answers: bool,
    /// Panics in `describe`.
    panics: bool,
    calls: Vec<&'static str>,
}

impl RotatingBackend {
    fn new() -> Arc<Self> {
        let state = State {
            number: 1,
            created: Instant::now(),
            reports_age: true,
            rotate_error: None,
            loses_answers: false,
            panics: false,
            calls: Vec::new(),
        };
        Arc::new(Self { id: "memory".parse().unwrap(), state: Mutex::new(state) })
    }

    fn with(change: impl FnOnce(&mut State)) -> Arc<Self> {
        let backend = Self::new();
        change(&mut backend.state.lock());
        backend
    }

    fn rotations(&self) -> usize {
        self.state.lock().calls.iter().filter(|call| **call == "rotate").count()
    }

    fn fetched(state: &State) -> FetchedSecret {
        let value = SecretBytes::copy_of(&value(state.number)).unwrap();
        FetchedSecret::new(value, version(&state.number.to_string()))
    }
}

fn value(number: u32) -> Vec<u8> {
    format!("canary-of-version-{number}").into_bytes()
}

#[async_trait::async_trait]
impl SecretProvider for RotatingBackend {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<FetchedSecret, ProviderError> {
        let mut state = self.state.lock();
        state.calls.push("get");
        Ok(Self::fetched(&state))
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Ok(Vec::new())
    }

    async fn refresh_secret(&self, _: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError> {
        let mut state = self.state.lock();
        state.calls.push("refresh");
        let fetched = Self::fetched(&state);
        Ok(if fetched.version == *known { RefreshOutcome::Unchanged } else { RefreshOutcome::Changed(fetched) })
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl SecretAdmin for RotatingBackend {
    async fn describe(&self, _: &Reference) -> Result<Description, ProviderError> {
        let state = self.state.lock();
        assert!(!state.panics, "a deliberate panic of the provider");
        let age = state.reports_age.then(|| state.created.elapsed());
        Ok(Description::new(version(&state.number.to_string())).with_age(age))
    }

    async fn rotate(&self, _: &Reference) -> Result<Version, ProviderError> {
        let mut state = self.state.lock();
        state.calls.push("rotate");
        let error = state.rotate_error;
        if error.is_none() || state.loses_answers {
            state.number += 1;
            state.created = Instant::now();
        }
        if let Some(error) = error {
            return Err(error);
        }
        Ok(version(&state.number.to_string()))
    }

    async fn revoke(&self, _: &Reference, _: &Version) -> Result<(), ProviderError> {
        self.state.lock().calls.push("revoke");
        Ok(())
    }
}

fn world(backend: &Arc<RotatingBackend>) -> World {
    let mut world = World::with_shared(backend.clone());
    for name in ["agent-key", "task-key"] {
        let rotation = Some(Rotation { every: EVERY, overlap: OVERLAP });
        world.catalog = changed(&world.catalog, name, |entry| entry.rotation = rotation);
    }
    world
}

fn agent() -> AgentId {
    "agent".parse().unwrap()
}

fn agent_key() -> SecretName {
    "agent-key".parse().unwrap()
}

async fn rotate(world: &World) -> Result<RotationReport, OperatorError> {
    let entry = world.catalog.get(&agent_key()).unwrap();
    world.broker.rotate(&agent_key(), entry, &agent()).await
}

#[tokio::test(start_paused = true)]
async fn previous_version_is_wiped_after_overlap() {
    let backend = RotatingBackend::new();
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    let before = task.get("agent-key", None).await.unwrap();
    let rotated = rotate(&world).await.unwrap();
    let reread = RereadReport { cached: 1, changed: 1, failed: 0 };
    assert_eq!(rotated, RotationReport { version: Some(version("2")), reread });
    let after = task.get("agent-key", None).await.unwrap();
    advance(OVERLAP - MOMENT).await;
    assert_eq!(task.reveal(&before).await.unwrap().expose(), value(1));
    assert_eq!(task.reveal(&after).await.unwrap().expose(), value(2));
    advance(MOMENT).await;
    world.wait_for_events(EventKind::SecretExpired, 1).await;
    let expired = world.events(EventKind::SecretExpired).pop().unwrap();
    assert_eq!((expired.cause(), expired.secret_version().cloned()), (Some(Cause::Rotation), Some(version("1"))));
    assert_eq!(secret_error(task.reveal(&before).await), SecretError::Expired);
    assert_eq!(task.reveal(&after).await.unwrap().expose(), value(2));
}

#[tokio::test(start_paused = true)]
async fn rotation_is_recorded_for_agent() {
    let backend = RotatingBackend::new();
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    drop(task.get("agent-key", None).await.unwrap());
    let seen = world.log.kinds().len();
    rotate(&world).await.unwrap();
    let kinds = [
        EventKind::SecretRequested,
        EventKind::SecretRotated,
        EventKind::SecretRequested,
        EventKind::SecretRefreshed,
        EventKind::SecretWiped,
    ];
    assert_eq!(world.kinds_since(seen), kinds, "the previous version is wiped at once without a handle");
    let rotated = world.events(EventKind::SecretRotated).pop().unwrap();
    assert_eq!((rotated.cause(), rotated.outcome()), (Some(Cause::Operator), Some(Outcome::Completed)));
    assert_eq!((rotated.secret_version().cloned(), rotated.duration().is_some()), (Some(version("2")), true));
    let wiped = world.events(EventKind::SecretWiped).pop().unwrap();
    assert_eq!((wiped.cause(), wiped.secret_version().cloned()), (Some(Cause::Rotation), Some(version("1"))));
    for record in world.log.records().iter().skip(seen) {
        assert_eq!(record.subject.task_id, None, "no task caused it");
    }
}

#[tokio::test(start_paused = true)]
async fn schedule_rotates_once_for_all_tasks() {
    let backend = RotatingBackend::new();
    let world = world(&backend);
    let mut tasks = Vec::new();
    for _ in 0..5 {
        let task = world.running(&["agent-key:reveal"]).await;
        task.get("agent-key", None).await.unwrap();
        tasks.push(task);
    }
    sleep(EVERY - MOMENT).await;
    assert_eq!(backend.rotations(), 0);
    sleep(JITTER + MOMENT).await;
    world.wait_for_events(EventKind::SecretRefreshed, 1).await;
    assert_eq!(backend.rotations(), 1);
    let rotated = world.events(EventKind::SecretRotated).pop().unwrap();
    assert_eq!(rotated.cause(), Some(Cause::Schedule));
    for task in &tasks {
        assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "2");
    }
    sleep(EVERY + JITTER).await;
    assert_eq!(backend.rotations(), 2, "the schedule repeats");
}

#[tokio::test(start_paused = true)]
async fn schedule_follows_reported_version_age() {
    let backend = RotatingBackend::new();
    advance(EVERY * 3).await;
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.wait_for_events(EventKind::SecretRotated, 1).await;
    assert_eq!(backend.rotations(), 1, "the backend reports the age");
    // Another process rotates the secret halfway.
    sleep(EVERY / 2).await;
    backend.rotate(&Reference::new("agent-key")).await.unwrap();
    sleep(EVERY / 2 + JITTER).await;
    assert_eq!(backend.rotations(), 2, "the age is read before a rotation");
    sleep(EVERY / 2 + JITTER).await;
    assert_eq!(backend.rotations(), 3);
}

#[tokio::test(start_paused = true)]
async fn schedule_rereads_without_rotation_support() {
    let backend = RotatingBackend::with(|state| {
        (state.reports_age, state.rotate_error) = (false, Some(ProviderError::Unsupported))
    });
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    backend.state.lock().number = 2;
    sleep(EVERY + JITTER).await;
    world.wait_for_events(EventKind::SecretRefreshed, 1).await;
    assert!(world.events(EventKind::SecretRotated).is_empty());
    assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "2");
}

#[tokio::test(start_paused = true)]
async fn failed_rotation_is_retried() {
    let backend = RotatingBackend::with(|state| state.rotate_error = Some(ProviderError::Sealed));
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    sleep(EVERY + JITTER).await;
    let failed = world.events(EventKind::SecretRotated).pop().unwrap();
    assert_eq!((failed.outcome(), failed.reason()), (Some(Outcome::Failed), Some(Reason::Token("sealed"))));
    task.reveal(&handle).await.unwrap();
    assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "1");
    backend.state.lock().rotate_error = None;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "2");
    assert_eq!(rotate(&world).await.unwrap().version, Some(version("3")));
}

#[tokio::test(start_paused = true)]
async fn lost_rotation_answer_causes_reread() {
    let backend =
        RotatingBackend::with(|state| (state.rotate_error, state.loses_answers) = (Some(ProviderError::Timeout), true));
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    assert_eq!(rotate(&world).await, Err(OperatorError::Provider(ProviderError::Timeout)));
    assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "2");
}

#[tokio::test(start_paused = true)]
async fn schedule_survives_provider_panic() {
    let backend = RotatingBackend::with(|state| state.panics = true);
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    sleep(EVERY / 2).await;
    backend.state.lock().panics = false;
    sleep(EVERY / 2 + JITTER + Duration::from_secs(10)).await;
    assert_eq!(backend.rotations(), 1);
}

#[tokio::test(start_paused = true)]
async fn uncached_secret_is_not_rotated() {
    let backend = RotatingBackend::new();
    let mut world = world(&backend);
    world.catalog = changed(&world.catalog, "agent-key", |entry| entry.ttl = EVERY / 3);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    sleep(EVERY * 3).await;
    assert_eq!(backend.rotations(), 0);
    // The next fetch finds the version too old.
    task.get("agent-key", None).await.unwrap();
    world.wait_for_events(EventKind::SecretRotated, 1).await;
    assert_eq!(backend.rotations(), 1);
}

#[tokio::test(start_paused = true)]
async fn unrecorded_rotation_is_not_started() {
    let backend = RotatingBackend::new();
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.gate.fail(Fault::Fails);
    assert!(matches!(rotate(&world).await, Err(OperatorError::Audit(_))));
    assert_eq!(backend.rotations(), 0);
    world.gate.recover();
    world.gate.fail_at(Fault::Hangs, EventKind::SecretRotated);
    let started = Instant::now();
    assert!(matches!(rotate(&world).await, Err(OperatorError::Audit(_))));
    assert_eq!(started.elapsed(), AUDIT_DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn operator_refresh_ignores_interval() {
    let backend = RotatingBackend::new();
    let world = world(&backend);
    let (one, other) = (world.running(&["task-key:reveal"]).await, world.running(&["task-key:reveal"]).await);
    for task in [&one, &other] {
        task.get("task-key", None).await.unwrap();
    }
    backend.state.lock().number = 2;
    let task_key = "task-key".parse().unwrap();
    assert_eq!(world.broker.refresh(&task_key, &agent()).await, RereadReport { cached: 2, changed: 2, failed: 0 });
    assert_eq!(world.broker.refresh(&task_key, &agent()).await, RereadReport { cached: 2, changed: 0, failed: 0 });
    for task in [&one, &other] {
        assert_eq!(task.get("task-key", None).await.unwrap().version().as_str(), "2");
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_secret_wipes_and_revokes_version() {
    let backend = RotatingBackend::new();
    let world = world(&backend);
    let (one, other) = (world.running(&["agent-key:reveal"]).await, world.running(&["agent-key:reveal"]).await);
    let handles = [one.get("agent-key", None).await.unwrap(), other.get("agent-key", None).await.unwrap()];
    rotate(&world).await.unwrap();
    let entry = world.catalog.get(&agent_key()).unwrap();
    let revoked = world.broker.revoke_secret(&agent_key(), entry, &agent()).await.unwrap();
    assert_eq!((revoked.wiped, revoked.backend), (2, Ok(version("2"))), "the previous and the current version");
    for (task, handle) in [&one, &other].into_iter().zip(&handles) {
        assert_eq!(secret_error(task.reveal(handle).await), SecretError::Revoked);
    }
    assert!(world.broker.cached().is_empty());
    let event = world.events(EventKind::SecretRevoked).pop().unwrap();
    assert_eq!((event.cause(), event.outcome()), (Some(Cause::Operator), Some(Outcome::Completed)));
    // The next request reads the backend.
    assert_eq!(one.get("agent-key", None).await.unwrap().version().as_str(), "2");
}

#[tokio::test(start_paused = true)]
async fn revoke_discards_fetch_in_flight() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    let hold = world.backend.hold();
    let getting = task.get("agent-key", None);
    let revoking = async {
        world.backend.wait_for_calls(1).await;
        assert_eq!(world.broker.revoke(&agent_key(), &agent()).await, 0);
        drop(hold);
    };
    let (got, ()) = tokio::join!(getting, revoking);
    assert_eq!(secret_error(got), SecretError::Unavailable { retry_after: None });
    assert!(world.broker.cached().is_empty());
}

#[tokio::test(start_paused = true)]
async fn cached_lists_metadata_only() {
    let backend = RotatingBackend::new();
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal", "task-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    task.get("task-key", None).await.unwrap();
    advance(MOMENT).await;
    let mut cached = world.broker.cached();
    cached.sort_by(|one, other| one.name.cmp(&other.name));
    let rows: Vec<_> = cached.iter().map(|one| (one.name.as_str(), one.scope, one.version.as_str())).collect();
    assert_eq!(rows, [("agent-key", "agent", "1"), ("task-key", "task", "1")]);
    assert!(cached.iter().all(|one| one.expires_in == TTL - MOMENT && !one.leased && !one.stale));
    assert!(!format!("{cached:?}").contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn operator_refresh_follows_fetch_in_flight() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    let hold = world.backend.hold();
    let getting = task.get("agent-key", None);
    let (key, agent) = (agent_key(), agent());
    let refreshing = async {
        world.backend.wait_for_calls(1).await;
        let refreshed = world.broker.refresh(&key, &agent);
        let release = async {
            // The refresh waits for the earlier fetch.
            tokio::task::yield_now().await;
            drop(hold);
        };
        tokio::join!(refreshed, release).0
    };
    let (got, reread) = tokio::join!(getting, refreshing);
    got.unwrap();
    assert_eq!((world.backend.calls(), reread), (2, RereadReport { cached: 1, changed: 0, failed: 0 }));
}

#[tokio::test(start_paused = true)]
async fn refresh_after_shutdown_reads_nothing() {
    let backend = RotatingBackend::new();
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.broker.shutdown(&agent()).await;
    assert_eq!(world.broker.refresh(&agent_key(), &agent()).await, RereadReport::default());
    assert_eq!(backend.state.lock().calls, ["get"]);
}
