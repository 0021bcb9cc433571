//! Steps 3 and 4: from the cache, or from the provider.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{Version, VersionSelector};
use far_memory::QuotaExceeded;

use super::Broker;
use super::cache::{FetchResult, JoinedFetch};
use super::cache_key::{CacheKey, EntryKey, FetchError};
use super::call::{self, release, with_deadline};
use super::fetch_mode::FetchMode;
use super::lifecycle::start_lifecycle;
use super::slot::CachedEntry;
use crate::clock::{self, now};
use crate::pal::{Cause, Completion, Event, SecretRef, Subject};
use crate::provider::{FetchedSecret, Lease, ProviderError, RefreshOutcome, SecretOwner, SecretProvider};
use crate::secret::{EndReason, Secret};

/// The upper bound of a TTL, so that an expiry is always a representable instant.
const TTL_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// One request to a backend, and its effect on the cache.
struct Fetch {
    broker: Arc<Broker>,
    provider: Arc<dyn SecretProvider>,
    key: CacheKey,
    mode: FetchMode,
    /// The task or agent that started the fetch; its events name this subject.
    subject: Arc<Subject>,
    /// The cause of a fetch that no task started.
    cause: Option<Cause>,
    owner: SecretOwner,
    /// The id of the fetch in the cache.
    id: u64,
}

impl Broker {
    /// Returns the cached secret, if it is usable.
    pub(super) fn lookup(&self, key: &CacheKey, now: std::time::Instant) -> Option<CachedEntry> {
        self.cache.lookup(key, now)
    }

    /// Joins the fetch in flight for a secret, or starts one. A value of task scope counts against
    /// the task's quota.
    pub(super) fn fetch(
        self: &Arc<Self>,
        key: &CacheKey,
        mode: FetchMode,
        subject: &Arc<Subject>,
        cause: Option<Cause>,
    ) -> Result<JoinedFetch, ProviderError> {
        let provider = self.providers.get(&key.entry.provider).ok_or(ProviderError::Unavailable)?.clone();
        let fetch = |owner, id| Fetch {
            broker: self.clone(),
            provider,
            key: key.clone(),
            mode,
            subject: subject.clone(),
            cause,
            owner,
            id,
        };
        // `None` is a task that has ended: the answer is the same as for its aborted fetches.
        self.cache.join(key, |owner, id| fetch(owner, id).run()).ok_or(ProviderError::Unavailable)
    }
}

impl Fetch {
    async fn run(mut self) -> Result<Arc<Secret>, FetchError> {
        let started = now();
        let result = match with_deadline(self.broker.settings.provider_deadline, self.call()).await {
            // The grant's version rule permits only the requested version.
            Ok(RefreshOutcome::Changed(fetched)) if !self.accepts(&fetched.version) => {
                self.release_lease(fetched.lease).await;
                Err(FetchError::Provider(ProviderError::Invalid))
            }
            Ok(RefreshOutcome::Changed(fetched)) => {
                let lease = fetched.lease.clone();
                let secret = self.build_secret(fetched).map_err(FetchError::QuotaExceeded);
                if secret.is_err() {
                    self.release_lease(lease).await;
                }
                secret
            }
            Ok(RefreshOutcome::Unchanged) => self.known().cloned().ok_or(FetchError::Provider(ProviderError::Invalid)),
            Err(error) => Err(FetchError::Provider(error)),
        };
        let recorded = self.broker.pal.record(&self.subject, self.event(&result, clock::since(started))).await;
        let fetched = result.clone();
        let result = recorded.map_err(FetchError::Audit).and(result);
        let (now, interval) = (now(), self.broker.settings.refresh_interval);
        let retry_at = now.checked_add(interval).unwrap_or(now);
        let outcome = self.broker.cache.complete(&self.key, self.id, &result, now, retry_at);
        let result = match (outcome, result) {
            (FetchResult::Applied(previous), result) => {
                if let Some(previous) = previous {
                    self.release_previous(previous);
                }
                result
            }
            (FetchResult::Discarded, Ok(_)) => Err(FetchError::Provider(ProviderError::Unavailable)),
            (FetchResult::Discarded, Err(error)) => Err(error),
        };
        match (&result, fetched) {
            (Ok(secret), _) => self.broker.schedule(&self.key, secret, &self.subject),
            (Err(_), Ok(secret)) => self.discard(secret).await,
            (Err(_), Err(_)) => {}
        }
        result
    }

