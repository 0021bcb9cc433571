//! Repeated handles: recorded one by one, or counted.

use far_core::broker::{BrokerSettings, RepeatRecording};
use far_core::pal::{CacheState, Event, EventKind, Outcome};

use crate::fixture::{Fault, World};

fn counting() -> World {
    World::with_settings(BrokerSettings { repeats: RepeatRecording::Counted, ..BrokerSettings::default() })
}

/// Returns version, cache state and count of each event about a handle.
fn handles(world: &World) -> Vec<(String, Option<CacheState>, Option<u64>)> {
    let describe = |event: Event| (event.secret_version().unwrap().to_string(), event.cache(), event.count());
    world.events(EventKind::SecretInjected).into_iter().map(describe).collect()
}

#[tokio::test]
async fn repeats_are_recorded_by_default() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    for _ in 0..5 {
        task.get("agent-key", None).await.unwrap();
    }
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(handles(&world).len(), 5);
}

#[tokio::test]
async fn counted_repeats_are_one_event() {
    let world = counting();
    let task = world.running(&["agent-key:reveal", "task-key:reveal"]).await;
    for _ in 0..1000 {
        task.get("agent-key", None).await.unwrap();
    }
    task.get("task-key", None).await.unwrap();
    assert_eq!(handles(&world).len(), 2, "the first of each");
    task.finish(Outcome::Completed).await.unwrap();
    let expected = [(Some(CacheState::Miss), None), (Some(CacheState::Miss), None), (Some(CacheState::Hit), Some(999))];
    let handles = handles(&world);
    assert_eq!(handles.into_iter().map(|(_, cache, count)| (cache, count)).collect::<Vec<_>>(), expected);
    let summary = world.events(EventKind::SecretInjected).pop().unwrap();
    assert_eq!(
        (summary.outcome(), summary.secret_name().unwrap().to_string()),
        (Some(Outcome::Completed), "agent-key".into())
    );
    assert!(summary.first().unwrap() <= summary.last().unwrap());
    let kinds: Vec<_> = world.log.records().iter().map(|record| record.event.kind()).collect();
    assert_eq!(kinds.last(), Some(&EventKind::TaskFinished));
}

#[tokio::test]
async fn new_task_or_version_is_recorded() {
    let world = counting();
    let task = world.running(&["agent-key:refresh"]).await;
    task.get("agent-key", None).await.unwrap();
    let other = world.running(&["agent-key:refresh"]).await;
    other.get("agent-key", None).await.unwrap();
    assert_eq!(handles(&world).len(), 2, "the first of each task");
    world.rotate();
    tokio::time::pause();
    tokio::time::advance(BrokerSettings::default().refresh_interval).await;
    task.refresh("agent-key").await.unwrap();
    other.get("agent-key", None).await.unwrap();
    other.get("agent-key", None).await.unwrap();
    let versions: Vec<_> = handles(&world).into_iter().map(|(version, ..)| version).collect();
    assert_eq!(versions, ["1", "1", "2", "2"]);
}

#[tokio::test]
async fn rejected_record_counts_no_repeats() {
    let world = counting();
    let task = world.running(&["agent-key:reveal"]).await;
    world.gate.fail(Fault::Fails);
    assert!(task.get("agent-key", None).await.is_err());
    assert!(task.get("agent-key", None).await.is_err());
}
