//! Steps 3 and 4: from the cache, or from the provider.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{Version, VersionSelector};
use far_memory::OverQuota;

use super::Broker;
use super::cache::{Joined, Settled};
use super::call::{self, answered, release};
use super::life::end_in_time;
use super::place::{FetchError, Key, Place};
use super::slot::Ready;
use super::wanted::Wanted;
use crate::clock::{self, now};
use crate::pal::{Cause, Completion, Event, SecretRef, Subject};
use crate::provider::{Fetched, Lease, ProviderError, Refreshed, SecretOwner, SecretProvider};
use crate::secret::{Gone, Secret};

/// The longest time that a value is kept, whatever the catalog says: an instant beyond it may not exist.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A fetch as it is described to the flight that does it.
struct Errand {
    broker: Arc<Broker>,
    provider: Arc<dyn SecretProvider>,
    place: Place,
    wanted: Wanted,
    /// Who asked first: the fetch is recorded as this task's.
    subject: Arc<Subject>,
    /// Why, where no task asked.
    cause: Option<Cause>,
    /// The owner of a dynamic secret.
    owner: SecretOwner,
    /// Which flight it is.
    number: u64,
}

impl Broker {
    /// The cached secret, if there is one that can be used.
    pub(super) fn cached(&self, place: &Place, now: std::time::Instant) -> Option<Ready> {
        self.cache.lookup(place, now)
    }

    /// Joins the flight for a secret, or starts one. What it brings for a task of its own is counted against the quota.
    pub(super) fn fetch(
        self: &Arc<Self>,
        place: &Place,
        wanted: Wanted,
        subject: &Arc<Subject>,
        cause: Option<Cause>,
    ) -> Result<Joined, ProviderError> {
        let provider = self.providers.get(&place.key.provider).ok_or(ProviderError::Unavailable)?.clone();
        let errand = |owner, number| Errand {
            broker: self.clone(),
            provider,
            place: place.clone(),
            wanted,
            subject: subject.clone(),
            cause,
            owner,
            number,
        };
        // A task that has ended gets what a flight that ended with it gets: no answer.
        self.cache.join(place, |owner, number| errand(owner, number).run()).ok_or(ProviderError::Unavailable)
    }
}

impl Errand {
    async fn run(mut self) -> Result<Arc<Secret>, FetchError> {
        let started = now();
        let result = match answered(self.broker.settings.provider_deadline, self.call()).await {
            // A backend that answers with another version than the one asked for does not get past the grant's rule.
            Ok(Refreshed::Changed(fetched)) if !self.asked_for(&fetched.version) => {
                self.give_back(fetched.lease).await;
                Err(FetchError::Provider(ProviderError::Invalid))
            }
            Ok(Refreshed::Changed(fetched)) => {
                let lease = fetched.lease.clone();
                let kept = self.keep(fetched).map_err(FetchError::OverQuota);
                if kept.is_err() {
                    self.give_back(lease).await;
                }
                kept
            }
            Ok(Refreshed::Unchanged) => self.known().cloned().ok_or(FetchError::Provider(ProviderError::Invalid)),
            Err(error) => Err(FetchError::Provider(error)),
        };
        let recorded = self.broker.pal.record(&self.subject, self.event(&result, clock::since(started))).await;
        let brought = result.clone();
        let result = recorded.map_err(FetchError::Audit).and(result);
        let (now, interval) = (now(), self.broker.settings.refresh_interval);
        let again = now.checked_add(interval).unwrap_or(now);
        let settled = self.broker.cache.settle(&self.place, self.number, &result, now, again);
        let result = match (settled, result) {
            (Settled::Kept(before), result) => {
                if let Some(before) = before {
                    self.let_go(before);
                }
                result
            }
            (Settled::Nobodys, Ok(_)) => Err(FetchError::Provider(ProviderError::Unavailable)),
            (Settled::Nobodys, Err(error)) => Err(error),
        };
        match (&result, brought) {
            (Ok(secret), _) => self.broker.schedule(&self.place, secret, &self.subject),
            (Err(_), Ok(secret)) => self.take_away(secret).await,
            (Err(_), Err(_)) => {}
        }
        result
    }

