//! Rotation of static secrets while tasks use them.
//!
//! A static secret is rotated once for all scopes: the backend creates a version, and every scope
//! that caches the secret reads it again. The backend reports the age of a version, so that only
//! one of several processes rotates it. Dynamic secrets are reissued per owner, by
//! [`lifecycle`](super::lifecycle).
//!
//! Handles keep the previous version for its overlap; then it is wiped. New handles get the new
//! version.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_capability::{ProviderId, Reference, SecretName, Version, VersionSelector};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::sleep_until;

use super::Broker;
use super::cache_key::{CacheKey, EntryKey, FetchError};
use super::call::{self, with_deadline};
use super::fetch_mode::FetchMode;
use crate::clock::now;
use crate::pal::{AuditUnavailable, Cause, Event, SecretRef, Subject};
use crate::provider::{Description, ProviderError};
use crate::secret::Secret;

/// The longest pause after a rotation that failed.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(10 * 60);
/// The longest random delay of a rotation, in which another process may rotate first.
const JITTER_MAX: Duration = Duration::from_secs(60);

/// The scheduled secrets, with the latest version seen and the time at which it was first seen.
#[derive(Default)]
pub(super) struct Schedules(Mutex<HashMap<(ProviderId, Reference), (Version, Instant)>>);

/// The effect of a reread on the cached values of a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RereadReport {
    /// The number of cached values: one per scope.
    pub cached: usize,
    /// The number of values with another version now.
    pub changed: usize,
    /// The number of values that could not be read again, and are unchanged.
    pub failed: usize,
}

impl Broker {
    /// Starts the catalog's rotation schedule for a secret, unless it is running.
    pub(super) fn schedule(self: &Arc<Self>, key: &CacheKey, secret: &Secret, subject: &Subject) {
        let Some(rotation) = key.policy.rotation.filter(|_| key.entry.version == VersionSelector::Current) else {
            return;
        };
        if secret.lease().is_some() || !self.schedules.begin(&key.entry, secret.version()) {
            return;
        }
        let schedule = Schedule {
            broker: Arc::downgrade(self),
            key: key.entry.clone(),
            every: rotation.every,
            agent: Arc::new(Subject::agent(subject.agent_id.clone())),
        };
        tokio::spawn(schedule.run());
    }

    /// Returns the pause after a failed rotation.
    pub(super) fn retry_pause(&self, every: Duration) -> Duration {
        (every / 10).clamp(self.settings.refresh_interval, RETRY_PAUSE_MAX.max(self.settings.refresh_interval))
    }

