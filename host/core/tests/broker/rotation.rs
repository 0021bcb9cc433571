//! One version takes another's place while tasks use it (ADR-0023 R9): by schedule and on demand.

use std::sync::Arc;
use std::time::Duration;

use far_core::broker::{OperatorError, Reread, Rotated, SecretError};
use far_core::capability::Rotation;
use far_core::memory::SecretBytes;
use far_core::pal::{Cause, EventKind, Outcome, Reason};
use far_core::provider::{Description, Fetched, ProviderError, Reference, Refreshed, SecretAdmin, SecretProvider};
use far_core::{AgentId, ProviderId, SecretName, Version, VersionSelector};
use parking_lot::Mutex;
use tokio::time::{Instant, advance, sleep};

use crate::fixture::{AUDIT_DEADLINE, Fault, TTL, World, changed, told, version};

const EVERY: Duration = Duration::from_secs(30);
const OVERLAP: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(1);
/// What a schedule may wait beyond its time, so that processes do not all do it at once.
const SPREAD: Duration = Duration::from_millis(1500);

/// A backend that makes new versions of the one secret that it has; a value names its version.
struct Maker {
    id: ProviderId,
    state: Mutex<State>,
}

struct State {
    number: u32,
    made: Instant,
    /// Whether it says how old a version is.
    tells_age: bool,
    /// What it answers when it is to make a version.
    refuses: Option<ProviderError>,
    /// Whether it makes it all the same.
    loses_answers: bool,
    /// Whether it panics when it is asked how old one is.
    panics: bool,
    said: Vec<&'static str>,
}

impl Maker {
    fn new() -> Arc<Self> {
        let state = State {
            number: 1,
            made: Instant::now(),
            tells_age: true,
            refuses: None,
            loses_answers: false,
            panics: false,
            said: Vec::new(),
        };
        Arc::new(Self { id: "memory".parse().unwrap(), state: Mutex::new(state) })
    }

    fn with(change: impl FnOnce(&mut State)) -> Arc<Self> {
        let maker = Self::new();
        change(&mut maker.state.lock());
        maker
    }

    fn made(&self) -> usize {
        self.state.lock().said.iter().filter(|said| **said == "rotate").count()
    }

    fn fetched(state: &State) -> Fetched {
        let value = SecretBytes::copy_of(&value(state.number)).unwrap();
        Fetched::new(value, version(&state.number.to_string()))
    }
}

fn value(number: u32) -> Vec<u8> {
    format!("canary-of-version-{number}").into_bytes()
}

#[async_trait::async_trait]
impl SecretProvider for Maker {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<Fetched, ProviderError> {
        let mut state = self.state.lock();
        state.said.push("get");
        Ok(Self::fetched(&state))
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Ok(Vec::new())
    }

