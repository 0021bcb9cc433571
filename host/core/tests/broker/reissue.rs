//! Reissue of dynamic secrets, by schedule and on request. The previous lease is revoked after its
//! overlap.

use std::sync::Arc;
use std::time::Duration;

use far_core::broker::{RereadReport, SecretError};
use far_core::capability::Rotation;
use far_core::pal::{Cause, EventKind, Outcome};
use far_core::{AgentId, SecretName};
use tokio::time::sleep;

use crate::fixture::{Fault, World, changed, secret_error};
use crate::leases::{DynamicBackend, LEASE_DURATION};

const EVERY: Duration = Duration::from_secs(4);
const OVERLAP: Duration = Duration::from_secs(2);
const MOMENT: Duration = Duration::from_millis(1);

fn world(backend: &Arc<DynamicBackend>) -> World {
    let mut world = World::with_shared(backend.clone());
    let rotation = Some(Rotation { every: EVERY, overlap: OVERLAP });
    world.catalog = changed(&world.catalog, "task-key", |entry| entry.rotation = rotation);
    world
}

fn task_key() -> SecretName {
    "task-key".parse().unwrap()
}

fn agent() -> AgentId {
    "agent".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn schedule_reissues_then_revokes_previous() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let task = world.running(&["task-key:reveal"]).await;
    let before = task.get("task-key", None).await.unwrap();
    sleep(EVERY + MOMENT).await;
    world.wait_for_events(EventKind::SecretRotated, 1).await;
    let after = task.get("task-key", None).await.unwrap();
    assert_eq!((after.version().as_str(), backend.calls()), ("2", strings(&["issued 1", "reissued 1", "issued 2"])));
    task.reveal(&before).await.unwrap();
    let rotated = world.events(EventKind::SecretRotated).pop().unwrap();
    assert_eq!((rotated.cause(), rotated.outcome()), (Some(Cause::Schedule), Some(Outcome::Completed)));
    sleep(OVERLAP).await;
    world.wait_for_events(EventKind::SecretRevoked, 1).await;
    assert_eq!(secret_error(task.reveal(&before).await), SecretError::Expired);
    task.reveal(&after).await.unwrap();
    assert_eq!(backend.calls().last().unwrap(), "released 1");
    assert_eq!(world.events(EventKind::SecretRevoked)[0].cause(), Some(Cause::Rotation));
    // The next version reaches its maximum age in turn.
    sleep(EVERY - OVERLAP + MOMENT).await;
    world.wait_for_events(EventKind::SecretRotated, 2).await;
    assert_eq!(backend.calls()[4..], strings(&["reissued 2", "issued 3"]));
}

#[tokio::test(start_paused = true)]
async fn operator_reissues_for_every_owner() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let (one, other) = (world.running(&["task-key:reveal"]).await, world.running(&["task-key:reveal"]).await);
    let handles = [one.get("task-key", None).await.unwrap(), other.get("task-key", None).await.unwrap()];
    let entry = world.catalog.get(&task_key()).unwrap();
    let rotated = world.broker.rotate(&task_key(), entry, &agent()).await.unwrap();
    assert_eq!((rotated.version, rotated.reread), (None, RereadReport { cached: 2, changed: 2, failed: 0 }));
    for (task, handle) in [&one, &other].into_iter().zip(&handles) {
        task.reveal(handle).await.unwrap();
    }
    // A task that ends within the overlap releases both of its leases, and none of another task's.
    one.finish(Outcome::Completed).await.unwrap();
    let calls = backend.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("released")).count(), 2, "{calls:?}");
    assert_eq!(calls.last().unwrap(), "revoked all");
    let after = other.get("task-key", None).await.unwrap();
    other.reveal(&after).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn revoke_releases_lease_task_continues() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    assert_eq!(world.broker.revoke(&task_key(), &agent()).await, 1);
    assert_eq!(backend.calls(), strings(&["issued 1", "revoked for task-key", "released 1"]));
    assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Revoked);
    task.get("task-key", None).await.unwrap();
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(
        backend.calls(),
        strings(&["issued 1", "revoked for task-key", "released 1", "issued 2", "released 2", "revoked all"])
    );
}

#[tokio::test(start_paused = true)]
async fn revoke_ends_emptied_scope() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.broker.revoke(&"agent-key".parse().unwrap(), &agent()).await;
    assert_eq!(
        backend.calls(),
        strings(&["issued 1", "revoked for agent-key", "released 1", "revoked all"]),
        "the scope has no secret left"
    );
}

#[tokio::test(start_paused = true)]
async fn revoke_covers_same_lease() {
    let backend = DynamicBackend::new(&[]);
    backend.state.lock().one_lease = true;
    let world = world(&backend);
    let task = world.running(&["task-key:reveal", "other-task-key:reveal"]).await;
    task.get("task-key", None).await.unwrap();
    let sibling = task.get("other-task-key", None).await.unwrap();
    assert_eq!(world.broker.revoke(&task_key(), &agent()).await, 2);
    assert_eq!(secret_error(task.reveal(&sibling).await), SecretError::Revoked);
}

#[tokio::test(start_paused = true)]
async fn revoke_covers_issuance_in_flight() {
    let backend = DynamicBackend::new(&[]);
    backend.state.lock().held = Some(Arc::default());
    let world = world(&backend);
    let task = world.running(&["task-key:reveal"]).await;
    let getting = task.get("task-key", None);
    let revoking = async {
        world.wait_for_events(EventKind::SecretRequested, 1).await;
        tokio::task::yield_now().await;
        assert_eq!(world.broker.revoke(&task_key(), &agent()).await, 0);
    };
    let (got, ()) = tokio::join!(getting, revoking);
    assert_eq!(secret_error(got), SecretError::Unavailable { retry_after: None });
    assert_eq!(backend.calls(), strings(&["issued 1", "revoked for task-key"]));
}

#[tokio::test(start_paused = true)]
async fn unrecorded_dynamic_secret_is_released() {
    let backend = DynamicBackend::new(&[]);
    let world = world(&backend);
    let task = world.running(&["agent-key:reveal"]).await;
    world.gate.fail_at(Fault::Fails, EventKind::SecretFetched);
    assert!(task.get("agent-key", None).await.is_err());
    assert_eq!(backend.calls()[..2], strings(&["issued 1", "released 1"]));
}

#[tokio::test(start_paused = true)]
async fn ended_lease_is_never_stale() {
    let backend = DynamicBackend::new(&[None]);
    let mut world = world(&backend);
    world.catalog = changed(&world.catalog, "task-key", |entry| {
        (entry.rotation, entry.stale) = (None, Duration::from_secs(600));
    });
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    sleep(LEASE_DURATION).await;
    world.wait_for_events(EventKind::SecretRevoked, 1).await;
    assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Expired);
}

fn strings(calls: &[&str]) -> Vec<String> {
    calls.iter().map(|&call| call.to_owned()).collect()
}
