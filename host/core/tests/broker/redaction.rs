//! Redaction knows a value from its first handle until the task ends.

use std::time::Duration;

use far_core::pal::{EventKind, Outcome, SecretLabel};
use far_core::provider::ProviderError;

use crate::fixture::{SECOND, TTL, VALUE, World, changed, secret_error};

fn text(value: &[u8]) -> String {
    format!("<{}>", String::from_utf8_lossy(value))
}

#[tokio::test]
async fn handle_teaches_redaction_its_value() {
    let world = World::new();
    let task = world.running(&["task-key:sign"]).await;
    let neighbor = world.running(&["task-key:sign,reveal"]).await;
    assert_eq!(task.redaction().redact(text(VALUE), 100), text(VALUE));
    task.get("task-key", None).await.unwrap();
    assert_eq!(task.redaction().redact(text(VALUE), 100), "<[redacted:task-key]>");
    assert_eq!(neighbor.redaction().redact(text(VALUE), 100), text(VALUE), "redaction is per task");
}

#[tokio::test(start_paused = true)]
async fn redaction_knows_both_versions() {
    let world = World::new();
    let task = world.running(&["task-key:sign,refresh"]).await;
    drop(task.get("task-key", None).await.unwrap());
    world.rotate();
    tokio::time::advance(TTL / 2).await;
    drop(task.refresh("task-key").await.unwrap());
    for value in [VALUE, SECOND] {
        assert_eq!(task.redaction().redact(text(value), 100), "<[redacted:task-key]>");
    }
}

#[tokio::test(start_paused = true)]
async fn expired_value_is_still_redacted() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    task.reveal(&handle).await.unwrap();
    world.rotate();
    tokio::time::advance(TTL).await;
    secret_error(task.reveal(&handle).await);
    assert!(handle.expires_in().is_zero());
    task.reveal(&task.get("task-key", None).await.unwrap()).await.unwrap();
    for value in [VALUE, SECOND] {
        assert_eq!(task.redaction().redact(text(value), 100), "<[redacted:task-key]>");
    }
}

#[tokio::test]
async fn redactions_are_recorded_before_end() {
    let world = World::new();
    let task = world.running(&["task-key:reveal", "agent-key:reveal"]).await;
    for secret in ["task-key", "agent-key"] {
        task.reveal(&task.get(secret, None).await.unwrap()).await.unwrap();
    }
    for _ in 0..3 {
        task.redaction().redact(text(VALUE), 100);
    }
    task.finish(Outcome::Completed).await.unwrap();
    let events = world.events(EventKind::OutputRedacted);
    assert_eq!(events.len(), 1, "a value with two names is counted for the first");
    assert_eq!(events[0].secret_name().cloned(), Some(SecretLabel::Listed("task-key".parse().unwrap())));
    assert_eq!(events[0].count(), Some(3));
    let kinds = world.log.kinds();
    assert_eq!(kinds[kinds.len() - 2..], [EventKind::OutputRedacted, EventKind::TaskFinished]);
    assert_eq!(task.redaction().redact(text(VALUE), 100), "", "an ended redaction lets nothing through");
}

#[tokio::test]
async fn dropped_task_records_redactions() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    task.reveal(&task.get("task-key", None).await.unwrap()).await.unwrap();
    task.redaction().redact(text(VALUE), 100);
    drop(task);
    assert_eq!(world.events(EventKind::OutputRedacted).len(), 1);
    assert_eq!(world.task_outcomes(), [Some(Outcome::Cancelled)]);
}

#[tokio::test(start_paused = true)]
async fn revived_stale_value_is_redacted() {
    let mut world = World::new();
    world.catalog = changed(&world.catalog, "agent-key", |entry| entry.stale = TTL);
    let (task, other) =
        (world.running(&["agent-key:reveal,refresh"]).await, world.running(&["agent-key:reveal"]).await);
    other.get("agent-key", None).await.unwrap();
    let late = Duration::from_millis(1);
    tokio::time::advance(TTL - late).await;
    let hold = world.backend.hold();
    let refreshing = task.refresh("agent-key");
    let waiting = async {
        world.backend.wait_for_calls(2).await;
        tokio::time::advance(late).await;
        drop(hold);
    };
    let (handle, ()) = tokio::join!(refreshing, waiting);
    let handle = handle.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    other.get("agent-key", None).await.unwrap();
    assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE, "the backend is unavailable");
    assert_eq!(task.redaction().redact(text(VALUE), 100), "<[redacted:agent-key]>");
}
