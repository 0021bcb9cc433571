//! Execution of a task in one of the runtime's own stores, which is dropped before the task's end
//! is recorded.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use far_core::broker::AdmitError;
use far_core::pal::Subject;
use far_core::{TaskContext, TaskId, clock, random_task_id};
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use wasmtime::{Store, UpdateDeadline};

use crate::admitted_task::{AdmittedTask, TaskInfo, TaskResult};
use crate::engine::TICK;
use crate::run_queue::QueueEntry;
use crate::runtime::Runtime;
use crate::skill::Identity;
use crate::state::TaskState;
use crate::task::{End, OpenError, Refusal, Report, Task, TaskSpec};
use crate::window::Window;

impl Runtime {
    /// Runs a task to its end. Dropping the future cancels the task; its end is then recorded
    /// without waiting for a sink.
    pub async fn run(&self, task: Task) -> Report {
        self.run_until(task, pending()).await
    }

    /// Runs a task to its end, or until `cancelled` resolves. The task then ends as
    /// [`End::Cancelled`], which is recorded as any other end is. A task that has already ended
    /// keeps its end.
    pub async fn run_until(&self, task: Task, cancelled: impl Future<Output = ()>) -> Report {
        let started = clock::now();
        let task_id = task.spec.id.clone().or_else(|| random_task_id().ok());
        let result = match &task_id {
            Some(task_id) => self.run_admitted(task_id, &task, cancelled).await,
            None => TaskResult::refused(End::Refused(Refusal::Random)),
        };
        self.task_info(task_id, &task.skill.identity, &task.spec, started).report(result)
    }

    /// Returns the parts of the report that are known before the task runs.
    pub(crate) fn task_info(
        &self,
        task_id: Option<TaskId>,
        identity: &Identity,
        spec: &TaskSpec,
        started: std::time::Instant,
    ) -> TaskInfo {
        TaskInfo {
            task_id,
            agent_id: self.agent_id.clone(),
            skill: identity.name().cloned(),
            skill_digest: identity.digest,
            limits: spec.limits,
            started,
        }
    }

    async fn run_admitted(&self, task_id: &TaskId, task: &Task, cancelled: impl Future<Output = ()>) -> TaskResult {
        let admitted = match self.enter(task_id, &task.skill.identity, &task.spec).await {
            Ok(admitted) => admitted,
            Err(error) => return TaskResult::refused(error.into()),
        };
        let deadline = deadline(admitted.session.context());
        // The attempt owns the store, so that the store is dropped before the task's end is
        // recorded.
        let attempt = AssertUnwindSafe(self.attempt(&admitted, task)).catch_unwind();
        let end = tokio::select! {
            biased;
            ended = timeout_at(deadline, attempt) => match ended {
                Ok(Ok(end)) => end,
                Ok(Err(_panic)) => End::HostError,
                Err(_) => End::TimedOut,
            },
            // A request in flight stopped the task; the session has the reason.
            () = admitted.session.cancelled() => End::HostError,
            () = cancelled => End::Cancelled,
        };
        admitted.wait_idle().await;
        admitted.finish(end).await
    }

    /// Admits a task and records the admission, or records the refusal.
    pub(crate) async fn enter(
        &self,
        task_id: &TaskId,
        identity: &Identity,
        spec: &TaskSpec,
    ) -> Result<AdmittedTask, OpenError> {
        let refusal = match self.admit(task_id.clone(), identity, spec) {
            Ok(context) => match self.broker.admit(context).await {
                Ok(session) => return Ok(AdmittedTask::new(session, &spec.limits)),
                Err(AdmitError::Audit(unavailable)) => return Err(unavailable.into()),
                Err(_) => Refusal::Running,
            },
            Err(refusal) => refusal,
        };
        self.record_refusal(task_id, identity, &refusal).await;
        Err(refusal.into())
    }

    async fn record_refusal(&self, task_id: &TaskId, identity: &Identity, refusal: &Refusal) {
        let subject = Subject {
            task_id: Some(task_id.clone()),
            agent_id: self.agent_id.clone(),
            skill: identity.name().cloned(),
            skill_digest: Some(identity.digest),
        };
        // The refusal holds even if it cannot be recorded: nothing runs.
        let _ = self.broker.refuse(&Arc::new(subject), refusal.kind()).await;
    }

    async fn attempt(&self, admitted: &AdmittedTask, task: &Task) -> End {
        // The semaphore is never closed.
        let Ok(_slot) = self.slots.acquire().await else { return End::HostError };
        let entry = self.run_queue.join();
        let mut store = self.store(admitted, entry.clone());
        let result = entry.run(self.call(&mut store, admitted, task)).await;
        admitted.end_of_call(result).await
    }

    fn store(&self, admitted: &AdmittedTask, entry: QueueEntry) -> Store<TaskState> {
        let deadline = deadline(admitted.session.context());
        let mut store = Store::new(
            &self.engine,
            TaskState::new(admitted.far(&self.clients, Window::unlimited(admitted.session.clone()))),
        );
        admitted.apply_limits(&mut store);
        store.set_epoch_deadline(1);
        // At each tick, interrupts a guest after the deadline, or lets other tasks run.
        store.epoch_deadline_callback(move |_| {
            if clock::now() >= deadline.into_std() {
                return Ok(UpdateDeadline::Interrupt);
            }
            let resumed = entry.preempt(TICK);
            Ok(resumed.map_or(UpdateDeadline::Continue(1), |resumed| UpdateDeadline::YieldCustom(1, Box::pin(resumed))))
        });
        store
    }

    async fn call(
        &self,
        store: &mut Store<TaskState>,
        admitted: &AdmittedTask,
        task: &Task,
    ) -> wasmtime::Result<Result<Vec<u8>, String>> {
        let skill = task.skill.component.instantiate_async(&mut *store).await?;
        // The guest may use secrets from here on. A start function that asks for one violates its
        // capability.
        admitted.session.start().await.map_err(wasmtime::Error::new)?;
        skill.call_run(&mut *store, &task.spec.input).await
    }
}

/// Returns the deadline of a task.
fn deadline(context: &TaskContext) -> Instant {
    Instant::from_std(context.deadline)
}
