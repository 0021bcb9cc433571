//! Versions that take each other's place, while tasks use them.
//!
//! What a backend has for everybody is rotated once, whoever keeps it here: the backend is asked for another version where it makes
//! them, and everyone who keeps the secret reads it again. How old a version is the backend says, so that processes that share one
//! do not each rotate it. What a backend made for who asked is replaced for each, at its own time: [`life`](super::life).
//!
//! The version before answers those who hold it for as long as the catalog says, and is then wiped, and revoked where it has a lease.
//! Whoever asks meanwhile gets the new one: a value is one version's, whole.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::{sleep_until, timeout};

use super::Broker;
use super::cache::{FetchError, Key, Place};
use super::fetch::{Wanted, now};
use crate::identity::ProviderId;
use crate::name::SecretName;
use crate::pal::{AuditUnavailable, Cause, Event, EventKind, Outcome, Reason, SecretLabel, Subject};
use crate::provider::{ProviderError, Reference};
use crate::version::{Version, VersionSelector};

/// The longest pause after a rotation that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// The secrets that have a schedule, and when the process last saw that a version of theirs was new.
#[derive(Default)]
pub(super) struct Schedules(Mutex<HashMap<(ProviderId, Reference), Instant>>);

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
    pub(super) fn schedule(self: &Arc<Self>, place: &Place, subject: &Subject) {
        let Some(rotation) = place.plan.rotation.filter(|_| place.key.version == VersionSelector::Current) else {
            return;
        };
        let key = (place.key.provider.clone(), place.key.reference.clone());
        let mut scheduled = self.schedules.0.lock();
        if scheduled.contains_key(&key) {
            return;
        }
        let kept = self.cache.kept(|other| *other == place.key);
        if kept.iter().any(|(_, secret)| secret.as_ref().is_some_and(|secret| secret.lease().is_some())) {
            return;
        }
        scheduled.insert(key, now());
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
        let rotated = timeout(self.settings.provider_deadline, provider.rotate(&key.reference)).await;
        let rotated = match rotated.unwrap_or(Err(ProviderError::Timeout)) {
            Err(ProviderError::Unsupported) => None,
            made => {
                let event = Event {
                    secret_name: Some(SecretLabel::Listed(key.name.clone())),
                    secret_version: made.as_ref().ok().cloned(),
                    provider: Some(key.provider.clone()),
                    cause: Some(cause),
                    outcome: Some(if made.is_ok() { Outcome::Completed } else { Outcome::Failed }),
                    reason: made.as_ref().err().map(|error| Reason::Token(error.kind())),
                    duration: Some(now().duration_since(started)),
                    ..Event::new(EventKind::SecretRotated)
                };
                self.pal.record(agent, event).await.map_err(FetchError::Audit)?;
                Some(made.map_err(FetchError::Provider)?)
            }
        };
        self.schedules.saw_new(key);
        let same = |other: &Key| other.provider == key.provider && other.reference == key.reference;
        Ok((rotated, self.read_again(same, agent, cause).await))
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
            // Which one it is to take the place of is said by its lease.
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
        let event = Event {
            secret_name: Some(SecretLabel::Listed(name.clone())),
            provider: Some(provider.clone()),
            cause: Some(cause),
            ..Event::new(EventKind::SecretRequested)
        };
        self.pal.record(agent, event).await
    }
}

impl Schedules {
    fn saw_new(&self, key: &Key) {
        if let Some(seen) = self.0.lock().get_mut(&(key.provider.clone(), key.reference.clone())) {
            *seen = now();
        }
    }

    fn seen(&self, key: &Key) -> Instant {
        self.0.lock().get(&(key.provider.clone(), key.reference.clone())).copied().unwrap_or_else(now)
    }
}

/// The rotation of one secret, for as long as the broker is there.
struct Schedule {
    broker: Weak<Broker>,
    key: Key,
    every: Duration,
    agent: Arc<Subject>,
}

impl Schedule {
    async fn run(self) {
        while let Some(broker) = self.broker.upgrade() {
            let due = self.due(&broker).await;
            let rest = if due > now() {
                due
            } else {
                let rotated = broker.rotate_for_all(&self.key, &self.agent, Cause::Schedule).await;
                let pause = if rotated.is_ok() { self.every } else { broker.pause_after(self.every) };
                now().checked_add(pause).unwrap_or(due)
            };
            drop(broker);
            sleep_until(rest.into()).await;
        }
    }

    /// When the version will be as old as it may get: as its backend says, or else by when this process first saw it.
    async fn due(&self, broker: &Arc<Broker>) -> Instant {
        let seen = broker.schedules.seen(&self.key);
        let by_sight = seen.checked_add(self.every).unwrap_or(seen);
        let Some(provider) = broker.providers.get(&self.key.provider) else { return by_sight };
        let asked = timeout(broker.settings.provider_deadline, provider.describe_secret(&self.key.reference)).await;
        match asked {
            Ok(Ok(description)) => match description.age {
                Some(age) => now().checked_add(self.every.saturating_sub(age)).unwrap_or(by_sight),
                None => by_sight,
            },
            Ok(Err(_)) | Err(_) => by_sight,
        }
    }
}
