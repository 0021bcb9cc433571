//! Admission and end of a task in an embedder's store.

use std::fmt;
use std::time::Duration;

use far_core::pal::Reason;
use far_core::{TaskId, clock, random_task_id};
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime::{Store, Trap};

use super::EmbeddedSkill;
use crate::admitted_task::{AdmittedTask, TaskInfo, end_of_stop};
use crate::context::{FarCtx, FarView};
use crate::runtime::Runtime;
use crate::task::{End, OpenError, Refusal, Report, Task};
use crate::window::Window;

/// The time that the end of a task waits for requests in flight, if the store still exists.
const IDLE: Duration = Duration::from_secs(5);

impl Runtime {
    /// Admits a task that runs in an embedder's store, with the checks and the record of
    /// [`Runtime::run`]. [`embed`](crate::embed) lists the steps that follow.
    ///
    /// The task's timeout starts here. The input is checked against its limit; the embedder passes
    /// it to the guest.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the task is refused, or its admission cannot be recorded.
    pub async fn open_task(&self, task: &Task<EmbeddedSkill>) -> Result<(OpenTask, FarCtx), OpenError> {
        let started = clock::now();
        let (identity, spec) = (&task.skill.identity, &task.spec);
        let id = spec.id.clone().map_or_else(random_task_id, Ok).map_err(|_| Refusal::Random)?;
        let admitted = self.enter(&id, identity, spec).await?;
        let info = self.task_info(Some(id), identity, spec, started);
        let task = OpenTask { admitted, info };
        let far = task.admitted.far(&self.clients, Window::closing(task.admitted.session.clone()));
        Ok((task, far))
    }
}

/// An admitted task in an embedder's store.
///
/// Dropping it ends the task: its own values are wiped, its host functions trap, and the end is
/// recorded. The recorded outcome is `cancelled`, or the violation or limit that stopped the task.
/// [`finish`](Self::finish) records the actual end, and waits for the record.
#[must_use = "dropping it ends the task"]
pub struct OpenTask {
    admitted: AdmittedTask,
    info: TaskInfo,
}

impl OpenTask {
    /// Returns the task's id.
    pub fn id(&self) -> &TaskId {
        &self.admitted.session.context().task_id
    }

    /// Returns the deadline, which [`drive`](Self::drive) and every host function enforce.
    pub fn deadline(&self) -> Instant {
        Instant::from_std(self.admitted.session.context().deadline)
    }

    /// Applies the task's [`Limits`](crate::Limits) to a store: memories and tables, the number of
    /// handles, and the size of arguments of host calls. Replaces the store's limiter. Call it
    /// before the first instantiation.
    pub fn apply_limits<T: FarView + 'static>(&self, store: &mut Store<T>) {
        self.admitted.apply_limits(store);
    }

    /// Records that the guest starts. Secrets are usable from here on. An earlier attempt, such as
    /// in a component's start function, is a violation.
    ///
    /// # Errors
    ///
    /// An error that ends the task, if the record is not accepted.
    pub async fn start(&self) -> wasmtime::Result<()> {
        self.admitted.session.start().await.map_err(wasmtime::Error::new)
    }

    /// Polls a call of the guest until it returns or the task must end. A task must end at its
    /// deadline, or after a violation in a request in flight, which no call of the guest can
    /// report.
    ///
    /// # Errors
    ///
    /// The error of the call, or an error that ends the task.
    pub async fn drive<R>(&self, call: impl Future<Output = wasmtime::Result<R>>) -> wasmtime::Result<R> {
        let session = &self.admitted.session;
        tokio::select! {
            biased;
            ended = timeout_at(self.deadline(), call) => ended.unwrap_or_else(|_| Err(Trap::Interrupt.into())),
            () = session.cancelled() => match session.stop_reason() {
                Some(stop) => Err(wasmtime::Error::new(stop.clone())),
                // A session is canceled only with a stop reason.
                None => Err(Trap::Interrupt.into()),
            },
        }
    }

    /// Redacts output of the guest that far does not redact itself. Each value that the task had a
    /// handle to is replaced by `[redacted:NAME]`.
    ///
    /// A value that is split over two calls is not found. A match counts as a leak of the task, as
    /// in the task log.
    pub async fn redact(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.admitted.redact(bytes).await
    }

    /// Ends the task with the result of its call, and returns the report that [`Runtime::run`]
    /// returns. Redacts the result and the task log, wipes the task's own values, and records the
    /// end.
    ///
    /// A result after the [`deadline`](Self::deadline) counts as timed out. Pass a result of `run`
    /// in the world `skill` unchanged, and the output of any other function as bytes. A violation,
    /// or a record that was not accepted, takes precedence over the result.
    ///
    /// Drop the store first. Its requests in flight end with it, and are recorded before the task's
    /// end. Otherwise, this function waits some seconds for them.
    pub async fn finish(self, result: wasmtime::Result<Result<Vec<u8>, String>>) -> Report {
        let is_late = result.is_ok() && clock::now() >= self.deadline().into_std();
        let end = if is_late { End::TimedOut } else { self.admitted.end_of_call(result).await };
        self.end(end).await
    }

    /// Ends the task as [`End::Cancelled`]; otherwise the same as [`finish`](Self::finish).
    pub async fn cancel(self) -> Report {
        self.end(End::Cancelled).await
    }

    async fn end(self, end: End) -> Report {
        // Continues after the timeout: a later request fails, since the task has ended.
        let _ = timeout(IDLE, self.admitted.wait_idle()).await;
        let result = self.admitted.finish(end).await;
        self.info.report(result)
    }
}

impl Drop for OpenTask {
    fn drop(&mut self) {
        let session = &self.admitted.session;
        let end = session.stop_reason().map_or(End::Cancelled, end_of_stop);
        session.abandon(end.outcome(), end.limit().map(|limit| Reason::Token(limit.as_str())));
    }
}

impl fmt::Debug for OpenTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTask").field("session", &self.admitted.session).finish_non_exhaustive()
    }
}
