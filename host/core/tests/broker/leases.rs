//! Dynamic secrets: renewed while they are in use, and revoked with their owner.

use std::sync::Arc;
use std::time::Duration;

use far_core::memory::SecretBytes;
use far_core::pal::{Cause, EventKind, Outcome, Reason};
use far_core::provider::{
    DynamicSecrets, FetchedSecret, Lease, LeaseId, ProviderError, Reference, RefreshOutcome, SecretOwner,
    SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::fixture::{TTL, VALUE, World, secret_error, version};

/// A backend that issues dynamic secrets for ten seconds each.
pub(crate) struct DynamicBackend {
    id: ProviderId,
    pub(crate) state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    issued: u32,
    calls: Vec<String>,
    /// The seconds by which each renewal extends a lease, in order; `None` fails.
    renewals: Vec<Option<u64>>,
    pub(crate) hangs: bool,
    /// Issues every secret under the same lease.
    pub(crate) one_lease: bool,
    /// Delays the answer of `issue` until it is notified.
    pub(crate) held: Option<Arc<Notify>>,
}

pub(crate) const LEASE_DURATION: Duration = Duration::from_secs(10);

impl DynamicBackend {
    pub(crate) fn new(renewals: &[Option<u64>]) -> Arc<Self> {
        let state = State { renewals: renewals.iter().rev().copied().collect(), ..State::default() };
        Arc::new(Self { id: "memory".parse().unwrap(), state: Mutex::new(state) })
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().calls.clone()
    }

    fn issue_next(&self) -> FetchedSecret {
        let mut state = self.state.lock();
        state.issued += 1;
        let number = state.issued;
        state.calls.push(format!("issued {number}"));
        let id = if state.one_lease { "one".to_owned() } else { number.to_string() };
        let lease = Lease::new(LeaseId::new(&id)).with_renewable(true);
        let value = SecretBytes::copy_of(VALUE).unwrap();
        FetchedSecret::new(value, version(&number.to_string())).with_ttl(LEASE_DURATION).with_lease(lease)
    }

    fn push(&self, call: String) {
        self.state.lock().calls.push(call);
    }
}

#[async_trait::async_trait]
impl SecretProvider for DynamicBackend {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<FetchedSecret, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Ok(Vec::new())
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<RefreshOutcome, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    fn dynamic(&self) -> Option<&dyn DynamicSecrets> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl DynamicSecrets for DynamicBackend {
    async fn issue(&self, _: &Reference, _: &VersionSelector, _: &SecretOwner) -> Result<FetchedSecret, ProviderError> {
        // A dropped call has issued its secret all the same, as on a real server.
        let (issued, held) = (self.issue_next(), self.state.lock().held.clone());
        if let Some(held) = held {
            held.notified().await;
        }
        Ok(issued)
    }

    async fn renew(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        self.push(format!("renewed {}", lease.as_str()));
        let renewal = self.state.lock().renewals.pop();
        renewal.flatten().map(Duration::from_secs).ok_or(ProviderError::NotFound)
    }

    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.push(format!("released {}", lease.as_str()));
        let hangs = self.state.lock().hangs;
        if hangs { std::future::pending().await } else { Ok(()) }
    }

    async fn reissue(&self, _: &Reference, lease: &LeaseId, _: &SecretOwner) -> Result<FetchedSecret, ProviderError> {
        self.push(format!("reissued {}", lease.as_str()));
        Ok(self.issue_next())
    }

    async fn revoke_for(&self, reference: &Reference, _: &SecretOwner) -> Result<(), ProviderError> {
        self.push(format!("revoked for {}", reference.as_str()));
        Ok(())
    }

    async fn revoke_all(&self, _: &SecretOwner) -> Result<(), ProviderError> {
        self.push("revoked all".to_owned());
        Ok(())
    }
}

fn world(backend: &Arc<DynamicBackend>) -> World {
    World::with_shared(backend.clone())
}

#[tokio::test(start_paused = true)]
async fn task_end_revokes_leases_first() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    task.get("task-key", None).await.unwrap();
    task.reveal(&handle).await.unwrap();
    assert_eq!(backend.calls(), ["issued 1"]);
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(backend.calls(), ["issued 1", "released 1", "revoked all"], "leases first, then the owner");
    let kinds = world.log.kinds();
    let at = |kind| kinds.iter().position(|seen| *seen == kind).unwrap();
    assert!(at(EventKind::SecretRevoked) < at(EventKind::TaskFinished));
    assert_eq!(world.events(EventKind::SecretRevoked)[0].outcome(), Some(Outcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn dropped_task_revokes_own_leases_only() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let (one, other) = (world.running(&["task-key:reveal"]).await, world.running(&["task-key:reveal"]).await);
    one.get("task-key", None).await.unwrap();
    let handle = other.get("task-key", None).await.unwrap();
    drop(one);
    world.wait_for_events(EventKind::SecretRevoked, 1).await;
    assert_eq!(backend.calls(), ["issued 1", "issued 2", "released 1", "revoked all"]);
    other.reveal(&handle).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lease_is_renewed_within_ttl() {
    let backend = DynamicBackend::new(&[Some(10), Some(100)]);
    let world = world(&backend);
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    sleep(LEASE_DURATION).await;
    task.reveal(&handle).await.unwrap();
    assert_eq!(backend.calls(), ["issued 1", "renewed 1"]);
    let renewed = world.events(EventKind::SecretRenewed).pop().unwrap();
    assert_eq!((renewed.cause(), renewed.outcome()), (Some(Cause::Lease), Some(Outcome::Completed)));
    sleep(TTL - LEASE_DURATION - Duration::from_secs(1)).await;
    task.reveal(&handle).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(secret_error(task.reveal(&handle).await), far_core::broker::SecretError::Expired);
    // The TTL has ended before the lease.
    world.wait_for_events(EventKind::SecretRevoked, 1).await;
    assert_eq!(backend.calls(), ["issued 1", "renewed 1", "renewed 1", "released 1"]);
}

#[tokio::test(start_paused = true)]
async fn failed_renewal_ends_lease() {
    for renewals in [&[None][..], &[Some(1)]] {
        let backend = DynamicBackend::new(renewals);
        let world = world(&backend);
        let task = world.running(&["task-key:reveal"]).await;
        let handle = task.get("task-key", None).await.unwrap();
        sleep(LEASE_DURATION).await;
        assert_eq!(secret_error(task.reveal(&handle).await), far_core::broker::SecretError::Expired);
        task.get("task-key", None).await.unwrap();
        assert_eq!(backend.calls(), ["issued 1", "renewed 1", "released 1", "issued 2"], "{renewals:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn refresh_issues_no_dynamic_secret() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let task = world.running(&["task-key:reveal,refresh"]).await;
    let first = task.get("task-key", None).await.unwrap();
    let again = task.refresh("task-key").await.unwrap();
    assert_eq!((first.version(), backend.calls()), (again.version(), vec!["issued 1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn hanging_revocation_delays_end_by_deadline() {
    let backend = DynamicBackend::new(&[]);
    backend.state.lock().hangs = true;
    let world = world(&backend);
    let task = world.running(&["task-key:reveal"]).await;
    task.get("task-key", None).await.unwrap();
    let started = tokio::time::Instant::now();
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    let failed = &world.events(EventKind::SecretRevoked)[0];
    assert_eq!((failed.outcome(), failed.reason()), (Some(Outcome::Failed), Some(Reason::Token("timeout"))));
    assert_eq!(backend.calls(), ["issued 1", "released 1", "revoked all"], "the owner is revoked all the same");
}

#[tokio::test(start_paused = true)]
async fn shared_lease_outlives_one_task() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let (one, other) = (world.running(&["agent-key:reveal"]).await, world.running(&["agent-key:reveal"]).await);
    one.get("agent-key", None).await.unwrap();
    let handle = other.get("agent-key", None).await.unwrap();
    one.finish(Outcome::Completed).await.unwrap();
    assert_eq!(backend.calls(), ["issued 1"]);
    other.reveal(&handle).await.unwrap();
    sleep(LEASE_DURATION).await;
    world.wait_for_events(EventKind::SecretRevoked, 1).await;
    assert_eq!(backend.calls(), ["issued 1", "renewed 1", "released 1", "revoked all"], "the scope has no secret left");
}

#[tokio::test(start_paused = true)]
async fn shutdown_revokes_shared_leases() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    task.finish(Outcome::Completed).await.unwrap();
    world.broker.shutdown(&"agent".parse().unwrap()).await;
    assert_eq!(backend.calls(), ["issued 1", "released 1", "revoked all"]);
}

#[tokio::test(start_paused = true)]
async fn abandoned_finish_completes() {
    let backend = DynamicBackend::new(&[]);
    backend.state.lock().hangs = true;
    let world = world(&backend);
    let task = world.running(&["task-key:reveal"]).await;
    task.get("task-key", None).await.unwrap();
    let ending = tokio::time::timeout(Duration::from_secs(1), task.finish(Outcome::Completed)).await;
    assert!(ending.is_err(), "the caller stopped waiting");
    world.wait_for_events(EventKind::TaskFinished, 1).await;
    assert_eq!(backend.calls(), ["issued 1", "released 1", "revoked all"]);
}

#[tokio::test(start_paused = true)]
async fn overlong_renewal_is_capped_by_ttl() {
    let backend = DynamicBackend::new(&[Some(u64::MAX)]);
    let world = world(&backend);
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    sleep(LEASE_DURATION).await;
    task.reveal(&handle).await.unwrap();
    sleep(TTL).await;
    assert_eq!(secret_error(task.reveal(&handle).await), far_core::broker::SecretError::Expired);
    world.wait_for_events(EventKind::SecretRevoked, 1).await;
}
