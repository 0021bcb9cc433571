//! An admitted task: its limits, its end and its report, in any store.

use std::sync::Arc;
use std::time::Instant;

use far_core::broker::{Session, Stop};
use far_core::pal::Reason;
use far_core::{AgentId, SkillDigest, SkillName, TaskId, clock};
use wasmtime::{Store, Trap};

use crate::context::{FarCtx, FarView};
use crate::egress::{Clients, InFlight, Requests};
use crate::limits::{HANDLES_MAX, Limit, Limits, OTHER_HANDLES, SharedStoreUsage};
use crate::redact::{redact_bytes, redact_end};
use crate::task::{End, Report};
use crate::task_log::{LogEntry, TaskLog};
use crate::trap::end_of_error;
use crate::window::Window;

/// An admitted task.
pub(crate) struct AdmittedTask {
    pub(crate) session: Arc<Session>,
    log: TaskLog,
    limits: Limits,
    usage: SharedStoreUsage,
    in_flight: InFlight,
}

/// The result of a task that has ended.
pub(crate) struct TaskResult {
    end: End,
    log: Vec<LogEntry>,
    log_discarded: u64,
    provider_calls: u64,
}

/// The parts of a report that are known before the task runs.
pub(crate) struct TaskInfo {
    pub(crate) task_id: Option<TaskId>,
    pub(crate) agent_id: AgentId,
    pub(crate) skill: Option<SkillName>,
    pub(crate) skill_digest: SkillDigest,
    pub(crate) limits: Limits,
    pub(crate) started: Instant,
}

impl AdmittedTask {
    pub(crate) fn new(session: Session, limits: &Limits) -> Self {
        let session = Arc::new(session);
        Self {
            log: TaskLog::new(limits.log, session.redaction()),
            limits: *limits,
            usage: SharedStoreUsage::new(limits),
            in_flight: InFlight::new(),
            session,
        }
    }

    /// Returns the context for the task's store, which may call the host within `window`.
    pub(crate) fn far(&self, clients: &Arc<Clients>, window: Window) -> FarCtx {
        let (session, in_flight) = (&self.session, self.in_flight.clone());
        let requests = Requests::new(session.clone(), clients.clone(), &self.limits, in_flight, window.clone());
        FarCtx::new(session.clone(), &self.limits, self.log.clone(), self.usage.clone(), requests, window)
    }

    /// Limits a store's memories, tables and handles, and the size of arguments of host calls.
    pub(crate) fn apply_limits<T: FarView + 'static>(&self, store: &mut Store<T>) {
        store.limiter(|data| data.far().ctx.limiter());
        store.set_hostcall_fuel(self.limits.argument());
        store.set_max_component_handles(HANDLES_MAX + OTHER_HANDLES);
    }

    /// Waits until no request is in flight. The store must be dropped already.
    pub(crate) async fn wait_idle(&self) {
        self.in_flight.wait_idle().await;
    }

    /// Returns the end of the task for the result of its call.
    pub(crate) async fn end_of_call(&self, result: wasmtime::Result<Result<Vec<u8>, String>>) -> End {
        let max = self.max_output();
        match result {
            Ok(Ok(output)) if output.len() > max => End::LimitExceeded(Limit::Output),
            Ok(Err(error)) if error.len() > max => End::LimitExceeded(Limit::Output),
            Ok(Ok(output)) => End::Completed(output),
            Ok(Err(error)) if self.session.backend_failed() => End::BackendUnavailable(error),
            Ok(Err(error)) => End::SkillError(error),
            Err(error) => {
                // The engine traps if the guest calls the host from `cabi_realloc` or another
                // function that must not.
                let called_out = error.downcast_ref::<Trap>() == Some(&Trap::CannotLeaveComponent);
                if called_out {
                    self.session.report_forbidden_reentry().await;
                }
                end_of_error(&error, &self.usage.lock())
            }
        }
    }

    /// Redacts bytes that leave the task.
    pub(crate) async fn redact(&self, bytes: Vec<u8>) -> Vec<u8> {
        redact_bytes(bytes, self.session.redaction(), usize::MAX).await.0
    }

    /// Ends the task and records the end. The store must be dropped already.
    pub(crate) async fn finish(&self, end: End) -> TaskResult {
        let session = &self.session;
        // A violation takes precedence: the guest has no influence on its report.
        let end = session.stop_reason().map_or(end, end_of_stop);
        // The redaction knows the task's values only until the session ends.
        let (log, log_discarded) = self.log.take();
        let end = redact_end(end, session.redaction(), self.max_output()).await;
        // A leaked value can turn any end into a violation.
        session.enforce_leak_policy().await;
        let end = session.stop_reason().map_or(end, end_of_stop);
        let reason = end.limit().map(|limit| Reason::Token(limit.as_str()));
        let recorded = session.finish_for(end.outcome(), reason).await;
        let end = match (recorded, end) {
            (Err(unavailable), end) if !matches!(end, End::Violation(_)) => End::AuditUnavailable(unavailable),
            (_, end) => end,
        };
        TaskResult { end, log, log_discarded, provider_calls: session.provider_calls() }
    }

    /// Returns the maximum length of the task's output or error, in bytes.
    fn max_output(&self) -> usize {
        self.limits.output
    }
}

impl TaskResult {
    /// Creates the result of a task that was not admitted.
    pub(crate) fn refused(end: End) -> Self {
        Self { end, log: Vec::new(), log_discarded: 0, provider_calls: 0 }
    }
}

impl TaskInfo {
    pub(crate) fn report(&self, result: TaskResult) -> Report {
        let TaskResult { end, log, log_discarded, provider_calls } = result;
        Report {
            task_id: self.task_id.clone(),
            agent_id: self.agent_id.clone(),
            skill: self.skill.clone(),
            skill_digest: self.skill_digest,
            end,
            limits: self.limits,
            log,
            log_discarded,
            provider_calls,
            duration: clock::since(self.started),
        }
    }
}

pub(crate) fn end_of_stop(stop: &Stop) -> End {
    match stop {
        Stop::Violation(violation) => End::Violation(violation.clone()),
        Stop::Audit(unavailable) => End::AuditUnavailable(unavailable.clone()),
        Stop::Records => End::LimitExceeded(Limit::Records),
        _ => End::HostError,
    }
}
