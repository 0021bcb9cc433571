//! `refresh` reads from the backend, at most once per interval.

use std::time::Duration;

use far_core::broker::{BrokerSettings, SecretError};
use far_core::pal::{CacheState, EventKind};
use far_core::provider::ProviderError;
use futures_util::future::join_all;
use tokio::time::advance;

use crate::fixture::{SECOND, TTL, VALUE, World, secret_error, within};

const MOMENT: Duration = Duration::from_millis(1);

fn interval() -> Duration {
    BrokerSettings::default().refresh_interval
}

#[tokio::test(start_paused = true)]
async fn refresh_calls_backend_once_per_interval() {
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
async fn tasks_share_refresh_interval() {
    let world = World::new();
    for _ in 0..5 {
        world.running(&["agent-key:refresh"]).await.refresh("agent-key").await.unwrap();
    }
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn unchanged_version_keeps_expiry() {
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
async fn new_version_leaves_old_handles() {
    let world = World::new();
    let task = world.running(&["agent-key:refresh,reveal"]).await;
    let before = task.get("agent-key", None).await.unwrap();
    world.rotate();
    advance(interval()).await;
    assert_eq!(task.get("agent-key", None).await.unwrap().version(), before.version(), "no refresh yet");
    let after = task.refresh("agent-key").await.unwrap();
    let next = task.get("agent-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 2);
    assert_eq!((before.version().as_str(), after.version().as_str(), next.version().as_str()), ("1", "2", "2"));
    assert_eq!(task.reveal(&before).await.unwrap().expose(), VALUE);
    assert_eq!(task.reveal(&after).await.unwrap().expose(), SECOND);
    assert_eq!((before.expires_in(), after.expires_in()), (TTL - interval(), TTL));

    advance(TTL - interval()).await;
    world.wait_for_events(EventKind::SecretExpired, 1).await;
    assert_eq!(secret_error(task.reveal(&before).await), SecretError::Expired);
    assert_eq!(task.reveal(&after).await.unwrap().expose(), SECOND);
    task.get("agent-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 2, "the expiry of the old version does not affect the new one");
}

#[tokio::test(start_paused = true)]
async fn concurrent_refreshes_share_one_fetch() {
    let world = World::new();
    let tasks = join_all((0..20).map(|_| world.running(&["agent-key:refresh"]))).await;
    tasks[0].get("agent-key", None).await.unwrap();
    advance(interval()).await;
    world.rotate();
    let hold = world.backend.hold();
    let refreshed = join_all(tasks.iter().map(|task| task.refresh("agent-key")));
    let meanwhile = async {
        world.wait_for_events(EventKind::SecretRequested, 1 + 20).await;
        assert_eq!(tasks[0].get("agent-key", None).await.unwrap().version().as_str(), "1");
        drop(hold);
    };
    let (refreshed, ()) = within(async { tokio::join!(refreshed, meanwhile) }).await;
    assert!(refreshed.into_iter().all(|handle| handle.unwrap().version().as_str() == "2"));
    assert_eq!(world.backend.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn refresh_reads_uncached_secret() {
    let world = World::new();
    let task = world.running(&["task-key:refresh,reveal"]).await;
    let handle = task.refresh("task-key").await.unwrap();
    assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE);
    task.get("task-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn failed_refresh_keeps_cached_value() {
    let world = World::new();
    let task = world.running(&["agent-key:refresh,reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    let retry_after = Some(Duration::from_secs(1));
    world.backend.fail_with(Some(ProviderError::Throttled { retry_after }));
    advance(interval()).await;
    for _ in 0..5 {
        assert_eq!(secret_error(task.refresh("agent-key").await), SecretError::Unavailable { retry_after });
    }
    assert_eq!(world.backend.calls(), 2, "a failing backend is called at most once per interval");
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
