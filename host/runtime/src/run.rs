//! Running a task: admitted, started, called, ended. One store per task, dropped before the task's end is recorded.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use far_core::broker::{AdmitError, Session, Stop};
use far_core::pal::{Reason, Subject};
use far_core::{TaskContext, TaskId, clock, random_task_id};
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::egress::UnderWay;
use crate::engine::TICK;
use crate::exceeded::end_of_error;
use crate::limits::{HANDLES_MAX, Limit, OTHER_HANDLES};
use crate::result::without_values;
use crate::runtime::Runtime;
use crate::state::TaskState;
use crate::task::{End, Refusal, Report, Task};
use crate::task_log::{LogEntry, TaskLog};
use crate::turns::Turn;

/// What came of a task.
struct Ran {
    end: End,
    log: Vec<LogEntry>,
    log_discarded: u64,
    provider_calls: u64,
}

impl Ran {
    /// Of a task that was not let in.
    fn nothing(end: End) -> Self {
        Self { end, log: Vec::new(), log_discarded: 0, provider_calls: 0 }
    }
}

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
        let task_id = task.id.clone().or_else(|| random_task_id().ok());
        let Ran { end, log, log_discarded, provider_calls } = match &task_id {
            Some(task_id) => self.run_admitted(task_id, &task, cancelled).await,
            None => Ran::nothing(End::Refused(Refusal::Random)),
        };
        Report {
            task_id,
            agent_id: self.agent_id.clone(),
            skill: task.skill.declaration().map(|declaration| declaration.name.clone()),
            skill_digest: task.skill.digest(),
            end,
            limits: task.limits,
            log,
            log_discarded,
            provider_calls,
            duration: clock::since(started),
        }
    }

    async fn run_admitted(&self, task_id: &TaskId, task: &Task, cancelled: impl Future<Output = ()>) -> Ran {
        let context = match self.admit(task_id.clone(), task) {
            Ok(context) => context,
            Err(refusal) => {
                self.record_refusal(task_id, task, &refusal).await;
                return Ran::nothing(End::Refused(refusal));
            }
        };
        let deadline = deadline(&context);
        let session = match self.broker.admit(context).await {
            Ok(session) => Arc::new(session),
            Err(AdmitError::Audit(unavailable)) => return Ran::nothing(End::AuditUnavailable(unavailable)),
            Err(_) => {
                self.record_refusal(task_id, task, &Refusal::Running).await;
                return Ran::nothing(End::Refused(Refusal::Running));
            }
        };
        let log = TaskLog::new(task.limits.log, session.redaction());
        let under_way = UnderWay::new();
        // The store lives inside, so that it is gone, however the attempt ends, before the task's end is recorded.
        let attempt = AssertUnwindSafe(self.attempt(&session, task, &log, &under_way)).catch_unwind();
        let end = tokio::select! {
            biased;
            ended = timeout_at(deadline, attempt) => match ended {
                Ok(Ok(end)) => end,
                Ok(Err(_panic)) => End::HostError,
                Err(_) => End::TimedOut,
            },
            // In a request that was on its way. What the session saw decides.
            () = session.halted() => End::HostError,
            () = cancelled => End::Cancelled,
        };
        under_way.none().await;
        // What the session saw decides: a guest has no say in how its violation is reported.
        let end = session.stopped().map_or(end, end_of_stop);
        // Before the session ends: what the task was given is known until then.
        let (log, log_discarded) = log.take();
        let end = without_values(end, session.redaction(), most(task)).await;
        // A value that must not be said makes a violation of any end.
        session.judge_finds().await;
        let end = session.stopped().map_or(end, end_of_stop);
        let reason = end.limit().map(|limit| Reason::Token(limit.as_str()));
        let recorded = session.finish_for(end.outcome(), reason).await;
        let end = match (recorded, end) {
            (Err(unavailable), end) if !matches!(end, End::Violation(_)) => End::AuditUnavailable(unavailable),
            (_, end) => end,
        };
        Ran { end, log, log_discarded, provider_calls: session.provider_calls() }
    }

    async fn record_refusal(&self, task_id: &TaskId, task: &Task, refusal: &Refusal) {
        let subject = Subject {
            task_id: Some(task_id.clone()),
            agent_id: self.agent_id.clone(),
            skill: task.skill.declaration().map(|declaration| declaration.name.clone()),
            skill_digest: Some(task.skill.digest()),
        };
        // The refusal stands, recorded or not: nothing runs.
        let _ = self.broker.refuse(&Arc::new(subject), refusal.kind()).await;
    }

    async fn attempt(&self, session: &Arc<Session>, task: &Task, log: &TaskLog, under_way: &UnderWay) -> End {
        // The semaphore is never closed.
        let Ok(_slot) = self.slots.acquire().await else { return End::HostError };
        let turn = self.turns.join();
        let mut store = self.store(
            TaskState::new(session.clone(), &task.limits, log.clone(), &self.clients, under_way.clone()),
            task,
            turn.clone(),
        );
        let most = most(task);
        match turn.pace(self.call(&mut store, session, task)).await {
            Ok(Ok(output)) if output.len() > most => End::LimitExceeded(Limit::Output),
            Ok(Err(error)) if error.len() > most => End::LimitExceeded(Limit::Output),
            Ok(Ok(output)) => End::Completed(output),
            Ok(Err(error)) if session.backend_failed() => End::BackendUnavailable(error),
            Ok(Err(error)) => End::SkillError(error),
            Err(error) => {
                // The engine lets no call out of `cabi_realloc` and the like, and says so by this trap.
                let called_out = error.downcast_ref::<Trap>() == Some(&Trap::CannotLeaveComponent);
                if called_out {
                    session.left_outside_run().await;
                }
                end_of_error(&error, &store.data().usage)
            }
        }
    }

    fn store(&self, state: TaskState, task: &Task, turn: Turn) -> Store<TaskState> {
        let deadline = deadline(state.session.context());
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.usage);
        store.set_hostcall_fuel(task.limits.argument());
        store.set_max_component_handles(HANDLES_MAX + OTHER_HANDLES);
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
        session: &Session,
        task: &Task,
    ) -> wasmtime::Result<Result<Vec<u8>, String>> {
        let skill = task.skill.component.instantiate_async(&mut *store).await?;
        // Until here no task is open, and a start function that asks for a secret goes beyond its capability.
        session.start().await.map_err(wasmtime::Error::new)?;
        skill.call_run(&mut *store, &task.input).await
    }
}

/// When the task's time is over.
fn deadline(context: &TaskContext) -> Instant {
    Instant::from_std(context.deadline)
}

/// How many bytes may leave the task as its output or its error.
fn most(task: &Task) -> usize {
    task.limits.output
}

fn end_of_stop(stop: &Stop) -> End {
    match stop {
        Stop::Violation(violation) => End::Violation(violation.clone()),
        Stop::Audit(unavailable) => End::AuditUnavailable(unavailable.clone()),
        Stop::Records => End::LimitExceeded(Limit::Records),
        _ => End::HostError,
    }
}
