//! One cache entry: the current version, the previous versions, and the fetch in flight.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_capability::ProviderId;

use super::cache_key::{CacheKey, FetchError};
use crate::pal::CacheState;
use crate::provider::LeaseId;
use crate::secret::Secret;
use crate::single_flight::{Answer, InFlight};

/// The wait for a fetch in flight.
pub(super) type FetchAnswer = Answer<Result<Arc<Secret>, FetchError>>;

pub(super) struct Slot {
    pub(super) key: CacheKey,
    pub(super) current: Option<CachedEntry>,
    pub(super) previous: Vec<PreviousVersion>,
    pub(super) in_flight: Option<InFlightFetch>,
}

/// A fetch that has not completed.
pub(super) struct InFlightFetch {
    /// The id by which the cache recognizes the fetch when it completes.
    pub(super) id: u64,
    pub(super) fetch: InFlight<Result<Arc<Secret>, FetchError>>,
}

/// A version that `current` replaced. It ends with its scope.
pub(super) struct PreviousVersion {
    /// Kept alive by handles only, until the secret expires.
    pub(super) secret: Weak<Secret>,
    /// Set for a leased secret: a task can use a revealed value without a handle, so the secret
    /// stays until its lease is revoked.
    leased: Option<Arc<Secret>>,
}

/// The current version of an entry.
#[derive(Clone)]
pub(super) struct CachedEntry {
    pub(super) secret: Arc<Secret>,
    /// The time of the last request to the backend.
    pub(super) checked_at: Instant,
    /// The error of that request.
    pub(super) last_error: Option<FetchError>,
}

impl CachedEntry {
    /// Returns the cache state that the event of a handle records.
    pub(super) fn state(&self, now: Instant) -> CacheState {
        if self.secret.is_stale(now) { CacheState::Stale } else { CacheState::Hit }
    }
}

impl Slot {
    pub(super) fn new(key: CacheKey) -> Self {
        Self { key, current: None, previous: Vec::new(), in_flight: None }
    }

    /// Replaces the current version. Returns the previous one, if it is another secret.
    pub(super) fn replace(&mut self, secret: &Arc<Secret>, now: Instant) -> Option<Arc<Secret>> {
        let previous = self.current.replace(CachedEntry { secret: secret.clone(), checked_at: now, last_error: None });
        let previous = previous.map(|current| current.secret).filter(|previous| !Arc::ptr_eq(previous, secret))?;
        if previous.version() == secret.version() {
            // A second read of one version: the first secret keeps its own expiry.
            self.retire(&previous);
            return Some(previous);
        }
        // A stale version was in use only because no newer one was known.
        let overlap = if previous.is_stale(now) { Duration::ZERO } else { self.key.policy.overlap() };
        previous.shorten(now.checked_add(overlap).unwrap_or(now), true);
        self.retire(&previous);
        Some(previous)
    }

    /// Removes the current version, because the backend confirmed that it is absent.
    pub(super) fn evict(&mut self) {
        if let Some(CachedEntry { secret, .. }) = self.current.take() {
            secret.shorten(secret.expires(), false);
            self.retire(&secret);
        }
    }

    /// Removes and returns all versions that are alive.
    pub(super) fn drain(&mut self) -> Vec<Arc<Secret>> {
        let current = self.current.take().map(|current| current.secret);
        let previous = self.previous.drain(..).filter_map(|previous| previous.secret.upgrade());
        current.into_iter().chain(previous).collect()
    }

    /// Returns the leases of all versions.
    pub(super) fn leases(&self) -> impl Iterator<Item = (ProviderId, LeaseId)> + '_ {
        let current = self.current.as_ref().map(|current| current.secret.clone());
        let previous = self.previous.iter().filter_map(|previous| previous.leased.clone());
        let secrets = current.into_iter().chain(previous);
        secrets.filter_map(|secret| Some((secret.provider().clone(), secret.lease()?.id.clone())))
    }

    fn retire(&mut self, previous: &Arc<Secret>) {
        self.previous.retain(PreviousVersion::is_live);
        let leased = previous.lease().is_some().then(|| previous.clone());
        self.previous.push(PreviousVersion { secret: Arc::downgrade(previous), leased });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.current.is_none() && self.in_flight.is_none() && !self.previous.iter().any(PreviousVersion::is_live)
    }
}

impl PreviousVersion {
    fn is_live(&self) -> bool {
        self.leased.is_some() || self.secret.strong_count() > 0
    }
}
