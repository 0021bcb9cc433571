//! What a task has a handle to is known to its redaction from that moment, until the task ends.

use std::time::Duration;

use far_core::pal::{EventKind, Outcome, SecretLabel};
use far_core::provider::ProviderError;

use crate::fixture::{SECOND, TTL, VALUE, World, changed, told};

fn text(value: &[u8]) -> String {
    format!("<{}>", String::from_utf8_lossy(value))
}

#[tokio::test]
async fn a_value_is_known_by_its_handle_whatever_that_is_used_for() {
    let world = World::new();
    let task = world.running(&["task-key:sign"]).await;
    let neighbour = world.running(&["task-key:sign,reveal"]).await;
    assert_eq!(task.redaction().text(text(VALUE), 100), text(VALUE));
    task.get("task-key", None).await.unwrap();
    assert_eq!(task.redaction().text(text(VALUE), 100), "<[redacted:task-key]>");
    assert_eq!(neighbour.redaction().text(text(VALUE), 100), text(VALUE), "each task has what it was given");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_refreshed_away_and_the_new_one_are_both_known() {
    let world = World::new();
    let task = world.running(&["task-key:sign,refresh"]).await;
    drop(task.get("task-key", None).await.unwrap());
    world.rotate();
    tokio::time::advance(TTL / 2).await;
    drop(task.refresh("task-key").await.unwrap());
    for value in [VALUE, SECOND] {
        assert_eq!(task.redaction().text(text(value), 100), "<[redacted:task-key]>");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_ended_in_the_middle_of_the_task_is_still_redacted() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    task.reveal(&handle).await.unwrap();
    world.rotate();
    tokio::time::advance(TTL).await;
    told(task.reveal(&handle).await);
    assert!(handle.expires_in().is_zero());
    task.reveal(&task.get("task-key", None).await.unwrap()).await.unwrap();
    for value in [VALUE, SECOND] {
        assert_eq!(task.redaction().text(text(value), 100), "<[redacted:task-key]>");
    }
}

#[tokio::test]
async fn finds_are_recorded_by_secret_before_the_end_and_then_nothing_is_known() {
    let world = World::new();
    let task = world.running(&["task-key:reveal", "agent-key:reveal"]).await;
    for secret in ["task-key", "agent-key"] {
        task.reveal(&task.get(secret, None).await.unwrap()).await.unwrap();
    }
    for _ in 0..3 {
        task.redaction().text(text(VALUE), 100);
    }
    task.finish(Outcome::Completed).await.unwrap();
    let events = world.events(EventKind::OutputRedacted);
    assert_eq!(events.len(), 1, "one value of two names has the first's");
    assert_eq!(events[0].secret_name().cloned(), Some(SecretLabel::Listed("task-key".parse().unwrap())));
    assert_eq!(events[0].count(), Some(3));
    let kinds = world.log.kinds();
    assert_eq!(kinds[kinds.len() - 2..], [EventKind::OutputRedacted, EventKind::TaskFinished]);
    assert_eq!(task.redaction().text(text(VALUE), 100), "", "nothing is let through that cannot be judged");
}

#[tokio::test]
async fn a_task_that_is_dropped_has_its_finds_recorded_too() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    task.reveal(&task.get("task-key", None).await.unwrap()).await.unwrap();
    task.redaction().text(text(VALUE), 100);
    drop(task);
    assert_eq!(world.events(EventKind::OutputRedacted).len(), 1);
    assert_eq!(world.ends(), [Some(Outcome::Cancelled)]);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_came_after_its_time_and_may_be_used_once_more_is_known() {
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
        world.backend.called(2).await;
        tokio::time::advance(late).await;
        drop(hold);
    };
    let (handle, ()) = tokio::join!(refreshing, waiting);
    let handle = handle.unwrap();
    world.backend.fail_with(Some(ProviderError::Unavailable));
    other.get("agent-key", None).await.unwrap();
    assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE, "the backend is away");
    assert_eq!(task.redaction().text(text(VALUE), 100), "<[redacted:agent-key]>");
}