    async fn refresh_secret(&self, _: &Reference, known: &Version) -> Result<Refreshed, ProviderError> {
        let mut state = self.state.lock();
        state.said.push("refresh");
        let fetched = Self::fetched(&state);
        Ok(if fetched.version == *known { Refreshed::Unchanged } else { Refreshed::Changed(fetched) })
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl SecretAdmin for Maker {
    async fn describe(&self, _: &Reference) -> Result<Description, ProviderError> {
        let state = self.state.lock();
        assert!(!state.panics, "a defect of the provider; this is part of the test");
        let age = state.tells_age.then(|| state.made.elapsed());
        Ok(Description::new(version(&state.number.to_string())).with_age(age))
    }

    async fn rotate(&self, _: &Reference) -> Result<Version, ProviderError> {
        let mut state = self.state.lock();
        state.said.push("rotate");
        let refuses = state.refuses;
        if refuses.is_none() || state.loses_answers {
            state.number += 1;
            state.made = Instant::now();
        }
        if let Some(error) = refuses {
            return Err(error);
        }
        Ok(version(&state.number.to_string()))
    }

    async fn revoke(&self, _: &Reference, _: &Version) -> Result<(), ProviderError> {
        self.state.lock().said.push("revoke");
        Ok(())
    }
}

fn world(maker: &Arc<Maker>) -> World {
    let mut world = World::behind(maker.clone());
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

async fn rotate(world: &World) -> Result<Rotated, OperatorError> {
    let entry = world.catalog.get(&agent_key()).unwrap();
    world.broker.rotate(&agent_key(), entry, &agent()).await
}

#[tokio::test(start_paused = true)]
async fn the_version_before_answers_for_the_overlap_and_is_then_wiped() {
    let maker = Maker::new();
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    let before = task.get("agent-key", None).await.unwrap();
    let rotated = rotate(&world).await.unwrap();
    let reread = Reread { kept: 1, changed: 1, failed: 0 };
    assert_eq!(rotated, Rotated { version: Some(version("2")), reread });
    let after = task.get("agent-key", None).await.unwrap();
    advance(OVERLAP - MOMENT).await;
    assert_eq!(task.reveal(&before).await.unwrap().expose(), value(1));
    assert_eq!(task.reveal(&after).await.unwrap().expose(), value(2));
    advance(MOMENT).await;
    world.recorded(EventKind::SecretExpired, 1).await;
    let expired = world.events(EventKind::SecretExpired).pop().unwrap();
    assert_eq!((expired.cause(), expired.secret_version().cloned()), (Some(Cause::Rotation), Some(version("1"))));
    assert_eq!(told(task.reveal(&before).await), SecretError::Expired);
    assert_eq!(task.reveal(&after).await.unwrap().expose(), value(2));
}

#[tokio::test(start_paused = true)]
async fn each_step_is_recorded_as_the_agents_own() {
    let maker = Maker::new();
    let world = world(&maker);
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
    assert_eq!(world.kinds_since(seen), kinds, "the one before goes at once where nobody has a handle to it");
    let rotated = world.events(EventKind::SecretRotated).pop().unwrap();
    assert_eq!((rotated.cause(), rotated.outcome()), (Some(Cause::Operator), Some(Outcome::Completed)));
    assert_eq!((rotated.secret_version().cloned(), rotated.duration().is_some()), (Some(version("2")), true));
    let wiped = world.events(EventKind::SecretWiped).pop().unwrap();
    assert_eq!((wiped.cause(), wiped.secret_version().cloned()), (Some(Cause::Rotation), Some(version("1"))));
    for record in world.log.records().iter().skip(seen) {
        assert_eq!(record.subject.task_id, None, "no task's doing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_rotates_once_for_all_who_keep_the_secret() {
    let maker = Maker::new();
    let world = world(&maker);
    let mut tasks = Vec::new();
    for _ in 0..5 {
        let task = world.running(&["agent-key:reveal"]).await;
        task.get("agent-key", None).await.unwrap();
        tasks.push(task);
    }
    sleep(EVERY - MOMENT).await;
    assert_eq!(maker.made(), 0);
    sleep(SPREAD + MOMENT).await;
    world.recorded(EventKind::SecretRefreshed, 1).await;
    assert_eq!(maker.made(), 1);
    let rotated = world.events(EventKind::SecretRotated).pop().unwrap();
    assert_eq!(rotated.cause(), Some(Cause::Schedule));
    for task in &tasks {
        assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "2");
    }
    sleep(EVERY + SPREAD).await;
    assert_eq!(maker.made(), 2, "and again");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_old_when_the_process_began_is_rotated_then_and_one_of_a_neighbour_is_not() {
    let maker = Maker::new();
    advance(EVERY * 3).await;
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.recorded(EventKind::SecretRotated, 1).await;
    assert_eq!(maker.made(), 1, "the backend says how old it is");
    // Another process rotates it, halfway.
    sleep(EVERY / 2).await;
    maker.rotate(&Reference::new("agent-key")).await.unwrap();
    sleep(EVERY / 2 + SPREAD).await;
    assert_eq!(maker.made(), 2, "its age is asked for again first");
    sleep(EVERY / 2 + SPREAD).await;
    assert_eq!(maker.made(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_makes_no_versions_is_asked_for_one_by_the_same_schedule() {
    let maker = Maker::with(|state| (state.tells_age, state.refuses) = (false, Some(ProviderError::Unsupported)));
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    maker.state.lock().number = 2;
    sleep(EVERY + SPREAD).await;
    world.recorded(EventKind::SecretRefreshed, 1).await;
    assert!(world.events(EventKind::SecretRotated).is_empty());
    assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "2");
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_fails_changes_nothing_is_recorded_and_is_tried_again() {
    let maker = Maker::with(|state| state.refuses = Some(ProviderError::Sealed));
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    sleep(EVERY + SPREAD).await;
    let failed = world.events(EventKind::SecretRotated).pop().unwrap();
    assert_eq!((failed.outcome(), failed.reason()), (Some(Outcome::Failed), Some(Reason::Token("sealed"))));
    task.reveal(&handle).await.unwrap();
    assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "1");
    maker.state.lock().refuses = None;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "2");
    assert_eq!(rotate(&world).await.unwrap().version, Some(version("3")));
}

#[tokio::test(start_paused = true)]
async fn a_rotation_whose_answer_was_lost_has_everyone_read_again() {
    let maker = Maker::with(|state| (state.refuses, state.loses_answers) = (Some(ProviderError::Timeout), true));
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    assert_eq!(rotate(&world).await, Err(OperatorError::Provider(ProviderError::Timeout)));
    assert_eq!(task.get("agent-key", None).await.unwrap().version().as_str(), "2");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_ends_no_schedule() {
    let maker = Maker::with(|state| state.panics = true);
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    sleep(EVERY / 2).await;
    maker.state.lock().panics = false;
    sleep(EVERY / 2 + SPREAD + Duration::from_secs(10)).await;
    assert_eq!(maker.made(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_keeps_is_not_rotated() {
    let maker = Maker::new();
    let mut world = world(&maker);
    world.catalog = changed(&world.catalog, "agent-key", |entry| entry.ttl = EVERY / 3);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    sleep(EVERY * 3).await;
    assert_eq!(maker.made(), 0);
    // Who asks for it then finds it old.
    task.get("agent-key", None).await.unwrap();
    world.recorded(EventKind::SecretRotated, 1).await;
    assert_eq!(maker.made(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_is_not_rotated() {
    let maker = Maker::new();
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.gate.breaks(Fault::Fails);
    assert!(matches!(rotate(&world).await, Err(OperatorError::Audit(_))));
    assert_eq!(maker.made(), 0);
    world.gate.recovers();
    world.gate.breaks_at(Fault::Hangs, EventKind::SecretRotated);
    let started = Instant::now();
    assert!(matches!(rotate(&world).await, Err(OperatorError::Audit(_))));
    assert_eq!(started.elapsed(), AUDIT_DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_by_the_operator_waits_for_no_interval_and_reaches_everyone() {
    let maker = Maker::new();
    let world = world(&maker);
    let (one, other) = (world.running(&["task-key:reveal"]).await, world.running(&["task-key:reveal"]).await);
    for task in [&one, &other] {
        task.get("task-key", None).await.unwrap();
    }
    maker.state.lock().number = 2;
    let task_key = "task-key".parse().unwrap();
    assert_eq!(world.broker.refresh_kept(&task_key, &agent()).await, Reread { kept: 2, changed: 2, failed: 0 });
    assert_eq!(world.broker.refresh_kept(&task_key, &agent()).await, Reread { kept: 2, changed: 0, failed: 0 });
    for task in [&one, &other] {
        assert_eq!(task.get("task-key", None).await.unwrap().version().as_str(), "2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_secret_is_gone_for_all_who_hold_it_and_its_backend_revokes_the_version() {
    let maker = Maker::new();
    let world = world(&maker);
    let (one, other) = (world.running(&["agent-key:reveal"]).await, world.running(&["agent-key:reveal"]).await);
    let handles = [one.get("agent-key", None).await.unwrap(), other.get("agent-key", None).await.unwrap()];
    rotate(&world).await.unwrap();
    let entry = world.catalog.get(&agent_key()).unwrap();
    let revoked = world.broker.revoke_secret(&agent_key(), entry, &agent()).await.unwrap();
    assert_eq!((revoked.wiped, revoked.backend), (2, Ok(version("2"))), "the one before, and the current one");
    for (task, handle) in [&one, &other].into_iter().zip(&handles) {
        assert_eq!(told(task.reveal(handle).await), SecretError::Revoked);
    }
    assert!(world.broker.kept().is_empty());
    let event = world.events(EventKind::SecretRevoked).pop().unwrap();
    assert_eq!((event.cause(), event.outcome()), (Some(Cause::Operator), Some(Outcome::Completed)));
    // Whoever asks is answered by the backend.
    assert_eq!(one.get("agent-key", None).await.unwrap().version().as_str(), "2");
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_it_was_revoked_is_given_to_nobody() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    let hold = world.backend.hold();
    let getting = task.get("agent-key", None);
    let revoking = async {
        world.backend.called(1).await;
        assert_eq!(world.broker.revoke_kept(&agent_key(), &agent()).await, 0);
        drop(hold);
    };
    let (got, ()) = tokio::join!(getting, revoking);
    assert_eq!(told(got), SecretError::Unavailable { retry_after: None });
    assert!(world.broker.kept().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_operator_sees_references_versions_and_times() {
    let maker = Maker::new();
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal", "task-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    task.get("task-key", None).await.unwrap();
    advance(MOMENT).await;
    let mut kept = world.broker.kept();
    kept.sort_by(|one, other| one.name.cmp(&other.name));
    let told: Vec<_> = kept.iter().map(|kept| (kept.name.as_str(), kept.scope, kept.version.as_str())).collect();
    assert_eq!(told, [("agent-key", "agent", "1"), ("task-key", "task", "1")]);
    assert!(kept.iter().all(|kept| kept.expires_in == TTL - MOMENT && !kept.leased && !kept.stale));
    assert!(!format!("{kept:?}").contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_while_it_is_rotated_is_read_once_more() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    let hold = world.backend.hold();
    let getting = task.get("agent-key", None);
    let (key, agent) = (agent_key(), agent());
    let refreshing = async {
        world.backend.called(1).await;
        let refreshed = world.broker.refresh_kept(&key, &agent);
        let release = async {
            // The refresh waits for what was asked before it.
            tokio::task::yield_now().await;
            drop(hold);
        };
        tokio::join!(refreshed, release).0
    };
    let (got, reread) = tokio::join!(getting, refreshing);
    got.unwrap();
    assert_eq!((world.backend.calls(), reread), (2, Reread { kept: 1, changed: 0, failed: 0 }));
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_not_asked_for_again() {
    let maker = Maker::new();
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.broker.end_shared(&agent()).await;
    assert_eq!(world.broker.refresh_kept(&agent_key(), &agent()).await, Reread::default());
    assert_eq!(maker.state.lock().said, ["get"]);
}
