//! `refresh` asks the backend again, but not as often as a guest likes.

use std::time::Duration;

use far_core::broker::{BrokerSettings, SecretError};
use far_core::pal::{CacheState, EventKind};
use far_core::provider::ProviderError;
use futures_util::future::join_all;
use tokio::time::advance;

use crate::fixture::{SECOND, TTL, VALUE, World, told, within};

const MOMENT: Duration = Duration::from_millis(1);

fn interval() -> Duration {
    BrokerSettings::default().refresh_interval
}

#[tokio::test(start_paused = true)]
async fn the_backend_is_asked_once_an_interval() {
    let world = World::new();
    let task = world.running(&["agent-key:refresh"]).await;
    task.get("agent-key", None).await.unwrap();
    for calls in 1..4 {
        for _ in 0..3 {
            task.refresh("agent-key").await.unwrap();
        }
        advance(interval() - MOMENT).await;
        task.refresh("agent-key").await.unwrap();
        assert_eq!(world.backend.calls(), calls);
        let injected = world.events(EventKind::SecretInjected).pop().unwrap();
        assert_eq!(injected.cache(), Some(CacheState::Hit));
        advance(MOMENT).await;
        task.refresh("agent-key").await.unwrap();
        assert_eq!(world.backend.calls(), calls + 1);
        let injected = world.events(EventKind::SecretInjected).pop().unwrap();
        assert_eq!(injected.cache(), Some(CacheState::Miss));
    }
}

#[tokio::test(start_paused = true)]
async fn the_interval_is_of_all_who_share_the_value() {
    let world = World::new();
    for _ in 0..5 {
        world.running(&["agent-key:refresh"]).await.refresh("agent-key").await.unwrap();
    }
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_did_not_change_stays_and_ends_when_it_would_have() {
    let world = World::new();
    let task = world.running(&["task-key:refresh,reveal"]).await;
    let before = task.get("task-key", None).await.unwrap();
    advance(TTL / 2).await;
    let after = task.refresh("task-key").await.unwrap();
    assert_eq!(world.backend.calls(), 2);
    assert_eq!(after.version(), before.version());
    assert_eq!(after.expires_in(), TTL / 2);
    assert_eq!(world.events(EventKind::SecretRefreshed).len(), 1);
    assert_eq!(task.reveal(&after).await.unwrap().expose(), VALUE);
}

#[tokio::test(start_paused = true)]
async fn a_new_version_takes_its_place_and_old_handles_stay_what_they_are() {
    let world = World::new();
    let task = world.running(&["agent-key:refresh,reveal"]).await;
    let before = task.get("agent-key", None).await.unwrap();
    world.rotate();
    advance(interval()).await;
    assert_eq!(task.get("agent-key", None).await.unwrap().version(), before.version(), "nobody asked yet");
    let after = task.refresh("agent-key").await.unwrap();
    let next = task.get("agent-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 2);
    assert_eq!((before.version().as_str(), after.version().as_str(), next.version().as_str()), ("1", "2", "2"));
    assert_eq!(task.reveal(&before).await.unwrap().expose(), VALUE);
    assert_eq!(task.reveal(&after).await.unwrap().expose(), SECOND);
    assert_eq!((before.expires_in(), after.expires_in()), (TTL - interval(), TTL));

    advance(TTL - interval()).await;
    world.recorded(EventKind::SecretExpired, 1).await;
    assert_eq!(told(task.reveal(&before).await), SecretError::Expired);
    assert_eq!(task.reveal(&after).await.unwrap().expose(), SECOND);
    task.get("agent-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 2, "the end of the old one does not end the new one");
}

#[tokio::test(start_paused = true)]
async fn refreshes_at_once_are_one_call_and_gets_do_not_wait_for_it() {
    let world = World::new();
    let tasks = join_all((0..20).map(|_| world.running(&["agent-key:refresh"]))).await;
    tasks[0].get("agent-key", None).await.unwrap();
    advance(interval()).await;
    world.rotate();
    let hold = world.backend.hold();
    let refreshed = join_all(tasks.iter().map(|task| task.refresh("agent-key")));
    let meanwhile = async {
        world.recorded(EventKind::SecretRequested, 1 + 20).await;
        assert_eq!(tasks[0].get("agent-key", None).await.unwrap().version().as_str(), "1");
        drop(hold);
    };
    let (refreshed, ()) = within(async { tokio::join!(refreshed, meanwhile) }).await;
    assert!(refreshed.into_iter().all(|handle| handle.unwrap().version().as_str() == "2"));
    assert_eq!(world.backend.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_of_what_is_not_there_reads_it() {
    let world = World::new();
    let task = world.running(&["task-key:refresh,reveal"]).await;
    let handle = task.refresh("task-key").await.unwrap();
    assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE);
    task.get("task-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_leaves_what_is_there_and_waits_for_the_interval_too() {
    let world = World::new();
    let task = world.running(&["agent-key:refresh,reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    let retry_after = Some(Duration::from_secs(1));
    world.backend.fail_with(Some(ProviderError::Throttled { retry_after }));
    advance(interval()).await;
    for _ in 0..5 {
        assert_eq!(told(task.refresh("agent-key").await), SecretError::Unavailable { retry_after });
    }
    assert_eq!(world.backend.calls(), 2, "a backend that fails is not asked more often");
    assert!(task.backend_failed());
    assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE);
    let again = task.get("agent-key", None).await.unwrap();
    assert_eq!(task.reveal(&again).await.unwrap().expose(), VALUE);

    world.backend.fail_with(None);
    advance(interval()).await;
    task.refresh("agent-key").await.unwrap();
    assert_eq!(world.backend.calls(), 3);
    task.refresh("agent-key").await.unwrap();
}
