//! A task's end, and what it writes for people until then.

use std::sync::Weak;
use std::sync::atomic::Ordering;

use super::Stop;
use super::cache::Closed;
use super::place::ScopeSubject;
use super::session::{ENDED, Session};
use crate::clock::now;
use crate::pal::{AuditUnavailable, Event, LogLevel, Outcome, Reason};
use crate::secret::Gone;

/// How many lines of a task's log have a record of their own.
const RECORDED_LINES: u64 = 256;

impl Session {
    /// Records that the skill wrote a line of so many bytes to its task log. A line beyond the first 256 is counted, and
    /// recorded with all others like it when the task ends.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    ///
    /// # Security
    ///
    /// Waits for the record, so that a task has one record under way at a time: none can fill a sink's queue, which
    /// others share.
    pub async fn logged(&self, level: LogLevel, length: u64) -> Result<(), Stop> {
        if self.lines.fetch_add(1, Ordering::AcqRel) >= RECORDED_LINES {
            self.unrecorded.fetch_add(length, Ordering::AcqRel);
            return Ok(());
        }
        self.record(Event::skill_logged(level, length)).await
    }

    /// Ends the task: wipes what is its own, and records how it ended.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`] if the record was not accepted; the task has ended all the same.
    pub async fn finish(&self, outcome: Outcome) -> Result<(), AuditUnavailable> {
        self.finish_for(outcome, None).await
    }

    /// As [`finish`](Self::finish), with what it ended for: the limit that the task went beyond.
    ///
    /// # Errors
    ///
    /// As for `finish`.
    pub async fn finish_for(&self, outcome: Outcome, reason: Option<Reason>) -> Result<(), AuditUnavailable> {
        let Some((event, ended)) = self.end(outcome, reason) else { return Ok(()) };
        // The log that failed the task is not waited for a second time.
        let waits = !matches!(self.stopped.get(), Some(Stop::Audit(_)));
        let told_at_once = ended.owner.is_none();
        let (broker, subject) = (self.broker.clone(), self.subject.clone());
        let told = async move {
            broker.revoke(ended, &subject, None).await;
            if waits {
                return broker.pal.record(&subject, event).await;
            }
            broker.pal.note(&subject, event);
            Ok(())
        };
        if told_at_once {
            return told.await;
        }
        // In a task of its own: what was begun to be ended is, and is recorded, though nobody should wait for it any more.
        match tokio::spawn(told).await {
            Ok(recorded) => recorded,
            Err(_) => Ok(()),
        }
    }

    /// Ends the task, and answers with the event that says so, and what is to be revoked before; with none if it had ended.
    fn end(&self, outcome: Outcome, reason: Option<Reason>) -> Option<(Event, Closed)> {
        if self.finished.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.phase.store(ENDED, Ordering::Release);
        let own = ScopeSubject::Task(self.context.task_id.clone());
        let ended = self.wipe(&own);
        self.broker.stand_ins.end(&self.stand_ins.lock());
        for event in self.repeats.end() {
            self.broker.pal.note(&self.subject, event);
        }
        for secret in &ended.wiped {
            self.broker.pal.note(&self.subject, Event::secret_wiped(&**secret, None));
        }
        for (name, finds) in self.redaction.end() {
            self.broker.pal.note(&self.subject, Event::output_redacted(name, finds));
        }
        let beyond = self.lines.load(Ordering::Acquire).saturating_sub(RECORDED_LINES);
        if beyond > 0 {
            let length = self.unrecorded.load(Ordering::Acquire);
            self.broker.pal.note(&self.subject, Event::skill_logged_more(beyond, length));
        }
        let duration = now().duration_since(self.admitted);
        // Says of a task that had too many how many they are.
        let too_many = matches!(self.stopped.get(), Some(Stop::Records));
        let count = too_many.then(|| self.recorded.load(Ordering::Acquire));
        Some((Event::task_finished(outcome, reason, count, duration), ended))
    }

    /// Wipes what is the task's own, and answers with what had a value.
    fn wipe(&self, own: &ScopeSubject) -> Closed {
        let mut ended = self.broker.cache.close(own);
        let derived = std::mem::take(&mut *self.derived.lock());
        ended.wiped.extend(derived.iter().filter_map(Weak::upgrade).filter(|secret| secret.wipe(Gone::ScopeEnded)));
        ended
    }
}

impl Session {
    /// Whether the task has ended. Nothing is answered from then on.
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Ends the task as [`finish`](Self::finish) does, without waiting for the record, whoever still
    /// holds the session. Does nothing if the task has ended.
    pub fn abandon(&self, outcome: Outcome, reason: Option<Reason>) {
        let Some((event, ended)) = self.end(outcome, reason) else { return };
        self.broker.pal.note(&self.subject, event);
        // Nobody waits for it any more; a ledger knows of what is not ended before the process does.
        if let (true, Ok(runtime)) = (ended.owner.is_some(), tokio::runtime::Handle::try_current()) {
            let (broker, subject) = (self.broker.clone(), self.subject.clone());
            runtime.spawn(async move { broker.revoke(ended, &subject, None).await });
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.abandon(Outcome::Cancelled, None);
    }
}