    /// Lets go of the version before. Where nobody has a handle to it, it is gone with that, and that is recorded here: otherwise it
    /// is when its time is over.
    fn let_go(&mut self, before: Arc<Secret>) {
        let event = Event::secret_wiped(&*before, Some(Cause::Rotation));
        let left = Arc::downgrade(&before);
        drop(before);
        self.wanted = Wanted::Value;
        if left.strong_count() == 0 {
            self.broker.pal.note(&self.subject, event);
        }
    }

    /// Wipes what may not be given out, since that could not be recorded, or since there is nobody any more whom it is for.
    async fn take_away(&self, secret: Arc<Secret>) {
        let is_known = self.known().is_some_and(|known| Arc::ptr_eq(known, &secret));
        if !is_known && secret.wipe(Gone::Revoked) {
            self.give_back(secret.lease().cloned()).await;
        }
    }

    /// Ends what was made, and is not kept.
    async fn give_back(&self, lease: Option<Lease>) {
        let Some(lease) = lease else { return };
        let started = now();
        let ended = release(&*self.provider, &lease.id, self.broker.settings.revoke_deadline).await;
        let secret = SecretRef::new(&self.place.key.name, &self.place.key.provider);
        let event = Event::secret_revoked(secret, call::completion(&ended, started), self.cause);
        self.broker.pal.note(&self.subject, event);
    }

    fn known(&self) -> Option<&Arc<Secret>> {
        match &self.wanted {
            Wanted::Value => None,
            Wanted::Newer(known) | Wanted::Another(known) => Some(known),
        }
    }

    fn asked_for(&self, version: &Version) -> bool {
        match &self.place.key.version {
            VersionSelector::Current => true,
            VersionSelector::Exactly(asked_for) => asked_for == version,
        }
    }

    async fn call(&self) -> Result<Refreshed, ProviderError> {
        let Key { reference, .. } = &self.place.key;
        match &self.wanted {
            Wanted::Value => self.read().await.map(Refreshed::Changed),
            Wanted::Newer(known) => match known.lease() {
                // Asking again would have another one made.
                Some(_) => Ok(Refreshed::Unchanged),
                // That it is still the one would not make it last longer.
                None if !known.is_usable(now()) => self.read().await.map(Refreshed::Changed),
                None => self.provider.refresh_secret(reference, known.version()).await,
            },
            Wanted::Another(known) => {
                let lease = known.lease().ok_or(ProviderError::Unsupported)?;
                let dynamic = self.provider.dynamic().ok_or(ProviderError::Unsupported)?;
                dynamic.reissue(reference, &lease.id, &self.owner).await.map(Refreshed::Changed)
            }
        }
    }

    /// Reads the value. A provider of dynamic secrets decides by the reference whether it issues one.
    async fn read(&self) -> Result<Fetched, ProviderError> {
        let Key { reference, version, .. } = &self.place.key;
        match self.provider.dynamic() {
            Some(dynamic) => dynamic.issue(reference, version, &self.owner).await,
            None => self.provider.get_secret(reference, version).await,
        }
    }

    fn keep(&self, fetched: Fetched) -> Result<Arc<Secret>, OverQuota> {
        let Fetched { value, version, ttl, lease } = fetched;
        let Place { key, plan, quota, .. } = &self.place;
        let value = match quota {
            Some(quota) => value.charged_to(quota)?,
            None => value,
        };
        let (now, most) = (now(), plan.ttl.min(LONGEST));
        let expires = now + ttl.map_or(most, |ttl| ttl.min(most));
        let secret = Secret::new(key.name.clone(), version, key.provider.clone(), expires, value);
        let secret = Arc::new(secret.leased(lease, now + most).kept_for(plan.stale.min(LONGEST)));
        end_in_time(&secret, &self.broker, Some(self.place.clone()), &self.subject);
        Ok(secret)
    }

    fn event(&self, result: &Result<Arc<Secret>, FetchError>, duration: Duration) -> Event {
        let event = match &self.wanted {
            Wanted::Value => Event::secret_fetched,
            Wanted::Newer(_) => Event::secret_refreshed,
            Wanted::Another(_) => Event::secret_reissued,
        };
        let Key { name, provider, .. } = &self.place.key;
        let secret =
            result.as_ref().map_or_else(|_| SecretRef::new(name, provider), |secret| SecretRef::from(&**secret));
        event(secret, Completion::new(result.as_ref().err().map(FetchError::kind), duration), self.cause)
    }
}
