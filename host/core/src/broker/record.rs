//! Records of a task, and the end of a task after a rejected record, a violation or too many
//! records.

use std::sync::atomic::Ordering;

use far_capability::{DenyReason, Operation};
use tokio::sync::Notify;

use super::{AccessError, Session, Stop, Violation};
use crate::pal::{Event, SecretLabel};

impl Session {
    /// Step 5. A record that is not accepted ends the task, and so does a record beyond the limit.
    pub(super) async fn record(&self, event: Event) -> Result<(), Stop> {
        self.ensure_unfinished()?;
        if self.record_count.load(Ordering::Acquire) >= self.context.records {
            return Err(self.stop(Stop::Records));
        }
        self.record_fact(event).await
    }

    /// Refuses every call after the task's end, without a record: the end is the last record.
    pub(super) fn ensure_unfinished(&self) -> Result<(), Stop> {
        if self.is_finished() { Err(self.stop_reason().cloned().unwrap_or(Stop::Ended)) } else { Ok(()) }
    }

    /// Records an event that has happened already, regardless of the limit.
    pub(super) async fn record_fact(&self, event: Event) -> Result<(), Stop> {
        self.record_count.fetch_add(1, Ordering::AcqRel);
        match self.broker.pal.record(&self.subject, event).await {
            Ok(()) => Ok(()),
            Err(unavailable) => Err(self.stop(unavailable.into())),
        }
    }

    /// Poisons the session. The first reason stays.
    pub(super) fn stop(&self, stop: Stop) -> Stop {
        let stop = self.stop_reason.get_or_init(|| stop).clone();
        // A violation notifies when it is recorded.
        if matches!(stop, Stop::Audit(_) | Stop::Records) {
            self.cancelled.notify_waiters();
        }
        stop
    }

    /// Records a violation, and poisons the session. The violation ends the task even if the record
    /// is not accepted. After the task's end, nothing is recorded: a late call is not the guest's
    /// fault.
    pub(super) async fn record_violation(
        &self,
        secret: SecretLabel,
        operation: Option<Operation>,
        reason: DenyReason,
    ) -> AccessError {
        if let Err(stop) = self.ensure_unfinished() {
            return stop.into();
        }
        let event = Event::secret_denied(secret.clone(), operation, reason);
        let stop = self.stop(Violation { secret, operation, reason }.into());
        // The drop notifies even if the caller stops waiting for the record.
        let notifier = NotifyOnDrop(&self.cancelled);
        let _ = self.broker.pal.record(&self.subject, event).await;
        drop(notifier);
        AccessError::Stopped(stop)
    }
}

/// Notifies the waiters when it is dropped.
struct NotifyOnDrop<'a>(&'a Notify);

impl Drop for NotifyOnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}
