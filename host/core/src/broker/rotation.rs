//! Versions that take each other's place, while tasks use them.
//!
//! What a backend has for everybody is rotated once, whoever keeps it here: the backend is asked for another version where it makes
//! them, and everyone who keeps the secret reads it again. How old a version is the backend says, so that processes that share one
//! do not each rotate it. What a backend made for who asked is replaced for each, at its own time: [`life`](super::life).
//!
//! The version before answers those who hold it for as long as the catalog says, and is then wiped, and revoked where it has a lease.
//! Whoever asks meanwhile gets the new one: a value is one version's, whole.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_capability::{ProviderId, Reference, SecretName, Version, VersionSelector};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::sleep_until;

use super::Broker;
use super::call::{self, answered};
use super::place::{FetchError, Key, Place};
use super::wanted::Wanted;
use crate::clock::now;
use crate::pal::{AuditUnavailable, Cause, Event, SecretRef, Subject};
use crate::provider::{Description, ProviderError};
use crate::secret::Secret;

/// The longest pause after a rotation that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);
/// The longest that a process waits for others to rotate first.
const LONGEST_SPREAD: Duration = Duration::from_secs(60);

/// The secrets that have a schedule, with the version that the process saw last, and when it first did.
#[derive(Default)]
pub(super) struct Schedules(Mutex<HashMap<(ProviderId, Reference), (Version, Instant)>>);

/// What became of the values of a secret that were kept, when it was read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reread {
    /// How many there were: one for each who shares it.
    pub kept: usize,
    /// How many are of another version now.
    pub changed: usize,
    /// How many could not be read again, and are as they were.
    pub failed: usize,
}

impl Broker {
    /// Has a secret rotated by its catalog's schedule from now on, unless it is.
    pub(super) fn schedule(self: &Arc<Self>, place: &Place, secret: &Secret, subject: &Subject) {
        let Some(rotation) = place.plan.rotation.filter(|_| place.key.version == VersionSelector::Current) else {
            return;
        };
        if secret.lease().is_some() || !self.schedules.begin(&place.key, secret.version()) {
            return;
        }
        let schedule = Schedule {
            broker: Arc::downgrade(self),
            key: place.key.clone(),
            every: rotation.every,
            agent: Arc::new(Subject::agent(subject.agent_id.clone())),
        };
        tokio::spawn(schedule.run());
    }

    /// How long to wait after a rotation that failed.
    pub(super) fn pause_after(&self, every: Duration) -> Duration {
        (every / 10).clamp(self.settings.refresh_interval, LONGEST_PAUSE.max(self.settings.refresh_interval))
    }

