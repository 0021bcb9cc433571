//! An authorized request, until its result and the use of its secrets are recorded.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use far_capability::Permit;

use super::{SecretError, Session, Stop};
use crate::clock::now;
use crate::pal::{DestinationLabel, EgressEnd, EgressReason, Event, Outcome, SecretUse, SendState, Transfer};
use crate::secret::{EndReason, Secret};

/// An authorized request. A request that is dropped before its end is recorded as canceled.
///
/// # Security
///
/// An event is recorded after the fact that it reports. A use is returned only if no byte of the
/// request was sent.
pub struct Exchange {
    session: Arc<Session>,
    destination: DestinationLabel,
    /// The secrets whose use is not recorded yet.
    carried: Vec<SealedSecret>,
    started: Instant,
    transfer: Transfer,
    finished: bool,
    /// Events to record, in order.
    pending: VecDeque<Event>,
}

/// A secret that a request carries.
pub(super) struct SealedSecret {
    pub(super) secret: Arc<Secret>,
    pub(super) destination: DestinationLabel,
    /// The index of the permit, and its limit of uses.
    limit: Option<(usize, NonZeroU32)>,
    /// Set if a use was counted against the limit.
    taken: bool,
}

impl SealedSecret {
    pub(super) fn new(secret: Arc<Secret>, destination: DestinationLabel, permit: &Permit) -> Self {
        let limit = permit.max_uses.map(|max| (permit.index, max));
        Self { secret, destination, limit, taken: false }
    }

    pub(super) fn take_use(&mut self, session: &Session) -> Result<(), SecretError> {
        if let Some((index, max)) = self.limit {
            session.take_use(index, max)?;
            self.taken = true;
        }
        Ok(())
    }

    pub(super) fn return_use(&mut self, session: &Session) {
        if let Some(uses) = self.limit.and_then(|(index, _)| session.uses.get(index))
            && std::mem::take(&mut self.taken)
        {
            uses.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn event(&self, state: SecretUse) -> Event {
        Event::secret_used(&*self.secret, self.destination.clone(), state)
    }
}

impl Exchange {
    pub(super) fn new(
        session: &Arc<Session>,
        destination: DestinationLabel,
        carried: Vec<SealedSecret>,
        started: Instant,
    ) -> Self {
        Self {
            session: session.clone(),
            destination,
            carried,
            started,
            transfer: Transfer::new(),
            finished: false,
            pending: VecDeque::new(),
        }
    }

    /// Returns the events that must be accepted before the request leaves.
    pub(super) fn started_events(&self) -> Vec<Event> {
        self.carried.iter().map(|sealed| sealed.event(SecretUse::Started)).collect()
    }

    /// Returns the reason why one of the secrets has no value; `None` if all of them have one.
    pub(super) fn end_reason(&self) -> Option<EndReason> {
        let now = now();
        self.carried.iter().find_map(|sealed| sealed.secret.value(now).err())
    }

    /// Notes that a connection accepted the request, with a body of `body` bytes. From now on, it
    /// may have been sent.
    pub fn mark_sending(&mut self, body: u64) {
        (self.transfer.sent, self.transfer.bytes_sent) = (SendState::Unknown, body);
    }

    /// Records the status of the response: the secrets were sent.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn record_response(&mut self, status: u16) -> Result<(), Stop> {
        (self.transfer.sent, self.transfer.status) = (SendState::Yes, Some(status));
        self.settle_uses(None);
        self.record_pending().await
    }

    /// Adds `bytes` to the received length of the response body.
    pub fn count_received(&mut self, bytes: u64) {
        self.transfer.bytes_received = self.transfer.bytes_received.saturating_add(bytes);
    }

    /// Records that the response is complete, whatever its status.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn finish(mut self) -> Result<(), Stop> {
        self.end(EgressEnd::Completed, None);
        self.record_pending().await
    }

    /// Notes that the response is complete, where no record can be awaited.
    pub fn note_finished(mut self) {
        // `drop` notes the events.
        self.end(EgressEnd::Completed, None);
    }

    /// Records the reason why the response is missing or incomplete, and updates the send state.
    /// `None` leaves the state unchanged.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn fail(mut self, reason: EgressReason, sent: Option<SendState>) -> Result<(), Stop> {
        self.transfer.sent = sent.unwrap_or(self.transfer.sent);
        self.end(EgressEnd::Failed(reason), Some(reason.token()));
        self.record_pending().await
    }

    /// Records a failure before anything was sent, with a separate reason for the secret's event.
    pub(super) async fn fail_unsent(mut self, secret: &'static str, reason: EgressReason) -> Result<(), Stop> {
        self.end(EgressEnd::Failed(reason), Some(secret));
        self.record_pending().await
    }

    /// Queues a use event for each secret, and returns the uses of secrets that were not sent.
    fn settle_uses(&mut self, reason: Option<&'static str>) {
        let state = match self.transfer.sent {
            SendState::No => SecretUse::Failed(reason),
            SendState::Unknown => SecretUse::Unknown(reason),
            SendState::Yes => SecretUse::Completed,
        };
        for mut sealed in std::mem::take(&mut self.carried) {
            if self.transfer.sent == SendState::No {
                sealed.return_use(&self.session);
            }
            self.pending.push_back(sealed.event(state));
        }
    }

    fn end(&mut self, end: EgressEnd, secret: Option<&'static str>) {
        self.settle_uses(secret);
        self.finished = true;
        let took = now().duration_since(self.started);
        self.pending.push_back(Event::egress_finished(self.destination.clone(), end, self.transfer, took));
    }

    /// Records the pending events in order. If the caller stops waiting, `drop` notes the rest.
    async fn record_pending(&mut self) -> Result<(), Stop> {
        while let Some(event) = self.pending.pop_front() {
            self.session.record_fact(event).await?;
        }
        Ok(())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.finished {
            let reason = Outcome::Cancelled.as_str();
            self.end(EgressEnd::Cancelled, Some(reason));
        }
        for event in self.pending.drain(..) {
            self.session.broker.pal.note(&self.session.subject, event);
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("sent", &self.transfer.sent).finish_non_exhaustive()
    }
}
