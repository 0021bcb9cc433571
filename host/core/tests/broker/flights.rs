//! One call for all who ask at once, and nothing kept for those who are gone.

use std::sync::{Arc, Weak};
use std::time::Duration;

use far_core::broker::{SecretError, Session};
use far_core::memory::SecretBytes;
use far_core::pal::{AuditUnavailable, EventKind, Outcome, SinkError};
use far_core::provider::{Fetched, ProviderError, Reference, Refreshed, SecretProvider};
use far_core::{ProviderId, TaskContext, Version, VersionSelector};
use futures_util::FutureExt;
use futures_util::future::join_all;
use parking_lot::Mutex;

use crate::fixture::{Fault, Scripted, VALUE, World, stop, told, version, within};
use crate::shared::grant;

#[tokio::test]
async fn a_thousand_tasks_that_ask_at_once_are_one_call() {
    let world = World::new();
    let tasks = join_all((0..1000).map(|_| world.running(&["agent-key:reveal"]))).await;
    let hold = world.backend.hold();
    let asked = join_all(tasks.iter().map(|task| task.get("agent-key", None)));
    let answered = async {
        world.recorded(EventKind::SecretRequested, 1000).await;
        drop(hold);
    };
    let (handles, ()) = within(async { tokio::join!(asked, answered) }).await;
    for (task, handle) in tasks.iter().zip(handles) {
        assert_eq!(task.reveal(&handle.unwrap()).await.unwrap().expose(), VALUE);
    }
    assert_eq!(world.backend.calls(), 1);
    assert_eq!(tasks.iter().map(|task| task.provider_calls()).sum::<u64>(), 1);
    assert_eq!(world.events(EventKind::SecretFetched).len(), 1);
    assert_eq!(world.events(EventKind::SecretInjected).len(), 1000);
}

#[tokio::test]
async fn one_who_goes_away_does_not_end_it_for_the_others() {
    let world = World::new();
    let (first, second) = (world.running(&["agent-key:reveal"]).await, world.running(&["agent-key:reveal"]).await);
    let hold = world.backend.hold();
    let gone = tokio::spawn(async move { first.get("agent-key", None).await.map(drop) });
    within(world.backend.called(1)).await;
    let stays = tokio::spawn(async move {
        let handle = second.get("agent-key", None).await?;
        second.reveal(&handle).await
    });
    world.recorded(EventKind::SecretRequested, 2).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(hold);
    assert_eq!(within(stays).await.unwrap().unwrap().expose(), VALUE);
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test]
async fn what_comes_after_all_who_asked_went_away_is_kept_for_the_next() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let hold = world.backend.hold();
    {
        let asked = task.get("task-key", None);
        tokio::select! {
            biased;
            _ = asked => panic!("it answered while it was held"),
            () = world.backend.called(1) => {}
        }
    }
    drop(hold);
    world.recorded(EventKind::SecretFetched, 1).await;
    task.get("task-key", None).await.unwrap();
    assert_eq!(world.backend.calls(), 1);
}

/// A backend that does not answer, and whose call panics when it is given up: nobody catches that.
struct PanicsWhenGivenUp(ProviderId);

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a defect of the provider; this is part of the test");
    }
}

#[async_trait::async_trait]
impl SecretProvider for PanicsWhenGivenUp {
    fn id(&self) -> &ProviderId {
        &self.0
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<Fetched, ProviderError> {
        let _held = Panics;
        std::future::pending().await
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Ok(Vec::new())
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<Refreshed, ProviderError> {
        Err(ProviderError::Unsupported)
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_on_its_way_is_not_waited_for_again() {
    let world = World::with(PanicsWhenGivenUp("memory".parse().unwrap()));
    let task = world.running(&["agent-key:reveal"]).await;
    for calls in 1..=2 {
        assert_eq!(told(within(task.get("agent-key", None)).await), SecretError::Unavailable { retry_after: None });
        assert_eq!(task.provider_calls(), calls);
    }
}

#[tokio::test]
async fn a_sink_that_panics_has_not_taken_the_record() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    world.gate.breaks_at(Fault::Panics, EventKind::SecretFetched);
    assert_eq!(stop(within(task.get("task-key", None)).await), AuditUnavailable(SinkError::Panicked).into());
    world.gate.breaks(Fault::Panics);
    drop(task);
    assert_eq!(world.ends(), [Some(Outcome::Cancelled)], "teardown goes on, and other sinks are told");
}

/// A second task with the identity of one that ended: it finds what was kept under it, if anything was.
async fn calls_of_successor(world: &World, ended: &Session) -> u64 {
    let context = world.context(b"skill", &[grant("task-key:reveal")]);
    let context = TaskContext { task_id: ended.context().task_id.clone(), ..context };
    let successor = world.started(context).await;
    successor.get("task-key", None).await.unwrap();
    successor.provider_calls()
}

#[tokio::test]
async fn what_was_on_its_way_to_a_task_that_ended_is_stopped() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let hold = world.backend.hold();
    let asked = tokio::spawn({
        let task = task.clone();
        async move { task.get("task-key", None).await.map(drop) }
    });
    within(world.backend.called(1)).await;
    task.finish(Outcome::TimedOut).await.unwrap();
    drop(hold);
    assert_eq!(within(asked).await.unwrap(), Err(SecretError::Unavailable { retry_after: None }.into()));
    assert_eq!(world.log.kinds().last(), Some(&EventKind::TaskFinished), "no answer came in after it");
    assert_eq!(calls_of_successor(&world, &task).await, 1, "nothing was kept");
}

#[tokio::test]
async fn an_answer_that_crosses_the_end_of_its_task_is_wiped() {
    let ends: Arc<Mutex<Weak<Session>>> = Arc::default();
    let world = World::with(Scripted::new({
        let ends = ends.clone();
        move || {
            // The task ends at this very moment.
            if let Some(task) = std::mem::take(&mut *ends.lock()).upgrade() {
                task.finish(Outcome::TimedOut).now_or_never().unwrap().unwrap();
            }
            Ok(Fetched::new(SecretBytes::copy_of(VALUE).unwrap(), version("1")))
        }
    }));
    let task = world.running(&["task-key:reveal"]).await;
    *ends.lock() = Arc::downgrade(&task);
    let answer = within(task.get("task-key", None)).await;
    assert_eq!(world.ends(), [Some(Outcome::TimedOut)]);
    assert!(answer.is_err() || answer.is_ok_and(|handle| handle.expires_in() == Duration::ZERO));
    assert_eq!(calls_of_successor(&world, &task).await, 1, "nothing was kept");
}

#[tokio::test]
async fn nothing_sets_out_for_a_task_that_ended() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    world.gate.breaks_at(Fault::Hangs, EventKind::SecretRequested);
    let asked = tokio::spawn({
        let task = task.clone();
        async move { task.get("task-key", None).await.map(drop) }
    });
    world.recorded(EventKind::SecretRequested, 1).await;
    task.finish(Outcome::TimedOut).await.unwrap();
    world.gate.recovers();
    assert!(within(asked).await.unwrap().is_err());
    assert_eq!(world.backend.calls(), 0);
    assert_eq!(calls_of_successor(&world, &task).await, 1, "nothing was kept");
}
