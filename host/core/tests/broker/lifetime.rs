//! A value ends at its expiry and with its task, even if a handle is held.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use far_core::broker::{Handle, SecretError, Session};
use far_core::memory::SecretBytes;
use far_core::pal::{CacheState, Cause, EventKind, Outcome, Reason, SecretLabel};
use far_core::provider::FetchedSecret;
use tokio::time::advance;

use crate::fixture::{SECOND, Scripted, TTL, VALUE, World, changed, secret_error, stop, version};
use crate::shared::{grant, name};

const MOMENT: Duration = Duration::from_millis(1);

/// Returns a weak reference to the bytes behind a handle.
async fn watched(task: &Session, handle: &Handle) -> Weak<SecretBytes> {
    Arc::downgrade(&task.reveal(handle).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn value_expires_despite_handle() {
    for secret in ["task-key", "skill-key", "agent-key"] {
        let world = World::new();
        let task = world.running(&[&format!("{secret}:reveal,sign")]).await;
        let handle = task.get(secret, None).await.unwrap();
        let value = watched(&task, &handle).await;
        advance(TTL - MOMENT).await;
        assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE);
        assert_eq!(handle.expires_in(), MOMENT);
        assert!(world.events(EventKind::SecretExpired).is_empty());

        advance(MOMENT).await;
        world.wait_for_events(EventKind::SecretExpired, 1).await;
        assert!(value.upgrade().is_none(), "a timer wipes it, without an access");
        let expired = world.log.records().into_iter().rfind(|record| record.event.kind() == EventKind::SecretExpired);
        let expired = expired.unwrap();
        assert_eq!((&expired.subject.task_id, expired.event.cause()), (&None, Some(Cause::Ttl)), "no task caused it");
        assert_eq!(expired.subject.agent_id, task.context().agent_id);
        assert_eq!(handle.expires_in(), Duration::ZERO);
        assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Expired);
        assert_eq!(secret_error(task.sign_hmac_sha256(&handle, b"").await), SecretError::Expired);
        let event = world.events(EventKind::SecretRevealed).pop().unwrap();
        assert_eq!((event.outcome(), event.reason()), (Some(Outcome::Failed), Some(Reason::Token("expired"))));

        let again = task.get(secret, None).await.unwrap();
        assert_eq!(world.backend.calls(), 2, "an expired value is not served");
        assert_eq!(world.events(EventKind::SecretInjected)[1].cache(), Some(CacheState::Miss));
        assert_eq!(task.reveal(&again).await.unwrap().expose(), VALUE);
        assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Expired, "the old handle stays expired");
        assert_eq!(world.events(EventKind::SecretExpired).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn use_does_not_extend_ttl() {
    let world = World::new();
    let task = world.running(&["agent-key:sign"]).await;
    for _ in 0..4 {
        let handle = task.get("agent-key", None).await.unwrap();
        task.sign_hmac_sha256(&handle, b"").await.unwrap();
        advance(TTL / 4).await;
    }
    world.wait_for_events(EventKind::SecretExpired, 1).await;
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn backend_ttl_only_shortens() {
    for (reported, expected) in
        [(None, TTL), (Some(TTL / 2), TTL / 2), (Some(TTL * 100), TTL), (Some(Duration::MAX), TTL)]
    {
        let value = move || SecretBytes::copy_of(VALUE).unwrap();
        let world =
            World::with(Scripted::new(move || Ok(FetchedSecret::new(value(), version("1")).with_ttl(reported))));
        let task = world.running(&["task-key:sign"]).await;
        assert_eq!(task.get("task-key", None).await.unwrap().expires_in(), expected, "{reported:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn maximum_ttl_is_accepted() {
    let mut world = World::new();
    world.catalog = changed(&world.catalog, "task-key", |entry| entry.ttl = Duration::MAX);
    let task = world.running(&["task-key:sign"]).await;
    assert!(task.get("task-key", None).await.unwrap().expires_in() > TTL);
}

#[tokio::test(start_paused = true)]
async fn expired_grant_is_not_violation() {
    let world = World::new();
    let ends = grant("task-key:reveal,sign,refresh").with_expiry(TTL / 2);
    let task = world.running_with(&[ends, grant("agent-key:sign")]).await;
    let handle = task.get("task-key", None).await.unwrap();
    advance(TTL / 2 - MOMENT).await;
    task.reveal(&handle).await.unwrap();
    advance(MOMENT).await;
    assert_eq!(secret_error(task.reveal(&handle).await), SecretError::Expired);
    assert_eq!(secret_error(task.sign_hmac_sha256(&handle, b"").await), SecretError::Expired);
    assert_eq!(secret_error(task.get("task-key", None).await), SecretError::Expired);
    assert_eq!(secret_error(task.refresh("task-key").await), SecretError::Expired);
    let failed: Vec<_> = world.events(EventKind::SecretInjected).into_iter().skip(1).collect();
    let ended = (Some(Outcome::Failed), Some(Reason::Token("expired")));
    assert_eq!(failed.iter().map(|event| (event.outcome(), event.reason())).collect::<Vec<_>>(), [ended; 2]);
    assert!(failed.iter().all(|event| event.secret_name() == Some(&SecretLabel::Listed(name("task-key")))));
    let listed: Vec<_> = task.list().await.unwrap().into_iter().map(|listed| listed.name).collect();
    assert_eq!(listed, [name("agent-key")]);
    assert_eq!(world.backend.calls(), 1);
    assert!(world.events(EventKind::SecretDenied).is_empty(), "an expired grant is not a violation");
    task.get("agent-key", None).await.unwrap();
    let violation = stop(task.get("skill-key", None).await);
    assert_eq!(stop(task.get("task-key", None).await), violation, "an expired grant does not bypass the stop");
}

#[tokio::test(start_paused = true)]
async fn finish_wipes_task_values() {
    let world = World::new();
    let task = world.running(&["task-key:reveal", "other-task-key:reveal", "agent-key:reveal"]).await;
    let handles = [task.get("task-key", None).await.unwrap(), task.get("other-task-key", None).await.unwrap()];
    let values = [watched(&task, &handles[0]).await, watched(&task, &handles[1]).await];
    let shared = task.get("agent-key", None).await.unwrap();
    let shared_value = watched(&task, &shared).await;
    let records = world.log.records().len();
    task.finish(Outcome::SkillError).await.unwrap();
    assert!(values.iter().all(|value| value.upgrade().is_none()), "wiped although the handles exist");
    assert!(shared_value.upgrade().is_some(), "other tasks share the value");
    let expected = [EventKind::SecretWiped, EventKind::SecretWiped, EventKind::TaskFinished];
    assert_eq!(world.kinds_since(records), expected);
    task.finish(Outcome::Completed).await.unwrap();
    let records = world.log.records().len();
    task.start().await.unwrap();
    assert_eq!(world.kinds_since(records), [], "an ended task does not start");
    drop(task);
    assert_eq!(world.task_outcomes(), [Some(Outcome::SkillError)], "one end, with the first outcome");

    advance(TTL).await;
    world.wait_for_events(EventKind::SecretExpired, 1).await;
    let expired = world.events(EventKind::SecretExpired);
    assert_eq!(expired.len(), 1, "a wiped value does not expire");
    assert_eq!(expired[0].secret_name().cloned(), Some(SecretLabel::Listed(name("agent-key"))));
}

#[tokio::test]
async fn drop_wipes_task_values() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let value = watched(&task, &handle).await;
    let records = world.log.records().len();
    drop(task);
    assert!(value.upgrade().is_none(), "wiped although the handle exists");
    assert_eq!(handle.expires_in(), Duration::ZERO);
    assert_eq!(world.kinds_since(records), [EventKind::SecretWiped, EventKind::TaskFinished]);
    assert_eq!(world.task_outcomes(), [Some(Outcome::Cancelled)]);
}

#[tokio::test(start_paused = true)]
async fn finish_wipes_previous_version() {
    let world = World::new();
    let task = world.running(&["task-key:reveal,refresh"]).await;
    let old = task.get("task-key", None).await.unwrap();
    let old_value = watched(&task, &old).await;
    world.rotate();
    advance(TTL / 2).await;
    let new = task.refresh("task-key").await.unwrap();
    let new_value = watched(&task, &new).await;
    assert_eq!(new_value.upgrade().unwrap().expose(), SECOND);
    assert_eq!(old_value.upgrade().unwrap().expose(), VALUE);
    task.finish(Outcome::Completed).await.unwrap();
    assert!(new_value.upgrade().is_none());
    assert!(old_value.upgrade().is_none(), "wiped although the handle exists");
    assert_eq!(world.events(EventKind::SecretWiped).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn finish_wipes_version_with_expired_successor() {
    let calls = AtomicU32::new(0);
    let world = World::with(Scripted::new(move || {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        let value = SecretBytes::copy_of(VALUE).unwrap();
        Ok(FetchedSecret::new(value, version(&call.to_string())).with_ttl((call == 1).then_some(TTL / 12)))
    }));
    let task = world.running(&["task-key:reveal,refresh"]).await;
    let old = task.get("task-key", None).await.unwrap();
    let value = watched(&task, &old).await;
    advance(TTL / 3).await;
    task.refresh("task-key").await.unwrap();
    advance(TTL / 3).await;
    world.wait_for_events(EventKind::SecretExpired, 1).await;
    assert!(value.upgrade().is_some());
    task.finish(Outcome::Completed).await.unwrap();
    assert!(value.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn expired_value_is_not_wiped_again() {
    let world = World::new();
    let task = world.running(&["task-key:sign"]).await;
    let _handle = task.get("task-key", None).await.unwrap();
    advance(TTL).await;
    world.wait_for_events(EventKind::SecretExpired, 1).await;
    task.finish(Outcome::Completed).await.unwrap();
    assert!(world.events(EventKind::SecretWiped).is_empty());
}
