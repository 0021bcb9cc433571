//! Secrets that a backend makes for who asks: renewed while they are needed, and revoked when they are not.

use std::sync::Arc;
use std::time::Duration;

use far_core::memory::SecretBytes;
use far_core::pal::{Cause, EventKind, Outcome, Reason};
use far_core::provider::{
    DynamicSecrets, Fetched, Lease, LeaseId, ProviderError, Reference, Refreshed, SecretOwner, SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::fixture::{TTL, VALUE, World, told, version};

/// A backend that makes a secret for whoever asks, for ten seconds.
pub(crate) struct Maker {
    id: ProviderId,
    pub(crate) state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    made: u32,
    said: Vec<String>,
    /// How long a renewed lease lasts, one after the other; none fails.
    renewals: Vec<Option<u64>>,
    pub(crate) hangs: bool,
    /// Whether all that it makes is of one lease.
    pub(crate) one_lease: bool,
    /// Keeps it from answering until it is told to.
    pub(crate) held: Option<Arc<Notify>>,
}

pub(crate) const LASTS: Duration = Duration::from_secs(10);

impl Maker {
    pub(crate) fn new(renewals: &[Option<u64>]) -> Arc<Self> {
        let state = State { renewals: renewals.iter().rev().copied().collect(), ..State::default() };
        Arc::new(Self { id: "memory".parse().unwrap(), state: Mutex::new(state) })
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.state.lock().said.clone()
    }

    fn make(&self) -> Fetched {
        let mut state = self.state.lock();
        state.made += 1;
        let number = state.made;
        state.said.push(format!("made {number}"));
        let id = if state.one_lease { "one".to_owned() } else { number.to_string() };
        let lease = Lease::new(LeaseId::new(&id)).with_renewable(true);
        let value = SecretBytes::copy_of(VALUE).unwrap();
        Fetched::new(value, version(&number.to_string())).with_ttl(LASTS).with_lease(lease)
    }

    fn say(&self, what: String) {
        self.state.lock().said.push(what);
    }
}

#[async_trait::async_trait]
impl SecretProvider for Maker {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<Fetched, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Ok(Vec::new())
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<Refreshed, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    fn dynamic(&self) -> Option<&dyn DynamicSecrets> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl DynamicSecrets for Maker {
    async fn issue(&self, _: &Reference, _: &VersionSelector, _: &SecretOwner) -> Result<Fetched, ProviderError> {
        // As a backend's client does it: what was begun is done, whoever waits for it.
        let (made, held) = (self.make(), self.state.lock().held.clone());
        if let Some(held) = held {
            held.notified().await;
        }
        Ok(made)
    }

    async fn renew(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        self.say(format!("renewed {}", lease.as_str()));
        let renewal = self.state.lock().renewals.pop();
        renewal.flatten().map(Duration::from_secs).ok_or(ProviderError::NotFound)
    }

    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.say(format!("revoked {}", lease.as_str()));
        let hangs = self.state.lock().hangs;
        if hangs { std::future::pending().await } else { Ok(()) }
    }

    async fn reissue(&self, _: &Reference, lease: &LeaseId, _: &SecretOwner) -> Result<Fetched, ProviderError> {
        self.say(format!("replaces {}", lease.as_str()));
        Ok(self.make())
    }

    async fn revoke_for(&self, reference: &Reference, _: &SecretOwner) -> Result<(), ProviderError> {
        self.say(format!("took back {}", reference.as_str()));
        Ok(())
    }

    async fn revoke_all(&self, _: &SecretOwner) -> Result<(), ProviderError> {
        self.say("ended".to_owned());
        Ok(())
    }
}

fn world(maker: &Arc<Maker>) -> World {
    World::behind(maker.clone())
}

#[tokio::test(start_paused = true)]
async fn what_was_made_for_a_task_is_revoked_with_it_before_its_end_is_told() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    task.get("task-key", None).await.unwrap();
    task.reveal(&handle).await.unwrap();
    assert_eq!(maker.said(), ["made 1"]);
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(maker.said(), ["made 1", "revoked 1", "ended"], "leases first");
    let kinds = world.log.kinds();
    let at = |kind| kinds.iter().position(|seen| *seen == kind).unwrap();
    assert!(at(EventKind::SecretRevoked) < at(EventKind::TaskFinished));
    assert_eq!(world.events(EventKind::SecretRevoked)[0].outcome(), Some(Outcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn each_task_has_its_own_and_a_dropped_one_is_ended_too() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let (one, other) = (world.running(&["task-key:reveal"]).await, world.running(&["task-key:reveal"]).await);
    one.get("task-key", None).await.unwrap();
    let kept = other.get("task-key", None).await.unwrap();
    drop(one);
    world.recorded(EventKind::SecretRevoked, 1).await;
    assert_eq!(maker.said(), ["made 1", "made 2", "revoked 1", "ended"]);
    other.reveal(&kept).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_while_the_backend_lets_it_and_the_catalog_does() {
    let maker = Maker::new(&[Some(10), Some(100)]);
    let world = world(&maker);
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    sleep(LASTS).await;
    task.reveal(&handle).await.unwrap();
    assert_eq!(maker.said(), ["made 1", "renewed 1"]);
    let renewed = world.events(EventKind::SecretRenewed).pop().unwrap();
    assert_eq!((renewed.cause(), renewed.outcome()), (Some(Cause::Lease), Some(Outcome::Completed)));
    sleep(TTL - LASTS - Duration::from_secs(1)).await;
    task.reveal(&handle).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(told(task.reveal(&handle).await), far_core::broker::SecretError::Expired);
    // The catalog's time is over, and the lease is not.
    world.recorded(EventKind::SecretRevoked, 1).await;
    assert_eq!(maker.said(), ["made 1", "renewed 1", "renewed 1", "revoked 1"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_lasts_no_longer_ends_and_the_next_use_has_another_made() {
    for renewals in [&[None][..], &[Some(1)]] {
        let maker = Maker::new(renewals);
        let world = world(&maker);
        let task = world.running(&["task-key:reveal"]).await;
        let handle = task.get("task-key", None).await.unwrap();
        sleep(LASTS).await;
        assert_eq!(told(task.reveal(&handle).await), far_core::broker::SecretError::Expired);
        task.get("task-key", None).await.unwrap();
        assert_eq!(maker.said(), ["made 1", "renewed 1", "revoked 1", "made 2"], "{renewals:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn reading_it_again_makes_no_other() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let task = world.running(&["task-key:reveal,refresh"]).await;
    let first = task.get("task-key", None).await.unwrap();
    let again = task.refresh("task-key").await.unwrap();
    assert_eq!((first.version(), maker.said()), (again.version(), vec!["made 1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_keeps_a_tasks_end_for_a_bounded_time_and_that_is_recorded() {
    let maker = Maker::new(&[]);
    maker.state.lock().hangs = true;
    let world = world(&maker);
    let task = world.running(&["task-key:reveal"]).await;
    task.get("task-key", None).await.unwrap();
    let started = tokio::time::Instant::now();
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    let failed = &world.events(EventKind::SecretRevoked)[0];
    assert_eq!((failed.outcome(), failed.reason()), (Some(Outcome::Failed), Some(Reason::Token("timeout"))));
    assert_eq!(maker.said(), ["made 1", "revoked 1", "ended"], "the rest is ended all the same");
}

#[tokio::test(start_paused = true)]
async fn what_others_share_is_not_ended_with_one_of_them() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let (one, other) = (world.running(&["agent-key:reveal"]).await, world.running(&["agent-key:reveal"]).await);
    one.get("agent-key", None).await.unwrap();
    let handle = other.get("agent-key", None).await.unwrap();
    one.finish(Outcome::Completed).await.unwrap();
    assert_eq!(maker.said(), ["made 1"]);
    other.reveal(&handle).await.unwrap();
    sleep(LASTS).await;
    world.recorded(EventKind::SecretRevoked, 1).await;
    assert_eq!(maker.said(), ["made 1", "renewed 1", "revoked 1", "ended"], "nobody holds anything any more");
}

#[tokio::test(start_paused = true)]
async fn what_is_shared_is_ended_before_the_process_is() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    task.finish(Outcome::Completed).await.unwrap();
    world.broker.end_shared(&"agent".parse().unwrap()).await;
    assert_eq!(maker.said(), ["made 1", "revoked 1", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_waits_for_comes_all_the_same() {
    let maker = Maker::new(&[]);
    maker.state.lock().hangs = true;
    let world = world(&maker);
    let task = world.running(&["task-key:reveal"]).await;
    task.get("task-key", None).await.unwrap();
    let ending = tokio::time::timeout(Duration::from_secs(1), task.finish(Outcome::Completed)).await;
    assert!(ending.is_err(), "given up");
    world.recorded(EventKind::TaskFinished, 1).await;
    assert_eq!(maker.said(), ["made 1", "revoked 1", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_longer_than_any_clock_is_kept_as_long_as_the_catalog_says() {
    let maker = Maker::new(&[Some(u64::MAX)]);
    let world = world(&maker);
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    sleep(LASTS).await;
    task.reveal(&handle).await.unwrap();
    sleep(TTL).await;
    assert_eq!(told(task.reveal(&handle).await), far_core::broker::SecretError::Expired);
    world.recorded(EventKind::SecretRevoked, 1).await;
}
