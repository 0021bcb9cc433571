//! An admitted task: its bounds, its end and its report, whoever has its store.

use std::sync::Arc;
use std::time::Instant;

use far_core::broker::{Session, Stop};
use far_core::pal::Reason;
use far_core::{AgentId, SkillDigest, SkillName, TaskId, clock};
use wasmtime::{Store, Trap};

use crate::context::{FarCtx, FarView};
use crate::egress::{Clients, Requests, UnderWay};
use crate::exceeded::end_of_error;
use crate::limits::{HANDLES_MAX, Limit, Limits, OTHER_HANDLES, SharedUsage};
use crate::result::{redacted, without_values};
use crate::task::{End, Report};
use crate::task_log::{LogEntry, TaskLog};
use crate::window::Window;

/// An admitted task, from the host's side.
pub(crate) struct Admitted {
    pub(crate) session: Arc<Session>,
    log: TaskLog,
    limits: Limits,
    usage: SharedUsage,
    under_way: UnderWay,
}

/// What came of a task.
pub(crate) struct Ran {
    end: End,
    log: Vec<LogEntry>,
    log_discarded: u64,
    provider_calls: u64,
}

/// The parts of a report that are known before the task runs.
pub(crate) struct About {
    pub(crate) task_id: Option<TaskId>,
    pub(crate) agent_id: AgentId,
    pub(crate) skill: Option<SkillName>,
    pub(crate) skill_digest: SkillDigest,
    pub(crate) limits: Limits,
    pub(crate) started: Instant,
}

impl Admitted {
    pub(crate) fn new(session: Session, limits: &Limits) -> Self {
        let session = Arc::new(session);
        Self {
            log: TaskLog::new(limits.log, session.redaction()),
            limits: *limits,
            usage: SharedUsage::new(limits),
            under_way: UnderWay::new(),
            session,
        }
    }

    /// Returns the state for the task's store, which may call the host within this window.
    pub(crate) fn far(&self, clients: &Arc<Clients>, window: Window) -> FarCtx {
        let (session, under_way) = (&self.session, self.under_way.clone());
        let requests = Requests::new(session.clone(), clients.clone(), &self.limits, under_way, window.clone());
        FarCtx::new(session.clone(), &self.limits, self.log.clone(), self.usage.clone(), requests, window)
    }

    /// Bounds a store's memories, tables, handles, and what the guest passes in one call.
    pub(crate) fn bound<T: FarView + 'static>(&self, store: &mut Store<T>) {
        store.limiter(|data| data.far().ctx.limiter());
        store.set_hostcall_fuel(self.limits.argument());
        store.set_max_component_handles(HANDLES_MAX + OTHER_HANDLES);
    }

    /// Waits until no request is under way, when the task's store is gone.
    pub(crate) async fn idle(&self) {
        self.under_way.none().await;
    }

    /// Returns how the task ended, by what its call returned.
    pub(crate) async fn end_of_call(&self, result: wasmtime::Result<Result<Vec<u8>, String>>) -> End {
        let most = self.most();
        match result {
            Ok(Ok(output)) if output.len() > most => End::LimitExceeded(Limit::Output),
            Ok(Err(error)) if error.len() > most => End::LimitExceeded(Limit::Output),
            Ok(Ok(output)) => End::Completed(output),
            Ok(Err(error)) if self.session.backend_failed() => End::BackendUnavailable(error),
            Ok(Err(error)) => End::SkillError(error),
            Err(error) => {
                // The engine lets no call out of `cabi_realloc` and the like, and says so by this trap.
                let called_out = error.downcast_ref::<Trap>() == Some(&Trap::CannotLeaveComponent);
                if called_out {
                    self.session.left_outside_run().await;
                }
                end_of_error(&error, &self.usage.lock())
            }
        }
    }

    /// Redacts bytes that leave the task.
    pub(crate) async fn redact(&self, bytes: Vec<u8>) -> Vec<u8> {
        redacted(bytes, self.session.redaction(), usize::MAX).await.0
    }

    /// Ends the task, and records it. Its store is gone.
    pub(crate) async fn finish(&self, end: End) -> Ran {
        let session = &self.session;
        // What the session saw decides: a guest has no say in how its violation is reported.
        let end = session.stopped().map_or(end, end_of_stop);
        // Before the session ends: what the task was given is known until then.
        let (log, log_discarded) = self.log.take();
        let end = without_values(end, session.redaction(), self.most()).await;
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

    /// How many bytes may leave the task as its output or its error.
    fn most(&self) -> usize {
        self.limits.output
    }
}

impl Ran {
    /// Of a task that was not let in.
    pub(crate) fn nothing(end: End) -> Self {
        Self { end, log: Vec::new(), log_discarded: 0, provider_calls: 0 }
    }
}

impl About {
    pub(crate) fn report(&self, ran: Ran) -> Report {
        let Ran { end, log, log_discarded, provider_calls } = ran;
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
