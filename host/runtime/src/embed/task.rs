//! A task in a store of the embedder's own: its admission and its end.

use std::fmt;
use std::time::Duration;

use far_core::pal::Reason;
use far_core::{TaskId, clock, random_task_id};
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime::{Store, Trap};

use super::EmbeddedSkill;
use crate::admitted::{About, Admitted, end_of_stop};
use crate::context::{FarCtx, FarView};
use crate::runtime::Runtime;
use crate::task::{End, OpenError, Refusal, Report, Task};
use crate::window::Window;

/// The time that the end of a task waits for its requests, should its store be there still.
const IDLE: Duration = Duration::from_secs(5);

impl Runtime {
    /// Admits a task that runs in a store of the embedder's own: checks it as [`Runtime::run`]
    /// does, and records it. [`embed`](crate::embed) lists the steps that follow.
    ///
    /// The task's time begins here. The input of the task is checked against its limit; passing it
    /// to the guest is the embedder's.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open_task(&self, task: &Task<EmbeddedSkill>) -> Result<(OpenTask, FarCtx), OpenError> {
        let started = clock::now();
        let (identity, job) = (&task.skill.identity, &task.job);
        let id = job.id.clone().map_or_else(random_task_id, Ok).map_err(|_| Refusal::Random)?;
        let admitted = self.enter(&id, identity, job).await?;
        let about = self.about(Some(id), identity, job, started);
        let task = OpenTask { admitted, about };
        let far = task.admitted.far(&self.clients, Window::closing(task.admitted.session.clone()));
        Ok((task, far))
    }
}

/// An admitted task whose store is the embedder's.
///
/// Ends the task when it is dropped: the values that are the task's own are wiped, its host
/// functions trap from then on, and the end is recorded, as `cancelled` unless the broker saw a
/// violation or the like. [`finish`](Self::finish) records the actual end, and waits for the record.
#[must_use = "dropping it ends the task"]
pub struct OpenTask {
    admitted: Admitted,
    about: About,
}

impl OpenTask {
    /// Returns the task's id.
    pub fn id(&self) -> &TaskId {
        &self.admitted.session.context().task_id
    }

    /// Returns the end of the task's time. [`drive`](Self::drive) and every host function observe it.
    pub fn deadline(&self) -> Instant {
        Instant::from_std(self.admitted.session.context().deadline)
    }

    /// Bounds a store as the task's [`Limits`](crate::Limits) say: its memories and tables, the
    /// number of handles, and the size of what the guest passes in one call. Replaces the store's
    /// limiter. To be called before anything is instantiated.
    pub fn bound<T: FarView + 'static>(&self, store: &mut Store<T>) {
        self.admitted.bound(store);
    }

    /// Records that the guest is about to be entered. Secrets can be used from here on; before, and
    /// so in the start function of a component, each attempt is a violation.
    ///
    /// # Errors
    ///
    /// An error that ends the task, if the record was not accepted.
    pub async fn start(&self) -> wasmtime::Result<()> {
        self.admitted.session.start().await.map_err(wasmtime::Error::new)
    }

    /// Polls a call of the guest to its end, or until the task must end: at its deadline, or for a
    /// violation in a request on its way, with which no call of the guest can fail.
    ///
    /// # Errors
    ///
    /// The call's, or an error that ends the task.
    pub async fn drive<R>(&self, call: impl Future<Output = wasmtime::Result<R>>) -> wasmtime::Result<R> {
        let session = &self.admitted.session;
        tokio::select! {
            biased;
            ended = timeout_at(self.deadline(), call) => ended.unwrap_or_else(|_| Err(Trap::Interrupt.into())),
            () = session.halted() => match session.stopped() {
                Some(stop) => Err(wasmtime::Error::new(stop.clone())),
                // Halted for nothing else.
                None => Err(Trap::Interrupt.into()),
            },
        }
    }

    /// Redacts bytes that leave the task by a way that far does not know: each value that the task
    /// had a handle to so far is replaced by `[redacted:NAME]`.
    ///
    /// A value that is split over two calls is not found. What is found counts as leaked by the
    /// task, as in the task log.
    pub async fn redact(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.admitted.redact(bytes).await
    }

    /// Ends the task by what its call returned: redacts the result and the task log, wipes the
    /// values that are the task's own, and records the end. Returns the report that
    /// [`Runtime::run`] returns.
    ///
    /// A result that is passed after the [`deadline`](Self::deadline) is late: the task timed out.
    /// A result of `run` in the world `skill` is passed as it is. Of other functions, pass the
    /// output as bytes. A violation, or a record that was not accepted, decides over the result.
    ///
    /// Drop the store first: its requests that are under way end with it, and are recorded before
    /// the task's end. Otherwise, this waits some seconds for them.
    pub async fn finish(self, result: wasmtime::Result<Result<Vec<u8>, String>>) -> Report {
        let is_late = result.is_ok() && clock::now() >= self.deadline().into_std();
        let end = if is_late { End::TimedOut } else { self.admitted.end_of_call(result).await };
        self.end(end).await
    }

    /// Ends the task as [`End::Cancelled`], as [`finish`](Self::finish) does for other ends.
    pub async fn cancel(self) -> Report {
        self.end(End::Cancelled).await
    }

    async fn end(self, end: End) -> Report {
        // Goes on without: a request that is decided on later finds that the task has ended.
        let _ = timeout(IDLE, self.admitted.idle()).await;
        let ran = self.admitted.finish(end).await;
        self.about.report(ran)
    }
}

impl Drop for OpenTask {
    fn drop(&mut self) {
        let session = &self.admitted.session;
        let end = session.stopped().map_or(End::Cancelled, end_of_stop);
        session.abandon(end.outcome(), end.limit().map(|limit| Reason::Token(limit.as_str())));
    }
}

impl fmt::Debug for OpenTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTask").field("session", &self.admitted.session).finish_non_exhaustive()
    }
}
