//! What a backend made for who asked is made anew, by schedule and on demand; the one before is used for the overlap, then revoked.

use std::sync::Arc;
use std::time::Duration;

use far_core::broker::{Reread, SecretError};
use far_core::capability::Rotation;
use far_core::pal::{Cause, EventKind, Outcome};
use far_core::{AgentId, SecretName};
use tokio::time::sleep;

use crate::fixture::{Fault, World, changed, told};
use crate::leases::{LASTS, Maker};

const EVERY: Duration = Duration::from_secs(4);
const OVERLAP: Duration = Duration::from_secs(2);
const MOMENT: Duration = Duration::from_millis(1);

fn world(maker: &Arc<Maker>) -> World {
    let mut world = World::behind(maker.clone());
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
async fn it_is_made_anew_by_its_schedule_and_the_one_before_is_revoked_after_the_overlap() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let task = world.running(&["task-key:reveal"]).await;
    let before = task.get("task-key", None).await.unwrap();
    sleep(EVERY + MOMENT).await;
    world.recorded(EventKind::SecretRotated, 1).await;
    let after = task.get("task-key", None).await.unwrap();
    assert_eq!((after.version().as_str(), maker.said()), ("2", words(&["made 1", "replaces 1", "made 2"])));
    task.reveal(&before).await.unwrap();
    let rotated = world.events(EventKind::SecretRotated).pop().unwrap();
    assert_eq!((rotated.cause(), rotated.outcome()), (Some(Cause::Schedule), Some(Outcome::Completed)));
    sleep(OVERLAP).await;
    world.recorded(EventKind::SecretRevoked, 1).await;
    assert_eq!(told(task.reveal(&before).await), SecretError::Expired);
    task.reveal(&after).await.unwrap();
    assert_eq!(maker.said().last().unwrap(), "revoked 1");
    assert_eq!(world.events(EventKind::SecretRevoked)[0].cause(), Some(Cause::Rotation));
    // The next one is as old as it may get, in its turn.
    sleep(EVERY - OVERLAP + MOMENT).await;
    world.recorded(EventKind::SecretRotated, 2).await;
    assert_eq!(maker.said()[4..], words(&["replaces 2", "made 3"]));
}

#[tokio::test(start_paused = true)]
async fn the_operator_has_it_made_anew_for_each_who_keeps_it() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let (one, other) = (world.running(&["task-key:reveal"]).await, world.running(&["task-key:reveal"]).await);
    let handles = [one.get("task-key", None).await.unwrap(), other.get("task-key", None).await.unwrap()];
    let entry = world.catalog.get(&task_key()).unwrap();
    let rotated = world.broker.rotate(&task_key(), entry, &agent()).await.unwrap();
    assert_eq!((rotated.version, rotated.reread), (None, Reread { kept: 2, changed: 2, failed: 0 }));
    for (task, handle) in [&one, &other].into_iter().zip(&handles) {
        task.reveal(handle).await.unwrap();
    }
    // A task that ends in the overlap takes both of its own with it, and nothing of a neighbour's.
    one.finish(Outcome::Completed).await.unwrap();
    let said = maker.said();
    assert_eq!(said.iter().filter(|said| said.starts_with("revoked")).count(), 2, "{said:?}");
    assert_eq!(said.last().unwrap(), "ended");
    let after = other.get("task-key", None).await.unwrap();
    other.reveal(&after).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_revoked_one_is_revoked_in_its_backend_and_its_task_goes_on() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    assert_eq!(world.broker.revoke_kept(&task_key(), &agent()).await, 1);
    assert_eq!(maker.said(), words(&["made 1", "took back task-key", "revoked 1"]));
    assert_eq!(told(task.reveal(&handle).await), SecretError::Revoked);
    task.get("task-key", None).await.unwrap();
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(maker.said(), words(&["made 1", "took back task-key", "revoked 1", "made 2", "revoked 2", "ended"]));
}

#[tokio::test(start_paused = true)]
async fn who_shared_what_was_revoked_is_ended_with_it() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.broker.revoke_kept(&"agent-key".parse().unwrap(), &agent()).await;
    assert_eq!(
        maker.said(),
        words(&["made 1", "took back agent-key", "revoked 1", "ended"]),
        "nobody holds anything any more"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_of_one_lease_with_it_is_revoked_too() {
    let maker = Maker::new(&[]);
    maker.state.lock().one_lease = true;
    let world = world(&maker);
    let task = world.running(&["task-key:reveal", "other-task-key:reveal"]).await;
    task.get("task-key", None).await.unwrap();
    let sibling = task.get("other-task-key", None).await.unwrap();
    assert_eq!(world.broker.revoke_kept(&task_key(), &agent()).await, 2);
    assert_eq!(told(task.reveal(&sibling).await), SecretError::Revoked);
}

#[tokio::test(start_paused = true)]
async fn what_is_being_made_when_it_is_revoked_is_taken_back() {
    let maker = Maker::new(&[]);
    maker.state.lock().held = Some(Arc::default());
    let world = world(&maker);
    let task = world.running(&["task-key:reveal"]).await;
    let getting = task.get("task-key", None);
    let revoking = async {
        world.recorded(EventKind::SecretRequested, 1).await;
        tokio::task::yield_now().await;
        assert_eq!(world.broker.revoke_kept(&task_key(), &agent()).await, 0);
    };
    let (got, ()) = tokio::join!(getting, revoking);
    assert_eq!(told(got), SecretError::Unavailable { retry_after: None });
    assert_eq!(maker.said(), words(&["made 1", "took back task-key"]));
}

#[tokio::test(start_paused = true)]
async fn what_was_made_and_could_not_be_recorded_is_revoked_at_once() {
    let maker = Maker::new(&[]);
    let world = world(&maker);
    let task = world.running(&["agent-key:reveal"]).await;
    world.gate.breaks_at(Fault::Fails, EventKind::SecretFetched);
    assert!(task.get("agent-key", None).await.is_err());
    assert_eq!(maker.said()[..2], words(&["made 1", "revoked 1"]));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_is_never_stale() {
    let maker = Maker::new(&[None]);
    let mut world = world(&maker);
    world.catalog = changed(&world.catalog, "task-key", |entry| {
        (entry.rotation, entry.stale) = (None, Duration::from_secs(600));
    });
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    sleep(LASTS).await;
    world.recorded(EventKind::SecretRevoked, 1).await;
    assert_eq!(told(task.reveal(&handle).await), SecretError::Expired);
}

fn words(said: &[&str]) -> Vec<String> {
    said.iter().map(|&said| said.to_owned()).collect()
}
