//! Failures of a backend: the skill gets a typed error within the deadline, and the task continues.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use far_core::broker::{BrokerSettings, SecretError};
use far_core::memory::SecretBytes;
use far_core::pal::{EventKind, Outcome, Reason};
use far_core::provider::{AbsenceReason, FetchedSecret, ProviderError};
use tokio::time::Instant;

use crate::fixture::{Scripted, VALUE, World, changed, secret_error, version, within};

#[tokio::test]
async fn provider_errors_map_to_secret_errors() {
    use ProviderError as Error;
    let unavailable = SecretError::Unavailable { retry_after: None };
    let retry_after = Some(Duration::from_secs(7));
    let cases = [
        (Error::NotFound, SecretError::NotFound, false),
        (Error::VersionGone(AbsenceReason::Destroyed), SecretError::VersionGone, false),
        (Error::TooLarge, SecretError::TooLarge, false),
        (Error::Throttled { retry_after }, SecretError::Unavailable { retry_after }, true),
        (Error::Throttled { retry_after: None }, unavailable, true),
        (Error::Denied, unavailable, true),
        (Error::Unauthenticated, unavailable, true),
        (Error::Sealed, unavailable, true),
        (Error::Unavailable, unavailable, true),
        (Error::Invalid, unavailable, true),
        (Error::Integrity, unavailable, true),
        (Error::Timeout, unavailable, true),
        (Error::Unsupported, unavailable, true),
    ];
    for (failure, expected, backend_failed) in cases {
        let world = World::new();
        let task = world.running(&["task-key:reveal"]).await;
        world.backend.fail_with(Some(failure));
        assert_eq!(secret_error(task.get("task-key", None).await), expected);
        assert_eq!(task.backend_failed(), backend_failed, "{failure:?}");
        let event = world.events(EventKind::SecretFetched).pop().unwrap();
        assert_eq!((event.outcome(), event.reason()), (Some(Outcome::Failed), Some(Reason::Token(failure.kind()))));
        assert!(world.events(EventKind::SecretInjected).is_empty());
        assert_eq!(task.stop_reason(), None);

        world.backend.fail_with(None);
        let handle = task.get("task-key", None).await.unwrap();
        assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE, "the failure is not cached");
    }
}

#[tokio::test]
async fn answering_backend_is_not_reported_failed() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    task.reveal(&handle).await.unwrap();
    assert!(task.get("agent-key", None).await.is_err());
    assert!(!task.backend_failed());
}

#[tokio::test(start_paused = true)]
async fn hanging_backend_times_out() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    let hold = world.backend.hold();
    let started = Instant::now();
    let unavailable = SecretError::Unavailable { retry_after: None };
    assert_eq!(secret_error(within(task.get("agent-key", None)).await), unavailable);
    assert_eq!(started.elapsed().as_secs(), BrokerSettings::default().provider_deadline.as_secs());
    assert!(task.backend_failed());
    let event = world.events(EventKind::SecretFetched).pop().unwrap();
    assert_eq!(event.reason(), Some(Reason::Token("timeout")));
    drop(hold);
    task.get("agent-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 2);
}

#[tokio::test]
async fn panicking_backend_is_unavailable() {
    let calls = AtomicU32::new(0);
    let world = World::with(Scripted::new(move || {
        assert_ne!(calls.fetch_add(1, Ordering::Relaxed), 0, "a deliberate panic of the backend");
        Ok(FetchedSecret::new(SecretBytes::copy_of(VALUE).unwrap(), version("1")))
    }));
    let task = world.running(&["agent-key:reveal"]).await;
    let unavailable = SecretError::Unavailable { retry_after: None };
    assert_eq!(secret_error(within(task.get("agent-key", None)).await), unavailable);
    assert!(task.backend_failed());
    let event = world.events(EventKind::SecretFetched).pop().unwrap();
    assert_eq!((event.outcome(), event.reason()), (Some(Outcome::Failed), Some(Reason::Token("unavailable"))));
    within(task.get("agent-key", None)).await.unwrap();
}

#[tokio::test]
async fn missing_backend_is_unavailable() {
    let mut world = World::new();
    world.catalog = changed(&world.catalog, "agent-key", |entry| entry.provider = "absent".parse().unwrap());
    let task = world.running(&["agent-key:reveal"]).await;
    assert_eq!(secret_error(task.get("agent-key", None).await), SecretError::Unavailable { retry_after: None });
    assert_eq!(task.provider_calls(), 0);
}
