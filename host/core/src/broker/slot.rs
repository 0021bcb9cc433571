//! What one subject has of one secret: the version that is given out, those before it, and the flight that is under way.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_capability::ProviderId;

use super::place::{FetchError, Place};
use crate::pal::CacheState;
use crate::provider::LeaseId;
use crate::secret::Secret;
use crate::single_flight::{Answer, InFlight};

/// The wait for a fetch in flight.
pub(super) type Flight = Answer<Result<Arc<Secret>, FetchError>>;

pub(super) struct Slot {
    pub(super) place: Place,
    pub(super) ready: Option<Ready>,
    /// What `ready` took the place of.
    pub(super) replaced: Vec<Replaced>,
    pub(super) flight: Option<UnderWay>,
}

/// A flight that has not settled.
pub(super) struct UnderWay {
    /// Which one: what settles is this one, or nobody's.
    pub(super) number: u64,
    pub(super) fetch: InFlight<Result<Arc<Secret>, FetchError>>,
}

/// A version before the one that is given out: it ends with the subject too.
pub(super) struct Replaced {
    /// Its value is there for as long as handles keep it, and its time lasts.
    pub(super) secret: Weak<Secret>,
    /// What has a lease is there until that is revoked: a value that a task was given is used without a handle.
    leased: Option<Arc<Secret>>,
}

/// A fetched secret.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) secret: Arc<Secret>,
    /// When the backend was last asked for the value.
    pub(super) asked: Instant,
    /// Why it did not answer then.
    pub(super) failed: Option<FetchError>,
}

impl Ready {
    /// What it is told as, to those who are given it from here.
    pub(super) fn state(&self, now: Instant) -> CacheState {
        if self.secret.is_stale(now) { CacheState::Stale } else { CacheState::Hit }
    }
}

impl Slot {
    pub(super) fn of(place: Place) -> Self {
        Self { place, ready: None, replaced: Vec::new(), flight: None }
    }

    /// Gives this one out from now on, and answers with the one before.
    pub(super) fn keep(&mut self, secret: &Arc<Secret>, now: Instant) -> Option<Arc<Secret>> {
        let before = self.ready.replace(Ready { secret: secret.clone(), asked: now, failed: None });
        let before = before.map(|ready| ready.secret).filter(|before| !Arc::ptr_eq(before, secret))?;
        if before.version() == secret.version() {
            // It was read once more, and has its own time; nothing took its place.
            self.set_aside(&before);
            return Some(before);
        }
        // What was used beyond its time was so because there was no other.
        let overlap = if before.is_stale(now) { Duration::ZERO } else { self.place.plan.overlap() };
        before.end_by(now.checked_add(overlap).unwrap_or(now), true);
        self.set_aside(&before);
        Some(before)
    }

    /// Gives it out no more: its backend says that there is none.
    pub(super) fn evict(&mut self) {
        if let Some(Ready { secret, .. }) = self.ready.take() {
            secret.end_by(secret.expires(), false);
            self.set_aside(&secret);
        }
    }

    /// Everything that there is, and none of it is given out any more.
    pub(super) fn end(&mut self) -> Vec<Arc<Secret>> {
        let ready = self.ready.take().map(|ready| ready.secret);
        let replaced = self.replaced.drain(..).filter_map(|replaced| replaced.secret.upgrade());
        ready.into_iter().chain(replaced).collect()
    }

    /// What ends what there is in its backend.
    pub(super) fn leases(&self) -> impl Iterator<Item = (ProviderId, LeaseId)> + '_ {
        let ready = self.ready.as_ref().map(|ready| ready.secret.clone());
        let replaced = self.replaced.iter().filter_map(|replaced| replaced.leased.clone());
        let secrets = ready.into_iter().chain(replaced);
        secrets.filter_map(|secret| Some((secret.provider().clone(), secret.lease()?.id.clone())))
    }

    fn set_aside(&mut self, before: &Arc<Secret>) {
        self.replaced.retain(Replaced::is_there);
        let leased = before.lease().is_some().then(|| before.clone());
        self.replaced.push(Replaced { secret: Arc::downgrade(before), leased });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_none() && self.flight.is_none() && !self.replaced.iter().any(Replaced::is_there)
    }
}

impl Replaced {
    fn is_there(&self) -> bool {
        self.leased.is_some() || self.secret.strong_count() > 0
    }
}
