//! The end of a task, and its task log until then.

use std::sync::Weak;
use std::sync::atomic::Ordering;

use super::Stop;
use super::cache::ClosedScope;
use super::cache_key::ScopeOwner;
use super::session::{ENDED, Session};
use crate::clock::now;
use crate::pal::{AuditUnavailable, Event, LogLevel, Outcome, Reason};
use crate::secret::EndReason;

/// The number of task log lines with a record of their own.
const RECORDED_LINES: u64 = 256;

impl Session {
    /// Records that the skill wrote a line of `length` bytes to its task log. Lines beyond the
    /// first 256 are counted, and recorded together when the task ends.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    ///
    /// # Security
    ///
    /// Waits for the record, so that a task has one record in flight at a time. A task thus cannot
    /// fill the queue of a sink that tasks share.
    pub async fn record_log_line(&self, level: LogLevel, length: u64) -> Result<(), Stop> {
        if self.log_lines.fetch_add(1, Ordering::AcqRel) >= RECORDED_LINES {
            self.unrecorded_log_bytes.fetch_add(length, Ordering::AcqRel);
            return Ok(());
        }
        self.record(Event::skill_logged(level, length)).await
    }

    /// Ends the task: wipes the values of task scope, and records the outcome.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`] if the record was not accepted; the task has ended all the same.
    pub async fn finish(&self, outcome: Outcome) -> Result<(), AuditUnavailable> {
        self.finish_for(outcome, None).await
    }

    /// Ends the task as [`finish`](Self::finish) does, with the limit that it exceeded as the
    /// reason.
    ///
    /// # Errors
    ///
    /// As for `finish`.
    pub async fn finish_for(&self, outcome: Outcome, reason: Option<Reason>) -> Result<(), AuditUnavailable> {
        let Some((event, closed)) = self.end(outcome, reason) else { return Ok(()) };
        // A log that failed the task gets no second wait.
        let waits = !matches!(self.stop_reason.get(), Some(Stop::Audit(_)));
        let no_dynamic_secrets = closed.owner.is_none();
        let (broker, subject) = (self.broker.clone(), self.subject.clone());
        let finish = async move {
            broker.revoke_scope(closed, &subject, None).await;
            if waits {
                return broker.pal.record(&subject, event).await;
            }
            broker.pal.note(&subject, event);
            Ok(())
        };
        if no_dynamic_secrets {
            return finish.await;
        }
        // A separate task completes the revocation even if the caller stops waiting.
        match tokio::spawn(finish).await {
            Ok(recorded) => recorded,
            Err(_) => Ok(()),
        }
    }

    /// Ends the task. Returns its last event, and the scope to revoke before it is recorded.
    /// Returns `None` if the task had ended.
    fn end(&self, outcome: Outcome, reason: Option<Reason>) -> Option<(Event, ClosedScope)> {
        if self.finished.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.phase.store(ENDED, Ordering::Release);
        let own = ScopeOwner::Task(self.context.task_id.clone());
        let closed = self.wipe(&own);
        self.broker.placeholders.remove(&self.placeholders.lock());
        for event in self.repeats.end() {
            self.broker.pal.note(&self.subject, event);
        }
        for secret in &closed.wiped {
            self.broker.pal.note(&self.subject, Event::secret_wiped(&**secret, None));
        }
        for (name, finds) in self.redaction.end() {
            self.broker.pal.note(&self.subject, Event::output_redacted(name, finds));
        }
        let beyond = self.log_lines.load(Ordering::Acquire).saturating_sub(RECORDED_LINES);
        if beyond > 0 {
            let length = self.unrecorded_log_bytes.load(Ordering::Acquire);
            self.broker.pal.note(&self.subject, Event::skill_logged_more(beyond, length));
        }
        let duration = now().duration_since(self.admitted);
        // The count is recorded only for a task that exceeded its limit.
        let too_many = matches!(self.stop_reason.get(), Some(Stop::Records));
        let count = too_many.then(|| self.record_count.load(Ordering::Acquire));
        Some((Event::task_finished(outcome, reason, count, duration), closed))
    }

    /// Wipes the values of task scope. Returns the scope with the secrets that had a value.
    fn wipe(&self, own: &ScopeOwner) -> ClosedScope {
        let mut closed = self.broker.cache.close(own);
        let derived = std::mem::take(&mut *self.derived.lock());
        closed
            .wiped
            .extend(derived.iter().filter_map(Weak::upgrade).filter(|secret| secret.wipe(EndReason::ScopeEnded)));
        closed
    }
}

impl Session {
    /// Returns true if the task has ended. The session then refuses every call.
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Ends the task as [`finish`](Self::finish) does, without waiting for the record, even if
    /// others hold the session. Does nothing if the task has ended.
    pub fn abandon(&self, outcome: Outcome, reason: Option<Reason>) {
        let Some((event, closed)) = self.end(outcome, reason) else { return };
        self.broker.pal.note(&self.subject, event);
        // No caller waits. A lease journal lists the leases that remain if the process ends first.
        if let (true, Ok(runtime)) = (closed.owner.is_some(), tokio::runtime::Handle::try_current()) {
            let (broker, subject) = (self.broker.clone(), self.subject.clone());
            runtime.spawn(async move { broker.revoke_scope(closed, &subject, None).await });
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.abandon(Outcome::Cancelled, None);
    }
}
