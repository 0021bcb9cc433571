//! Fetches in flight: concurrent callers share one, and ended tasks leave nothing in the cache.

use std::sync::{Arc, Weak};
use std::time::Duration;

use far_core::broker::{SecretError, Session};
use far_core::memory::SecretBytes;
use far_core::pal::{AuditUnavailable, EventKind, Outcome, SinkError};
use far_core::provider::{FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretProvider};
use far_core::{ProviderId, TaskContext, Version, VersionSelector};
use futures_util::FutureExt;
use futures_util::future::join_all;
use parking_lot::Mutex;

use crate::fixture::{Fault, Scripted, VALUE, World, secret_error, stop, version, within};
use crate::shared::grant;

#[tokio::test]
async fn concurrent_tasks_share_one_fetch() {
    let world = World::new();
    let tasks = join_all((0..1000).map(|_| world.running(&["agent-key:reveal"]))).await;
    let hold = world.backend.hold();
    let request = join_all(tasks.iter().map(|task| task.get("agent-key", None)));
    let answered = async {
        world.wait_for_events(EventKind::SecretRequested, 1000).await;
        drop(hold);
    };
    let (handles, ()) = within(async { tokio::join!(request, answered) }).await;
    for (task, handle) in tasks.iter().zip(handles) {
        assert_eq!(task.reveal(&handle.unwrap()).await.unwrap().expose(), VALUE);
    }
    assert_eq!(world.backend.calls(), 1);
    assert_eq!(tasks.iter().map(|task| task.provider_calls()).sum::<u64>(), 1);
    assert_eq!(world.events(EventKind::SecretFetched).len(), 1);
    assert_eq!(world.events(EventKind::SecretInjected).len(), 1000);
}

#[tokio::test]
async fn fetch_survives_aborted_caller() {
    let world = World::new();
    let (first, second) = (world.running(&["agent-key:reveal"]).await, world.running(&["agent-key:reveal"]).await);
    let hold = world.backend.hold();
    let aborted = tokio::spawn(async move { first.get("agent-key", None).await.map(drop) });
    within(world.backend.wait_for_calls(1)).await;
    let stays = tokio::spawn(async move {
        let handle = second.get("agent-key", None).await?;
        second.reveal(&handle).await
    });
    world.wait_for_events(EventKind::SecretRequested, 2).await;
    aborted.abort();
    assert!(aborted.await.unwrap_err().is_cancelled());
    drop(hold);
    assert_eq!(within(stays).await.unwrap().unwrap().expose(), VALUE);
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test]
async fn abandoned_fetch_fills_cache() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let hold = world.backend.hold();
    {
        let request = task.get("task-key", None);
        tokio::select! {
            biased;
            _ = request => panic!("a held backend answered"),
            () = world.backend.wait_for_calls(1) => {}
        }
    }
    drop(hold);
    world.wait_for_events(EventKind::SecretFetched, 1).await;
    task.get("task-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 1);
}

/// A backend that never answers, and whose call panics when it is dropped, where no code catches
/// the panic.
struct PanicsOnDrop(ProviderId);

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a deliberate panic of the provider");
    }
}

#[async_trait::async_trait]
impl SecretProvider for PanicsOnDrop {
    fn id(&self) -> &ProviderId {
        &self.0
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<FetchedSecret, ProviderError> {
        let _held = Panics;
        std::future::pending().await
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Ok(Vec::new())
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<RefreshOutcome, ProviderError> {
        Err(ProviderError::Unsupported)
    }
}

#[tokio::test(start_paused = true)]
async fn panicked_fetch_is_started_again() {
    let world = World::with(PanicsOnDrop("memory".parse().unwrap()));
    let task = world.running(&["agent-key:reveal"]).await;
    for calls in 1..=2 {
        assert_eq!(
            secret_error(within(task.get("agent-key", None)).await),
            SecretError::Unavailable { retry_after: None }
        );
        assert_eq!(task.provider_calls(), calls);
    }
}

#[tokio::test]
async fn panicking_sink_rejects_record() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    world.gate.fail_at(Fault::Panics, EventKind::SecretFetched);
    assert_eq!(stop(within(task.get("task-key", None)).await), AuditUnavailable(SinkError::Panicked).into());
    world.gate.fail(Fault::Panics);
    drop(task);
    assert_eq!(world.task_outcomes(), [Some(Outcome::Cancelled)], "the task ends, and other sinks get the record");
}

/// Returns the backend calls of a second task with the id of an ended one: 1 if its cache is empty.
async fn calls_of_successor(world: &World, ended: &Session) -> u64 {
    let context = world.context(b"skill", &[grant("task-key:reveal")]);
    let context = TaskContext { task_id: ended.context().task_id.clone(), ..context };
    let successor = world.start_task(context).await;
    successor.get("task-key", None).await.unwrap();
    successor.provider_calls()
}

#[tokio::test]
async fn task_end_aborts_fetch() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let hold = world.backend.hold();
    let request = tokio::spawn({
        let task = task.clone();
        async move { task.get("task-key", None).await.map(drop) }
    });
    within(world.backend.wait_for_calls(1)).await;
    task.finish(Outcome::TimedOut).await.unwrap();
    drop(hold);
    assert_eq!(within(request).await.unwrap(), Err(SecretError::Unavailable { retry_after: None }.into()));
    assert_eq!(world.log.kinds().last(), Some(&EventKind::TaskFinished), "the fetch records nothing after it");
    assert_eq!(calls_of_successor(&world, &task).await, 1, "the value was not cached");
}

#[tokio::test]
async fn fetch_completed_at_end_is_wiped() {
    let ends: Arc<Mutex<Weak<Session>>> = Arc::default();
    let world = World::with(Scripted::new({
        let ends = ends.clone();
        move || {
            // The task ends during the fetch.
            if let Some(task) = std::mem::take(&mut *ends.lock()).upgrade() {
                task.finish(Outcome::TimedOut).now_or_never().unwrap().unwrap();
            }
            Ok(FetchedSecret::new(SecretBytes::copy_of(VALUE).unwrap(), version("1")))
        }
    }));
    let task = world.running(&["task-key:reveal"]).await;
    *ends.lock() = Arc::downgrade(&task);
    let answer = within(task.get("task-key", None)).await;
    assert_eq!(world.task_outcomes(), [Some(Outcome::TimedOut)]);
    assert!(answer.is_err() || answer.is_ok_and(|handle| handle.expires_in() == Duration::ZERO));
    assert_eq!(calls_of_successor(&world, &task).await, 1, "the value was not cached");
}

#[tokio::test]
async fn ended_task_starts_no_fetch() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    world.gate.fail_at(Fault::Hangs, EventKind::SecretRequested);
    let request = tokio::spawn({
        let task = task.clone();
        async move { task.get("task-key", None).await.map(drop) }
    });
    world.wait_for_events(EventKind::SecretRequested, 1).await;
    task.finish(Outcome::TimedOut).await.unwrap();
    world.gate.recover();
    assert!(within(request).await.unwrap().is_err());
    assert_eq!(world.backend.calls(), 0);
    assert_eq!(calls_of_successor(&world, &task).await, 1, "the value was not cached");
}