    /// Has the backend create a version of a static secret, and reads it again for every scope that
    /// caches it. Returns no version if the backend creates none.
    pub(super) async fn rotate_static(
        self: &Arc<Self>,
        key: &EntryKey,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> Result<(Option<Version>, RereadReport), FetchError> {
        let provider = self.providers.get(&key.provider).ok_or(FetchError::Provider(ProviderError::Unavailable))?;
        self.record_request(&key.name, &key.provider, agent, cause).await.map_err(FetchError::Audit)?;
        let started = now();
        let rotate = async { provider.admin().ok_or(ProviderError::Unsupported)?.rotate(&key.reference).await };
        let rotated = match with_deadline(self.settings.provider_deadline, rotate).await {
            Err(ProviderError::Unsupported) => Ok(None),
            created => {
                let secret = SecretRef::new(&key.name, &key.provider).with_version(created.as_ref().ok().cloned());
                let event = Event::secret_rotated(secret, call::completion(&created, started), cause);
                let recorded = self.pal.record(agent, event).await.map_err(FetchError::Audit);
                recorded.and(created.map(Some).map_err(FetchError::Provider))
            }
        };
        // After any other error, the backend may have rotated: the cached version may be invalid.
        if matches!(&rotated, Err(FetchError::Provider(ProviderError::NotFound))) {
            return rotated.map(|version| (version, RereadReport::default()));
        }
        let same = |other: &EntryKey| other.provider == key.provider && other.reference == key.reference;
        let reread = self.reread_all(same, agent, cause).await;
        rotated.map(|version| (version, reread))
    }

    /// Reads the current version of the matching static secrets again, for every scope that caches
    /// them.
    pub(super) async fn reread_all(
        self: &Arc<Self>,
        is_match: impl Fn(&EntryKey) -> bool,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> RereadReport {
        let entries = || self.cache.find(|key| key.version == VersionSelector::Current && is_match(key));
        // A backend may share one read among callers. A read from before this request is too old.
        join_all(entries().iter().filter_map(|(key, _)| self.cache.in_flight(key))).await;
        let fetches = entries().into_iter().filter_map(|(key, secret)| match secret {
            None => Some((key, FetchMode::Read)),
            Some(secret) => secret.lease().is_none().then_some((key, FetchMode::Refresh(secret))),
        });
        self.reread_each(fetches, agent, cause).await
    }

    /// Reads several entries again, concurrently.
    pub(super) async fn reread_each(
        self: &Arc<Self>,
        fetches: impl Iterator<Item = (CacheKey, FetchMode)>,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> RereadReport {
        let rereads = fetches.map(|(key, mode)| async move { self.reread(&key, mode, agent, cause).await });
        let mut report = RereadReport::default();
        for changed in join_all(rereads).await {
            report.cached += 1;
            report.changed += usize::from(changed == Ok(true));
            report.failed += usize::from(changed.is_err());
        }
        report
    }

    /// Reads an entry again. Returns true if its version changed. Waits first for a fetch in
    /// flight, whose answer may be older than this request. Skips an entry that is not cached any
    /// more.
    pub(super) async fn reread(
        self: &Arc<Self>,
        key: &CacheKey,
        mode: FetchMode,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> Result<bool, FetchError> {
        let in_flight = match self.cache.in_flight(key) {
            Some(answer) => answer.await.ok(),
            None => None,
        };
        let mode = match (mode, in_flight) {
            (FetchMode::Read, None) => return Ok(false),
            (FetchMode::Read, Some(secret)) if secret.lease().is_some() => return Ok(false),
            (FetchMode::Read | FetchMode::Refresh(_), Some(secret)) => FetchMode::Refresh(secret),
            // The fetch in flight has replaced it already.
            (FetchMode::Reissue(known), Some(secret)) if known.version() != secret.version() => return Ok(true),
            (mode, _) => mode,
        };
        let (FetchMode::Refresh(known) | FetchMode::Reissue(known)) = &mode else { return Ok(false) };
        let known = known.version().clone();
        self.record_request(&key.entry.name, &key.entry.provider, agent, cause).await.map_err(FetchError::Audit)?;
        if !self.cache.contains(key) {
            return Ok(false);
        }
        // Moves `mode`: only handles may keep the previous version alive.
        let joined = self.fetch(key, mode, agent, Some(cause)).map_err(FetchError::Provider)?;
        joined.answer.await.map(|secret| *secret.version() != known)
    }

    /// Records a request of the agent to a backend, before the call.
    pub(super) async fn record_request(
        &self,
        name: &SecretName,
        provider: &ProviderId,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> Result<(), AuditUnavailable> {
        self.pal.record(agent, Event::secret_requested(name, provider, Some(cause))).await
    }
}

impl Schedules {
    /// Adds a schedule. Returns false if the secret has one. Notes the time of a version that is
    /// new.
    fn begin(&self, key: &EntryKey, version: &Version) -> bool {
        match self.0.lock().entry((key.provider.clone(), key.reference.clone())) {
            Entry::Vacant(vacant) => {
                vacant.insert((version.clone(), now()));
                true
            }
            Entry::Occupied(mut occupied) => {
                if occupied.get().0 != *version {
                    occupied.insert((version.clone(), now()));
                }
                false
            }
        }
    }

    /// Returns the time at which this process first saw the latest version.
    fn seen(&self, key: &EntryKey) -> Instant {
        let seen = self.0.lock();
        seen.get(&(key.provider.clone(), key.reference.clone())).map_or_else(now, |(_, seen)| *seen)
    }

    fn end(&self, key: &EntryKey) {
        self.0.lock().remove(&(key.provider.clone(), key.reference.clone()));
    }
}

/// The rotation schedule of one secret, which ends when no scope caches the secret.
struct Schedule {
    broker: Weak<Broker>,
    key: EntryKey,
    every: Duration,
    agent: Arc<Subject>,
}

impl Schedule {
    async fn run(self) {
        while let Some(broker) = self.broker.upgrade() {
            if broker.cache.find(|key| *key == self.key).is_empty() {
                // The next fetch starts a new schedule.
                return broker.schedules.end(&self.key);
            }
            let wake_at = match self.due(&broker).await {
                Some(due) if due > now() => due.checked_add(self.jitter()),
                Some(_) => {
                    let rotated = broker.rotate_static(&self.key, &self.agent, Cause::Schedule).await;
                    let pause = if rotated.is_ok() { self.every } else { broker.retry_pause(self.every) };
                    now().checked_add(pause)
                }
                None => now().checked_add(broker.retry_pause(self.every)),
            };
            let Some(wake_at) = wake_at else { return broker.schedules.end(&self.key) };
            drop(broker);
            sleep_until(wake_at.into()).await;
        }
    }

    /// Returns the time at which the version reaches its maximum age, by the backend's metadata or
    /// else by the time at which this process first saw it. Returns `None` if the backend does not
    /// answer: another process may have rotated the secret just now.
    async fn due(&self, broker: &Arc<Broker>) -> Option<Instant> {
        let seen = broker.schedules.seen(&self.key);
        let by_first_seen = seen.checked_add(self.every);
        let provider = broker.providers.get(&self.key.provider)?;
        let described =
            async { provider.admin().ok_or(ProviderError::Unsupported)?.describe(&self.key.reference).await };
        match with_deadline(broker.settings.provider_deadline, described).await {
            Ok(Description { age: Some(age), .. }) => now().checked_add(self.every.saturating_sub(age)),
            Ok(_) | Err(ProviderError::Unsupported) => by_first_seen,
            Err(_) => None,
        }
    }

    /// Returns a random delay, so that processes that share a secret do not rotate it together.
    fn jitter(&self) -> Duration {
        let mut bits = [0_u8; 4];
        // Without random numbers, every process waits equally long.
        let _ = getrandom::fill(&mut bits);
        let share = f64::from(u32::from_le_bytes(bits)) / f64::from(u32::MAX);
        (self.every / 20).min(JITTER_MAX).mul_f64(share)
    }
}
