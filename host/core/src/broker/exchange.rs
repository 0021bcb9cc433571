//! A request that was let out, until its end is recorded: the fate of its secrets, and the result.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use far_capability::Permit;

use super::{SecretError, Session, Stop};
use crate::clock::now;
use crate::pal::{DestinationLabel, EgressEnd, EgressReason, Event, Outcome, SecretUse, Sent, Transfer};
use crate::secret::{Gone, Secret};

/// A request that was let out. A request that is dropped before it ends is recorded as cancelled.
///
/// # Security
///
/// An event is recorded after the fact that it reports. A use is given back only if nothing of the
/// request was sent.
pub struct Exchange {
    session: Arc<Session>,
    destination: DestinationLabel,
    /// Secrets of which it is not recorded yet whether they left.
    carried: Vec<Carried>,
    started: Instant,
    transfer: Transfer,
    over: bool,
    /// Events to be recorded, in their order.
    pending: VecDeque<Event>,
}

/// A secret that a request carries.
pub(super) struct Carried {
    pub(super) secret: Arc<Secret>,
    pub(super) destination: DestinationLabel,
    /// The permit's place among those of its task, and its limit, if it has one.
    limit: Option<(usize, NonZeroU32)>,
    /// Whether one of the limited uses was taken.
    taken: bool,
}

impl Carried {
    pub(super) fn new(secret: Arc<Secret>, destination: DestinationLabel, permit: &Permit) -> Self {
        let limit = permit.max_uses.map(|most| (permit.index, most));
        Self { secret, destination, limit, taken: false }
    }

    pub(super) fn take_use(&mut self, session: &Session) -> Result<(), SecretError> {
        if let Some((index, most)) = self.limit {
            session.take_use(index, most)?;
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
        carried: Vec<Carried>,
        started: Instant,
    ) -> Self {
        Self {
            session: session.clone(),
            destination,
            carried,
            started,
            transfer: Transfer::new(),
            over: false,
            pending: VecDeque::new(),
        }
    }

    /// The events that must be accepted before the request leaves.
    pub(super) fn uses(&self) -> Vec<Event> {
        self.carried.iter().map(|one| one.event(SecretUse::Started)).collect()
    }

    /// Returns the reason why one of the secrets no longer has a value; `None` if all of them have
    /// one.
    pub(super) fn gone(&self) -> Option<Gone> {
        let now = now();
        self.carried.iter().find_map(|one| one.secret.value(now).err())
    }

    /// Notes that a connection takes the request, with a body of `body` bytes. From now on, it may
    /// have been sent.
    pub fn sending(&mut self, body: u64) {
        (self.transfer.sent, self.transfer.bytes_sent) = (Sent::Unknown, body);
    }

    /// Records that the server answered with this status: the secrets left.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn answered(&mut self, status: u16) -> Result<(), Stop> {
        (self.transfer.sent, self.transfer.status) = (Sent::Yes, Some(status));
        self.settle(None);
        self.record_pending().await
    }

    /// Notes that so many more bytes of the answer's body arrived.
    pub fn received(&mut self, bytes: u64) {
        self.transfer.bytes_received = self.transfer.bytes_received.saturating_add(bytes);
    }

    /// Records that the answer is there as a whole, whatever its status.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn finish(mut self) -> Result<(), Stop> {
        self.end(EgressEnd::Completed, None);
        self.record_pending().await
    }

    /// The same where nothing can wait for the record.
    pub fn note_finished(mut self) {
        // It is noted as this is dropped.
        self.end(EgressEnd::Completed, None);
    }

    /// Records the reason why the response is missing or incomplete, and how much is known to have
    /// been sent. `None` leaves that unchanged.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn fail(mut self, reason: EgressReason, sent: Option<Sent>) -> Result<(), Stop> {
        self.transfer.sent = sent.unwrap_or(self.transfer.sent);
        self.end(EgressEnd::Failed(reason), Some(reason.token()));
        self.record_pending().await
    }

    /// The same before anything was sent, with a reason of the secret's own.
    pub(super) async fn fail_for(mut self, secret: &'static str, reason: EgressReason) -> Result<(), Stop> {
        self.end(EgressEnd::Failed(reason), Some(secret));
        self.record_pending().await
    }

    /// Queues an event for each secret that says whether it left. Gives back the uses of secrets
    /// that did not leave.
    fn settle(&mut self, reason: Option<&'static str>) {
        let state = match self.transfer.sent {
            Sent::No => SecretUse::Failed(reason),
            Sent::Unknown => SecretUse::Unknown(reason),
            Sent::Yes => SecretUse::Completed,
        };
        for mut one in std::mem::take(&mut self.carried) {
            if self.transfer.sent == Sent::No {
                one.return_use(&self.session);
            }
            self.pending.push_back(one.event(state));
        }
    }

    fn end(&mut self, end: EgressEnd, secret: Option<&'static str>) {
        self.settle(secret);
        self.over = true;
        let took = now().duration_since(self.started);
        self.pending.push_back(Event::egress_finished(self.destination.clone(), end, self.transfer, took));
    }

    /// Records the pending events in order. If the caller stops waiting, the current event and
    /// those behind it are noted.
    async fn record_pending(&mut self) -> Result<(), Stop> {
        while let Some(event) = self.pending.pop_front() {
            self.session.record_fact(event).await?;
        }
        Ok(())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.over {
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
