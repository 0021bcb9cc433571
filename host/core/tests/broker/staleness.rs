//! stale-if-error: an expired value is in use only while its backend does not answer, and within a
//! bound (ADR-0023 R9, R10).

use std::time::Duration;

use far_core::broker::SecretError;
use far_core::pal::{CacheState, EventKind, Outcome, Reason};
use far_core::provider::{AbsenceReason, ProviderError};
use tokio::time::advance;

use crate::fixture::{SECOND, TTL, VALUE, World, changed, secret_error};

const STALE: Duration = Duration::from_secs(300);
const MOMENT: Duration = Duration::from_millis(1);
const TRANSIENT: [ProviderError; 4] = [
    ProviderError::Unavailable,
    ProviderError::Timeout,
    ProviderError::Sealed,
    ProviderError::Throttled { retry_after: None },
];

/// Returns an agent whose catalog permits stale use of `agent-key` and `task-key`.
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
async fn stale_value_is_used_on_error() {
    for error in TRANSIENT {
        let world = world();
        let task = world.running(&["agent-key:reveal"]).await;
        let before = task.get("agent-key", None).await.unwrap();
        world.backend.fail_with(Some(error));
        advance(TTL).await;
        let stale = task.get("agent-key", None).await.unwrap();
        assert_eq!((last_injected(&world), stale.expires_in()), (Some(CacheState::Stale), Duration::ZERO));
        assert_eq!(task.reveal(&stale).await.unwrap().expose(), VALUE);
        assert_eq!(task.reveal(&before).await.unwrap().expose(), VALUE, "handles to the same value work too");
        let failed = world.events(EventKind::SecretFetched).pop().unwrap();
        assert_eq!((failed.outcome(), failed.reason()), (Some(Outcome::Failed), Some(Reason::Token(error.kind()))));
    }
}

#[tokio::test(start_paused = true)]
async fn unavailable_backend_is_called_per_interval() {
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
async fn stale_use_ends_at_bound() {
    let world = world();
    let task = world.running(&["agent-key:reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    advance(TTL + STALE - MOMENT).await;
    let stale = task.get("agent-key", None).await.unwrap();
    task.reveal(&stale).await.unwrap();
    advance(MOMENT).await;
    world.wait_for_events(EventKind::SecretExpired, 1).await;
    for handle in [&handle, &stale] {
        assert_eq!(secret_error(task.reveal(handle).await), SecretError::Expired);
    }
    assert_eq!(secret_error(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
}

#[tokio::test(start_paused = true)]
async fn stale_use_requires_failed_fetch() {
    let world = world();
    let task = world.running(&["agent-key:reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    advance(TTL).await;
    assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Expired, "no fetch has failed yet");
    task.get("agent-key", None).await.unwrap();
    task.reveal(&handle).await.unwrap();
    // A failed fetch allows stale use for one interval.
    advance(Duration::from_secs(10)).await;
    assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Expired);
}

#[tokio::test(start_paused = true)]
async fn recovered_backend_replaces_stale_value() {
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
    assert_eq!(secret_error(task.reveal(&before).await), SecretError::Expired, "a stale version has no overlap");
}

#[tokio::test(start_paused = true)]
async fn definite_error_permits_no_stale_use() {
    let errors = [ProviderError::Denied, ProviderError::NotFound, ProviderError::VersionGone(AbsenceReason::Destroyed)];
    // An invalid answer may be about the value, so it permits no stale use either.
    let invalid = [ProviderError::Invalid, ProviderError::Integrity, ProviderError::Unauthenticated];
    for error in errors.into_iter().chain(invalid) {
        let world = world();
        let task = world.running(&["agent-key:reveal"]).await;
        let handle = task.get("agent-key", None).await.unwrap();
        world.backend.fail_with(Some(error));
        advance(TTL).await;
        let expected = SecretError::from(error);
        assert_eq!(secret_error(task.get("agent-key", None).await), expected);
        assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Expired);
        if error.is_confirmed_absence() {
            // The value stays evicted even if the backend fails now.
            world.wait_for_events(EventKind::SecretExpired, 1).await;
            world.backend.fail_with(Some(ProviderError::Unavailable));
            assert_eq!(secret_error(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn denied_refresh_evicts_cached_value() {
    let world = world();
    let task = world.running(&["agent-key:reveal,refresh"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    advance(Duration::from_secs(10)).await;
    world.backend.fail_with(Some(ProviderError::Denied));
    assert_eq!(secret_error(task.refresh("agent-key").await), SecretError::Unavailable { retry_after: None });
    task.reveal(&handle).await.unwrap();
    assert_eq!(secret_error(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
    advance(TTL).await;
    world.wait_for_events(EventKind::SecretExpired, 1).await;
    assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Expired);
}

#[tokio::test(start_paused = true)]
async fn stale_use_is_off_by_default() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    task.get("agent-key", None).await.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    advance(TTL).await;
    assert_eq!(secret_error(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
}

#[tokio::test(start_paused = true)]
async fn task_end_wipes_stale_value() {
    let world = world();
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    advance(TTL).await;
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(world.events(EventKind::SecretWiped).len(), 1, "the stale value had its bytes");
    drop(handle);
}
