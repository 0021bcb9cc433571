//! Running a task: admitted, started, called, ended. One store per task, dropped before the task's end is recorded.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use far_core::broker::AdmitError;
use far_core::pal::Subject;
use far_core::{TaskContext, TaskId, clock, random_task_id};
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use wasmtime::{Store, UpdateDeadline};

use crate::admitted::{About, Admitted, Ran};
use crate::engine::TICK;
use crate::runtime::Runtime;
use crate::skill::Identity;
use crate::state::TaskState;
use crate::task::{End, Job, OpenError, Refusal, Report, Task};
use crate::turns::Turn;
use crate::window::Window;

impl Runtime {
    /// Runs a task to its end, whatever that is. Dropping the future cancels the task; its end is then recorded without
    /// waiting for any sink.
    pub async fn run(&self, task: Task) -> Report {
        self.run_until(task, pending()).await
    }

    /// Runs a task to its end, or until `cancelled` is ready: then the task ends as [`End::Cancelled`], and that is
    /// recorded as any other end is. A task that has ended by then stays as it ended.
    pub async fn run_until(&self, task: Task, cancelled: impl Future<Output = ()>) -> Report {
        let started = clock::now();
        let task_id = task.job.id.clone().or_else(|| random_task_id().ok());
        let ran = match &task_id {
            Some(task_id) => self.run_admitted(task_id, &task, cancelled).await,
            None => Ran::nothing(End::Refused(Refusal::Random)),
        };
        self.about(task_id, &task.skill.identity, &task.job, started).report(ran)
    }

    /// What is known of a task before it runs.
    pub(crate) fn about(
        &self,
        task_id: Option<TaskId>,
        identity: &Identity,
        job: &Job,
        started: std::time::Instant,
    ) -> About {
        About {
            task_id,
            agent_id: self.agent_id.clone(),
            skill: identity.name().cloned(),
            skill_digest: identity.digest,
            limits: job.limits,
            started,
        }
    }

    async fn run_admitted(&self, task_id: &TaskId, task: &Task, cancelled: impl Future<Output = ()>) -> Ran {
        let admitted = match self.enter(task_id, &task.skill.identity, &task.job).await {
            Ok(admitted) => admitted,
            Err(error) => return Ran::nothing(error.into()),
        };
        let deadline = deadline(admitted.session.context());
        // The store lives inside, so that it is gone, however the attempt ends, before the task's end is recorded.
        let attempt = AssertUnwindSafe(self.attempt(&admitted, task)).catch_unwind();
        let end = tokio::select! {
            biased;
            ended = timeout_at(deadline, attempt) => match ended {
                Ok(Ok(end)) => end,
                Ok(Err(_panic)) => End::HostError,
                Err(_) => End::TimedOut,
            },
            // In a request that was on its way. What the session saw decides.
            () = admitted.session.halted() => End::HostError,
            () = cancelled => End::Cancelled,
        };
        admitted.idle().await;
        admitted.finish(end).await
    }

    /// Admits a task, and records that; or records that it was refused.
    pub(crate) async fn enter(&self, task_id: &TaskId, identity: &Identity, job: &Job) -> Result<Admitted, OpenError> {
        let refusal = match self.admit(task_id.clone(), identity, job) {
            Ok(context) => match self.broker.admit(context).await {
                Ok(session) => return Ok(Admitted::new(session, &job.limits)),
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
        // The refusal stands, recorded or not: nothing runs.
        let _ = self.broker.refuse(&Arc::new(subject), refusal.kind()).await;
    }

    async fn attempt(&self, admitted: &Admitted, task: &Task) -> End {
        // The semaphore is never closed.
        let Ok(_slot) = self.slots.acquire().await else { return End::HostError };
        let turn = self.turns.join();
        let mut store = self.store(admitted, turn.clone());
        let result = turn.pace(self.call(&mut store, admitted, task)).await;
        admitted.end_of_call(result).await
    }

    fn store(&self, admitted: &Admitted, turn: Turn) -> Store<TaskState> {
        let deadline = deadline(admitted.session.context());
        let mut store = Store::new(
            &self.engine,
            TaskState::new(admitted.far(&self.clients, Window::open(admitted.session.clone()))),
        );
        admitted.bound(&mut store);
        store.set_epoch_deadline(1);
        // Each long stretch lets others run, until the task's own time is over.
        store.epoch_deadline_callback(move |_| {
            if clock::now() >= deadline.into_std() {
                return Ok(UpdateDeadline::Interrupt);
            }
            let next = turn.next(TICK);
            Ok(next.map_or(UpdateDeadline::Continue(1), |next| UpdateDeadline::YieldCustom(1, Box::pin(next))))
        });
        store
    }

    async fn call(
        &self,
        store: &mut Store<TaskState>,
        admitted: &Admitted,
        task: &Task,
    ) -> wasmtime::Result<Result<Vec<u8>, String>> {
        let skill = task.skill.component.instantiate_async(&mut *store).await?;
        // Until here no task is open, and a start function that asks for a secret goes beyond its capability.
        admitted.session.start().await.map_err(wasmtime::Error::new)?;
        skill.call_run(&mut *store, &task.job.input).await
    }
}

/// When the task's time is over.
fn deadline(context: &TaskContext) -> Instant {
    Instant::from_std(context.deadline)
}