    /// Drops the previous version. If no handle holds it, that wipes the value, and is recorded
    /// here. Otherwise its lifecycle wipes it at the end of the overlap.
    fn release_previous(&mut self, previous: Arc<Secret>) {
        let event = Event::secret_wiped(&*previous, Some(Cause::Rotation));
        let weak = Arc::downgrade(&previous);
        drop(previous);
        self.mode = FetchMode::Read;
        if weak.strong_count() == 0 {
            self.broker.pal.note(&self.subject, event);
        }
    }

    /// Wipes a secret that must not be used: its record failed, or its scope ended.
    async fn discard(&self, secret: Arc<Secret>) {
        let is_known = self.known().is_some_and(|known| Arc::ptr_eq(known, &secret));
        if !is_known && secret.wipe(EndReason::Revoked) {
            self.release_lease(secret.lease().cloned()).await;
        }
    }

    /// Releases the lease of a secret that is not cached.
    async fn release_lease(&self, lease: Option<Lease>) {
        let Some(lease) = lease else { return };
        let started = now();
        let released = release(&*self.provider, &lease.id, self.broker.settings.revoke_deadline).await;
        let secret = SecretRef::new(&self.key.entry.name, &self.key.entry.provider);
        let event = Event::secret_revoked(secret, call::completion(&released, started), self.cause);
        self.broker.pal.note(&self.subject, event);
    }

    fn known(&self) -> Option<&Arc<Secret>> {
        match &self.mode {
            FetchMode::Read => None,
            FetchMode::Refresh(known) | FetchMode::Reissue(known) => Some(known),
        }
    }

    fn accepts(&self, version: &Version) -> bool {
        match &self.key.entry.version {
            VersionSelector::Current => true,
            VersionSelector::Exactly(exact) => exact == version,
        }
    }

    async fn call(&self) -> Result<RefreshOutcome, ProviderError> {
        let EntryKey { reference, .. } = &self.key.entry;
        match &self.mode {
            FetchMode::Read => self.read().await.map(RefreshOutcome::Changed),
            FetchMode::Refresh(known) => match known.lease() {
                // A second request would issue another dynamic secret.
                Some(_) => Ok(RefreshOutcome::Unchanged),
                // "Unchanged" would not extend an expired secret.
                None if !known.is_usable(now()) => self.read().await.map(RefreshOutcome::Changed),
                None => self.provider.refresh_secret(reference, known.version()).await,
            },
            FetchMode::Reissue(known) => {
                let lease = known.lease().ok_or(ProviderError::Unsupported)?;
                let dynamic = self.provider.dynamic().ok_or(ProviderError::Unsupported)?;
                dynamic.reissue(reference, &lease.id, &self.owner).await.map(RefreshOutcome::Changed)
            }
        }
    }

    /// Reads the value. A provider of dynamic secrets decides by the reference if it issues one.
    async fn read(&self) -> Result<FetchedSecret, ProviderError> {
        let EntryKey { reference, version, .. } = &self.key.entry;
        match self.provider.dynamic() {
            Some(dynamic) => dynamic.issue(reference, version, &self.owner).await,
            None => self.provider.get_secret(reference, version).await,
        }
    }

    fn build_secret(&self, fetched: FetchedSecret) -> Result<Arc<Secret>, QuotaExceeded> {
        let FetchedSecret { value, version, ttl, lease } = fetched;
        let CacheKey { entry, policy, quota, .. } = &self.key;
        let value = match quota {
            Some(quota) => value.charged_to(quota)?,
            None => value,
        };
        let (now, max_ttl) = (now(), policy.ttl.min(TTL_MAX));
        let expires = now + ttl.map_or(max_ttl, |ttl| ttl.min(max_ttl));
        let secret = Secret::new(entry.name.clone(), version, entry.provider.clone(), expires, value);
        let secret = Arc::new(secret.with_lease(lease, now + max_ttl).with_stale(policy.stale.min(TTL_MAX)));
        start_lifecycle(&secret, &self.broker, Some(self.key.clone()), &self.subject);
        Ok(secret)
    }

    fn event(&self, result: &Result<Arc<Secret>, FetchError>, duration: Duration) -> Event {
        let event = match &self.mode {
            FetchMode::Read => Event::secret_fetched,
            FetchMode::Refresh(_) => Event::secret_refreshed,
            FetchMode::Reissue(_) => Event::secret_reissued,
        };
        let EntryKey { name, provider, .. } = &self.key.entry;
        let secret =
            result.as_ref().map_or_else(|_| SecretRef::new(name, provider), |secret| SecretRef::from(&**secret));
        event(secret, Completion::new(result.as_ref().err().map(FetchError::kind), duration), self.cause)
    }
}
