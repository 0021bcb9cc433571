//! Steps 3 and 4: from the cache, or from the provider.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use super::Broker;
use super::cache::{FetchError, Joined, Key, Ready, ScopeSubject};
use super::life::{Kept, end_in_time};
use crate::capability::Permit;
use crate::guard::Guard;
use crate::memory::{OverQuota, Quota};
use crate::pal::{CacheState, Event, EventKind, Outcome, Reason, SecretLabel, Subject};
use crate::provider::{Fetched, Holder, ProviderError, Refreshed, SecretProvider};
use crate::secret::Secret;
use crate::version::{Version, VersionSelector};

/// The longest time that a value is kept, whatever the catalog says: an instant beyond it may not exist.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A fetch as it is described to the flight that does it.
struct Errand {
    broker: Arc<Broker>,
    provider: Arc<dyn SecretProvider>,
    ttl: Duration,
    scope: ScopeSubject,
    key: Key,
    /// Who asked first: the fetch is recorded as this task's.
    subject: Arc<Subject>,
    /// What is there already, when this is a refresh.
    known: Option<Arc<Secret>>,
    /// Whom the backend makes it for, if it makes it.
    holder: Holder,
    /// What the value is counted against: nothing if it is for more than one task.
    quota: Option<Arc<Quota>>,
}

impl Broker {
    /// The cached secret, if there is one that lives.
    pub(super) fn cached(&self, scope: &ScopeSubject, key: &Key, now: std::time::Instant) -> Option<Ready> {
        self.cache.lookup(scope, key, now)
    }

    /// Joins the flight for a secret, or starts one. What it brings for a task of its own is counted against the quota.
    pub(super) fn fetch(
        self: &Arc<Self>,
        scope: &ScopeSubject,
        key: &Key,
        permit: &Permit,
        subject: &Arc<Subject>,
        known: Option<Arc<Secret>>,
        quota: &Arc<Quota>,
    ) -> Result<Joined, ProviderError> {
        let provider = self.providers.get(&key.provider).ok_or(ProviderError::Unavailable)?.clone();
        let errand = |holder| Errand {
            broker: self.clone(),
            provider,
            ttl: permit.ttl,
            scope: scope.clone(),
            key: key.clone(),
            subject: subject.clone(),
            known,
            holder,
            quota: matches!(scope, ScopeSubject::Task(_)).then(|| quota.clone()),
        };
        // A task that has ended gets what a flight that ended with it gets: no answer.
        self.cache.join(scope, key, |holder| errand(holder).run()).ok_or(ProviderError::Unavailable)
    }
}

impl Errand {
    async fn run(self) -> Result<Arc<Secret>, FetchError> {
        let started = Instant::now();
        let call = std::panic::AssertUnwindSafe(self.call()).catch_unwind();
        let answer = match timeout(self.broker.settings.provider_deadline, call).await {
            Ok(Ok(answer)) => answer,
            // A provider that panics is a defect of it, and no reason for more than a missing answer.
            Ok(Err(_)) => Err(ProviderError::Unavailable),
            Err(_) => Err(ProviderError::Timeout),
        };
        let result = match answer {
            // A backend that answers with another version than the one asked for does not get past the grant's rule.
            Ok(Refreshed::Changed(fetched)) if !self.asked_for(&fetched.version) => {
                Err(FetchError::Provider(ProviderError::Invalid))
            }
            Ok(Refreshed::Changed(fetched)) => self.keep(fetched).map_err(FetchError::OverQuota),
            Ok(Refreshed::Unchanged) => self.known.clone().ok_or(FetchError::Provider(ProviderError::Invalid)),
            Err(error) => Err(FetchError::Provider(error)),
        };
        let recorded = self.broker.pal.record(&self.subject, self.event(&result, started.elapsed())).await;
        let result = recorded.map_err(FetchError::Audit).and(result);
        self.broker.cache.settle(&self.scope, &self.key, &result, now());
        result
    }

    fn asked_for(&self, version: &Version) -> bool {
        match &self.key.version {
            VersionSelector::Current => true,
            VersionSelector::Exactly(asked_for) => asked_for == version,
        }
    }

    async fn call(&self) -> Result<Refreshed, ProviderError> {
        match &self.known {
            // Asking again would have another one made.
            Some(known) if known.lease().is_some() => Ok(Refreshed::Unchanged),
            Some(known) => self.provider.refresh_secret(&self.key.reference, known.version()).await,
            None => {
                let Key { reference, version, .. } = &self.key;
                self.provider.get_secret_for(reference, version, &self.holder).await.map(Refreshed::Changed)
            }
        }
    }

    fn keep(&self, fetched: Fetched) -> Result<Arc<Secret>, OverQuota> {
        let Fetched { value, version, ttl, lease } = fetched;
        let value = match &self.quota {
            Some(quota) if Guard::TaskQuota.stands() => value.charged_to(quota)?,
            _ => value,
        };
        let (now, most) = (now(), self.ttl.min(LONGEST));
        let expires = now + ttl.map_or(most, |ttl| ttl.min(most));
        let (name, provider) = (self.key.name.clone(), self.key.provider.clone());
        let secret = Arc::new(Secret::new(name, version, provider, expires, value).leased(lease));
        let kept = Kept { scope: self.scope.clone(), key: self.key.clone(), until: now + most };
        end_in_time(&secret, &self.broker, Some(kept), &self.subject);
        Ok(secret)
    }

    fn event(&self, result: &Result<Arc<Secret>, FetchError>, duration: Duration) -> Event {
        let kind = if self.known.is_some() { EventKind::SecretRefreshed } else { EventKind::SecretFetched };
        let event = match result {
            Ok(secret) => Event { outcome: Some(Outcome::Completed), ..Event::about(kind, secret) },
            Err(error) => Event {
                secret_name: Some(SecretLabel::Listed(self.key.name.clone())),
                provider: Some(self.key.provider.clone()),
                outcome: Some(Outcome::Failed),
                reason: Some(Reason::Token(error.kind())),
                ..Event::new(kind)
            },
        };
        Event { cache: Some(CacheState::Miss), duration: Some(duration), ..event }
    }
}

/// The monotonic clock, as tokio has it: tests can hold it.
pub(super) fn now() -> std::time::Instant {
    #[cfg(far_mutate)]
    if !Guard::MonotonicTime.stands() {
        return crate::guard::wall_clock();
    }
    Instant::now().into_std()
}
