//! Beyond its time a value answers only while its backend is known not to, and within a bound (ADR-0023 R9, R10).

use std::time::Duration;

use far_core::broker::SecretError;
use far_core::pal::{CacheState, EventKind, Outcome, Reason};
use far_core::provider::{HowGone, ProviderError};
use tokio::time::advance;

use crate::fixture::{SECOND, TTL, VALUE, World, changed, told};

const STALE: Duration = Duration::from_secs(300);
const MOMENT: Duration = Duration::from_millis(1);
const AWAY: [ProviderError; 4] = [
    ProviderError::Unavailable,
    ProviderError::Timeout,
    ProviderError::Sealed,
    ProviderError::Throttled { retry_after: None },
];

/// An agent whose operator lets `agent-key` and `task-key` be stale.
fn world() -> World {
    let mut world = World::new();
    for name in ["agent-key", "task-key"] {
        world.catalog = changed(&world.catalog, name, |entry| entry.stale = STALE);
    }
    world
}

fn last_injected(world: &World) -> Option<CacheState> {
    world.events(EventKind::SecretInjected).pop().unwrap().cache()
}

#[tokio::test(start_paused = true)]
async fn a_value_answers_beyond_its_time_while_its_backend_does_not_and_that_is_reported() {
    for away in AWAY {
        let world = world();
        let task = world.running(&["agent-key:reveal"]).await;
        let before = task.get("agent-key", None).await.unwrap();
        world.backend.fail_with(Some(away));
        advance(TTL).await;
        let stale = task.get("agent-key", None).await.unwrap();
        assert_eq!((last_injected(&world), stale.expires_in()), (Some(CacheState::Stale), Duration::ZERO));
        assert_eq!(task.reveal(&stale).await.unwrap().expose(), VALUE);
        assert_eq!(task.reveal(&before).await.unwrap().expose(), VALUE, "whoever holds the same value uses it too");
        let failed = world.events(EventKind::SecretFetched).pop().unwrap();
        assert_eq!((failed.outcome(), failed.reason()), (Some(Outcome::Failed), Some(Reason::Token(away.kind()))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_away_is_asked_once_an_interval() {
    let world = world();
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    advance(TTL).await;
    for calls in [2, 3, 4] {
        for _ in 0..5 {
            task.get("agent-key", None).await.unwrap();
        }
        assert_eq!(world.backend.calls(), calls);
        advance(Duration::from_secs(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_value_answers_beyond_its_bound() {
    let world = world();
    let task = world.running(&["agent-key:reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    advance(TTL + STALE - MOMENT).await;
    let stale = task.get("agent-key", None).await.unwrap();
    task.reveal(&stale).await.unwrap();
    advance(MOMENT).await;
    world.recorded(EventKind::SecretExpired, 1).await;
    for handle in [&handle, &stale] {
        assert_eq!(told(task.reveal(handle).await), SecretError::Expired);
    }
    assert_eq!(told(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
}

#[tokio::test(start_paused = true)]
async fn a_handle_is_not_used_beyond_its_time_because_a_backend_might_be_away() {
    let world = world();
    let task = world.running(&["agent-key:reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    advance(TTL).await;
    assert_eq!(told(task.reveal(&handle).await), SecretError::Expired, "nobody has asked");
    task.get("agent-key", None).await.unwrap();
    task.reveal(&handle).await.unwrap();
    // What was learnt of the backend holds for an interval.
    advance(Duration::from_secs(10)).await;
    assert_eq!(told(task.reveal(&handle).await), SecretError::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_back_is_believed_at_once() {
    let world = world();
    let task = world.running(&["agent-key:reveal"]).await;
    let before = task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(Some(ProviderError::Sealed));
    advance(TTL).await;
    task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(None);
    world.rotate();
    advance(Duration::from_secs(10)).await;
    let after = task.get("agent-key", None).await.unwrap();
    assert_eq!((last_injected(&world), after.version().as_str()), (Some(CacheState::Miss), "2"));
    assert_eq!(task.reveal(&after).await.unwrap().expose(), SECOND);
    assert_eq!(told(task.reveal(&before).await), SecretError::Expired, "stale, and there is another");
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_denies_or_does_not_have_is_never_answered_from_memory() {
    let errors = [ProviderError::Denied, ProviderError::NotFound, ProviderError::VersionGone(HowGone::Destroyed)];
    // Nor what it says that makes no sense: it may be about the value.
    let no_sense = [ProviderError::Invalid, ProviderError::Integrity, ProviderError::Unauthenticated];
    for error in errors.into_iter().chain(no_sense) {
        let world = world();
        let task = world.running(&["agent-key:reveal"]).await;
        let handle = task.get("agent-key", None).await.unwrap();
        world.backend.fail_with(Some(error));
        advance(TTL).await;
        let expected = SecretError::from(error);
        assert_eq!(told(task.get("agent-key", None).await), expected);
        assert_eq!(told(task.reveal(&handle).await), SecretError::Expired);
        if error.is_confirmed_absence() {
            // It is gone, also if the backend goes away now.
            world.recorded(EventKind::SecretExpired, 1).await;
            world.backend.fail_with(Some(ProviderError::Unavailable));
            assert_eq!(told(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_is_denied_takes_the_value_from_those_who_come_and_not_from_those_who_hold_it() {
    let world = world();
    let task = world.running(&["agent-key:reveal,refresh"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    advance(Duration::from_secs(10)).await;
    world.backend.fail_with(Some(ProviderError::Denied));
    assert_eq!(told(task.refresh("agent-key").await), SecretError::Unavailable { retry_after: None });
    task.reveal(&handle).await.unwrap();
    assert_eq!(told(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
    advance(TTL).await;
    world.recorded(EventKind::SecretExpired, 1).await;
    assert_eq!(told(task.reveal(&handle).await), SecretError::Expired);
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_nothing_is_stale() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    advance(TTL).await;
    assert_eq!(told(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
}

#[tokio::test(start_paused = true)]
async fn a_tasks_stale_value_ends_with_the_task() {
    let world = world();
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    advance(TTL).await;
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(world.events(EventKind::SecretWiped).len(), 1, "its bytes were there");
    drop(handle);
}
