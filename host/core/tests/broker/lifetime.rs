//! A value ends with its time and with its task, whoever holds a handle.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use far_core::broker::{Handle, SecretError, Session};
use far_core::memory::SecretBytes;
use far_core::pal::{CacheState, Cause, EventKind, Outcome, Reason, SecretLabel};
use far_core::provider::Fetched;
use tokio::time::advance;

use crate::fixture::{SECOND, Scripted, TTL, VALUE, World, changed, stop, told, version};
use crate::shared::{grant, name};

const MOMENT: Duration = Duration::from_millis(1);

/// The bytes behind a handle, as seen by one who does not keep them.
async fn watched(task: &Session, handle: &Handle) -> Weak<SecretBytes> {
    Arc::downgrade(&task.reveal(handle).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_value_is_gone_at_the_end_of_its_time_though_a_handle_is_held() {
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
        world.recorded(EventKind::SecretExpired, 1).await;
        assert!(value.upgrade().is_none(), "it goes by itself, not when someone asks");
        let expired = world.log.records().into_iter().rfind(|record| record.event.kind() == EventKind::SecretExpired);
        let expired = expired.unwrap();
        assert_eq!((&expired.subject.task_id, expired.event.cause()), (&None, Some(Cause::Ttl)), "no task's doing");
        assert_eq!(expired.subject.agent_id, task.context().agent_id);
        assert_eq!(handle.expires_in(), Duration::ZERO);
        assert_eq!(told(task.reveal(&handle).await), SecretError::Expired);
        assert_eq!(told(task.sign_hmac_sha256(&handle, b"").await), SecretError::Expired);
        let event = world.events(EventKind::SecretRevealed).pop().unwrap();
        assert_eq!((event.outcome(), event.reason()), (Some(Outcome::Failed), Some(Reason::Token("expired"))));

        let again = task.get(secret, None).await.unwrap();
        assert_eq!(world.backend.calls(), 2, "what ended is not served");
        assert_eq!(world.events(EventKind::SecretInjected)[1].cache(), Some(CacheState::Miss));
        assert_eq!(task.reveal(&again).await.unwrap().expose(), VALUE);
        assert_eq!(told(task.reveal(&handle).await), SecretError::Expired, "the old handle stays what it is");
        assert_eq!(world.events(EventKind::SecretExpired).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_was_used_again_ends_no_later() {
    let world = World::new();
    let task = world.running(&["agent-key:sign"]).await;
    for _ in 0..4 {
        let handle = task.get("agent-key", None).await.unwrap();
        task.sign_hmac_sha256(&handle, b"").await.unwrap();
        advance(TTL / 4).await;
    }
    world.recorded(EventKind::SecretExpired, 1).await;
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_backends_time_shortens_and_the_catalogs_is_the_longest() {
    for (says, lives) in [(None, TTL), (Some(TTL / 2), TTL / 2), (Some(TTL * 100), TTL), (Some(Duration::MAX), TTL)] {
        let value = move || SecretBytes::copy_of(VALUE).unwrap();
        let world = World::with(Scripted::new(move || Ok(Fetched::new(value(), version("1")).with_ttl(says))));
        let task = world.running(&["task-key:sign"]).await;
        assert_eq!(task.get("task-key", None).await.unwrap().expires_in(), lives, "{says:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_too_long_to_be_told_is_still_a_time() {
    let mut world = World::new();
    world.catalog = changed(&world.catalog, "task-key", |entry| entry.ttl = Duration::MAX);
    let task = world.running(&["task-key:sign"]).await;
    assert!(task.get("task-key", None).await.unwrap().expires_in() > TTL);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_ended_is_an_error_that_the_skill_may_handle() {
    let world = World::new();
    let ends = grant("task-key:reveal,sign,refresh").with_expiry(TTL / 2);
    let task = world.running_with(&[ends, grant("agent-key:sign")]).await;
    let handle = task.get("task-key", None).await.unwrap();
    advance(TTL / 2 - MOMENT).await;
    task.reveal(&handle).await.unwrap();
    advance(MOMENT).await;
    assert_eq!(told(task.reveal(&handle).await), SecretError::Expired);
    assert_eq!(told(task.sign_hmac_sha256(&handle, b"").await), SecretError::Expired);
    assert_eq!(told(task.get("task-key", None).await), SecretError::Expired);
    assert_eq!(told(task.refresh("task-key").await), SecretError::Expired);
    let failed: Vec<_> = world.events(EventKind::SecretInjected).into_iter().skip(1).collect();
    let ended = (Some(Outcome::Failed), Some(Reason::Token("expired")));
    assert_eq!(failed.iter().map(|event| (event.outcome(), event.reason())).collect::<Vec<_>>(), [ended; 2]);
    assert!(failed.iter().all(|event| event.secret_name() == Some(&SecretLabel::Listed(name("task-key")))));
    let listed: Vec<_> = task.list().await.unwrap().into_iter().map(|listed| listed.name).collect();
    assert_eq!(listed, [name("agent-key")]);
    assert_eq!(world.backend.calls(), 1);
    assert!(world.events(EventKind::SecretDenied).is_empty(), "nobody did wrong");
    task.get("agent-key", None).await.unwrap();
    let violation = stop(task.get("skill-key", None).await);
    assert_eq!(stop(task.get("task-key", None).await), violation, "nor is it a way around the task's end");
}

#[tokio::test(start_paused = true)]
async fn what_is_a_tasks_own_is_wiped_when_it_finishes() {
    let world = World::new();
    let task = world.running(&["task-key:reveal", "other-task-key:reveal", "agent-key:reveal"]).await;
    let handles = [task.get("task-key", None).await.unwrap(), task.get("other-task-key", None).await.unwrap()];
    let values = [watched(&task, &handles[0]).await, watched(&task, &handles[1]).await];
    let shared = task.get("agent-key", None).await.unwrap();
    let shared_value = watched(&task, &shared).await;
    let records = world.log.records().len();
    task.finish(Outcome::SkillError).await.unwrap();
    assert!(values.iter().all(|value| value.upgrade().is_none()), "though the handles are there");
    assert!(shared_value.upgrade().is_some(), "it is not the task's alone");
    let expected = [EventKind::SecretWiped, EventKind::SecretWiped, EventKind::TaskFinished];
    assert_eq!(world.kinds_since(records), expected);
    task.finish(Outcome::Completed).await.unwrap();
    let records = world.log.records().len();
    task.start().await.unwrap();
    assert_eq!(world.kinds_since(records), [], "what has ended does not start");
    drop(task);
    assert_eq!(world.ends(), [Some(Outcome::SkillError)], "once, and as it was");

    advance(TTL).await;
    world.recorded(EventKind::SecretExpired, 1).await;
    let expired = world.events(EventKind::SecretExpired);
    assert_eq!(expired.len(), 1, "what was wiped does not expire");
    assert_eq!(expired[0].secret_name().cloned(), Some(SecretLabel::Listed(name("agent-key"))));
}

#[tokio::test]
async fn what_is_a_tasks_own_is_wiped_when_it_is_dropped() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let value = watched(&task, &handle).await;
    let records = world.log.records().len();
    drop(task);
    assert!(value.upgrade().is_none(), "though the handle is there");
    assert_eq!(handle.expires_in(), Duration::ZERO);
    assert_eq!(world.kinds_since(records), [EventKind::SecretWiped, EventKind::TaskFinished]);
    assert_eq!(world.ends(), [Some(Outcome::Cancelled)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_refresh_replaced_is_wiped_with_its_task_too() {
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
    assert!(old_value.upgrade().is_none(), "though the handle is there");
    assert_eq!(world.events(EventKind::SecretWiped).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_refresh_replaced_is_wiped_though_its_successor_ended_before() {
    let calls = AtomicU32::new(0);
    let world = World::with(Scripted::new(move || {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        let value = SecretBytes::copy_of(VALUE).unwrap();
        Ok(Fetched::new(value, version(&call.to_string())).with_ttl((call == 1).then_some(TTL / 12)))
    }));
    let task = world.running(&["task-key:reveal,refresh"]).await;
    let old = task.get("task-key", None).await.unwrap();
    let value = watched(&task, &old).await;
    advance(TTL / 3).await;
    task.refresh("task-key").await.unwrap();
    advance(TTL / 3).await;
    world.recorded(EventKind::SecretExpired, 1).await;
    assert!(value.upgrade().is_some());
    task.finish(Outcome::Completed).await.unwrap();
    assert!(value.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_to_wipe_of_what_expired() {
    let world = World::new();
    let task = world.running(&["task-key:sign"]).await;
    let _handle = task.get("task-key", None).await.unwrap();
    advance(TTL).await;
    world.recorded(EventKind::SecretExpired, 1).await;
    task.finish(Outcome::Completed).await.unwrap();
    assert!(world.events(EventKind::SecretWiped).is_empty());
}
