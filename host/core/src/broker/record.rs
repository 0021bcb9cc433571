//! Records of a task, and the end of a task after a rejected record, a violation or too many
//! records.

use std::sync::atomic::Ordering;

use far_capability::{DenyReason, Operation};
use tokio::sync::Notify;

use super::{AccessError, Session, Stop, Violation};
use crate::pal::{Event, SecretLabel};

impl Session {
    /// Step 5. A record that is not accepted ends the task, and so does one more than it may have.
    pub(super) async fn record(&self, event: Event) -> Result<(), Stop> {
        self.ensure_unfinished()?;
        if self.recorded.load(Ordering::Acquire) >= self.context.records {
            return Err(self.stop(Stop::Records));
        }
        self.record_fact(event).await
    }

    /// Refuses whatever comes after the task's end, without a record: the last one of a task is its end.
    pub(super) fn ensure_unfinished(&self) -> Result<(), Stop> {
        if self.is_finished() { Err(self.stopped().cloned().unwrap_or(Stop::Ended)) } else { Ok(()) }
    }

    /// Records an event that has happened already, however many records the task had.
    pub(super) async fn record_fact(&self, event: Event) -> Result<(), Stop> {
        self.recorded.fetch_add(1, Ordering::AcqRel);
        match self.broker.pal.record(&self.subject, event).await {
            Ok(()) => Ok(()),
            Err(unavailable) => Err(self.stop(unavailable.into())),
        }
    }

    /// Poisons the session. The first reason stays.
    pub(super) fn stop(&self, stop: Stop) -> Stop {
        let stop = self.stopped.get_or_init(|| stop).clone();
        // A violation is told when it is recorded.
        if matches!(stop, Stop::Audit(_) | Stop::Records) {
            self.halted.notify_waiters();
        }
        stop
    }

    /// Records a violation, and poisons the session. The violation ends the task even if the record
    /// is not accepted. After the task's end, there is none: the caller may be late through no fault of the guest's.
    pub(super) async fn violate(
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
        // Notifies however the wait for the record ends: the caller may be gone earlier.
        let told = Told(&self.halted);
        let _ = self.broker.pal.record(&self.subject, event).await;
        drop(told);
        AccessError::Stopped(stop)
    }
}

/// Notifies the waiters when it is dropped.
struct Told<'a>(&'a Notify);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}