    /// Has a backend make another version of what it has for everybody, and everyone who keeps it read it again. Without a version
    /// if the backend makes none.
    pub(super) async fn rotate_for_all(
        self: &Arc<Self>,
        key: &Key,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> Result<(Option<Version>, Reread), FetchError> {
        let provider = self.providers.get(&key.provider).ok_or(FetchError::Provider(ProviderError::Unavailable))?;
        self.request(&key.name, &key.provider, agent, cause).await.map_err(FetchError::Audit)?;
        let started = now();
        let rotate = async { provider.admin().ok_or(ProviderError::Unsupported)?.rotate(&key.reference).await };
        let rotated = match answered(self.settings.provider_deadline, rotate).await {
            Err(ProviderError::Unsupported) => Ok(None),
            made => {
                let secret = SecretRef::new(&key.name, &key.provider).with_version(made.as_ref().ok().cloned());
                let event = Event::secret_rotated(secret, call::completion(&made, started), cause);
                let recorded = self.pal.record(agent, event).await.map_err(FetchError::Audit);
                recorded.and(made.map(Some).map_err(FetchError::Provider))
            }
        };
        // Any other error may be of an answer that was lost: whoever keeps the version before would have one that is worth nothing.
        if matches!(&rotated, Err(FetchError::Provider(ProviderError::NotFound))) {
            return rotated.map(|version| (version, Reread::default()));
        }
        let same = |other: &Key| other.provider == key.provider && other.reference == key.reference;
        let reread = self.read_again(same, agent, cause).await;
        rotated.map(|version| (version, reread))
    }

    /// Has everyone who keeps the current version of these secrets read it again; what has a lease stays as it is.
    pub(super) async fn read_again(
        self: &Arc<Self>,
        is_wanted: impl Fn(&Key) -> bool,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> Reread {
        let kept = || self.cache.kept(|key| key.version == VersionSelector::Current && is_wanted(key));
        // A backend's client may answer several from one read: none of those may have begun before.
        join_all(kept().iter().filter_map(|(place, _)| self.cache.under_way(place))).await;
        let wanted = kept().into_iter().filter_map(|(place, secret)| match secret {
            None => Some((place, Wanted::Value)),
            Some(secret) => secret.lease().is_none().then_some((place, Wanted::Newer(secret))),
        });
        self.each(wanted, agent, cause).await
    }

    /// Reads several again at once.
    pub(super) async fn each(
        self: &Arc<Self>,
        wanted: impl Iterator<Item = (Place, Wanted)>,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> Reread {
        let again = wanted.map(|(place, wanted)| async move { self.again(&place, wanted, agent, cause).await });
        let mut reread = Reread::default();
        for changed in join_all(again).await {
            reread.kept += 1;
            reread.changed += usize::from(changed == Ok(true));
            reread.failed += usize::from(changed.is_err());
        }
        reread
    }

    /// Reads one again, and answers whether it is of another version now. What is under way was asked before, and may be of the
    /// version before: it is waited for first. What is not kept any more is not asked for.
    pub(super) async fn again(
        self: &Arc<Self>,
        place: &Place,
        wanted: Wanted,
        agent: &Arc<Subject>,
        cause: Cause,
    ) -> Result<bool, FetchError> {
        let on_its_way = match self.cache.under_way(place) {
            Some(flight) => flight.await.ok(),
            None => None,
        };
        let wanted = match (wanted, on_its_way) {
            (Wanted::Value, None) => return Ok(false),
            (Wanted::Value, Some(secret)) if secret.lease().is_some() => return Ok(false),
            (Wanted::Value | Wanted::Newer(_), Some(secret)) => Wanted::Newer(secret),
            // It was replaced meanwhile.
            (Wanted::Another(known), Some(secret)) if known.version() != secret.version() => return Ok(true),
            (wanted, _) => wanted,
        };
        let (Wanted::Newer(known) | Wanted::Another(known)) = &wanted else { return Ok(false) };
        let known = known.version().clone();
        self.request(&place.key.name, &place.key.provider, agent, cause).await.map_err(FetchError::Audit)?;
        if !self.cache.is_kept(place) {
            return Ok(false);
        }
        // Handed over: nobody but those who hold a handle is to keep the version before.
        let joined = self.fetch(place, wanted, agent, Some(cause)).map_err(FetchError::Provider)?;
        joined.flight.await.map(|secret| *secret.version() != known)
    }

    /// Records that a backend is about to be asked by the agent itself.
    pub(super) async fn request(
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
    /// Whether there is none yet for what this key is of; there is one from now on. Tells when a version is new to the process.
    fn begin(&self, key: &Key, version: &Version) -> bool {
        match self.0.lock().entry((key.provider.clone(), key.reference.clone())) {
            Entry::Vacant(place) => {
                place.insert((version.clone(), now()));
                true
            }
            Entry::Occupied(mut place) => {
                if place.get().0 != *version {
                    place.insert((version.clone(), now()));
                }
                false
            }
        }
    }

    /// When the process first saw the version that it saw last.
    fn seen(&self, key: &Key) -> Instant {
        let seen = self.0.lock();
        seen.get(&(key.provider.clone(), key.reference.clone())).map_or_else(now, |(_, seen)| *seen)
    }

    fn end(&self, key: &Key) {
        self.0.lock().remove(&(key.provider.clone(), key.reference.clone()));
    }
}

/// The rotation of one secret, for as long as somebody keeps it.
struct Schedule {
    broker: Weak<Broker>,
    key: Key,
    every: Duration,
    agent: Arc<Subject>,
}

impl Schedule {
    async fn run(self) {
        while let Some(broker) = self.broker.upgrade() {
            if broker.cache.kept(|key| *key == self.key).is_empty() {
                // Whoever asks for it next begins anew.
                return broker.schedules.end(&self.key);
            }
            let rest = match self.due(&broker).await {
                Some(due) if due > now() => due.checked_add(self.spread()),
                Some(_) => {
                    let rotated = broker.rotate_for_all(&self.key, &self.agent, Cause::Schedule).await;
                    let pause = if rotated.is_ok() { self.every } else { broker.pause_after(self.every) };
                    now().checked_add(pause)
                }
                None => now().checked_add(broker.pause_after(self.every)),
            };
            let Some(rest) = rest else { return broker.schedules.end(&self.key) };
            drop(broker);
            sleep_until(rest.into()).await;
        }
    }

    /// When the version will be as old as it may get: as its backend says, or else by when this process first saw it. Nothing if the
    /// backend does not answer, which would rotate what a neighbour just has.
    async fn due(&self, broker: &Arc<Broker>) -> Option<Instant> {
        let seen = broker.schedules.seen(&self.key);
        let by_sight = seen.checked_add(self.every);
        let provider = broker.providers.get(&self.key.provider)?;
        let described =
            async { provider.admin().ok_or(ProviderError::Unsupported)?.describe(&self.key.reference).await };
        match answered(broker.settings.provider_deadline, described).await {
            Ok(Description { age: Some(age), .. }) => now().checked_add(self.every.saturating_sub(age)),
            Ok(_) | Err(ProviderError::Unsupported) => by_sight,
            Err(_) => None,
        }
    }

    /// How long it waits beyond that, at random: processes that share a secret are not to find it old at the same moment.
    fn spread(&self) -> Duration {
        let mut bits = [0_u8; 4];
        // Without random numbers, all wait as long.
        let _ = getrandom::fill(&mut bits);
        let share = f64::from(u32::from_le_bytes(bits)) / f64::from(u32::MAX);
        (self.every / 20).min(LONGEST_SPREAD).mul_f64(share)
    }
}
