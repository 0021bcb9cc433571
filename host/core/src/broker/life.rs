//! A fetched secret's life after that: it is renewed while its backend lets it, wiped when its time ends, and revoked where the
//! backend made it for who asked.

use std::sync::{Arc, Weak};
use std::time::Instant;

use futures_util::future::join_all;
use tokio::time::{sleep_until, timeout};

use super::Broker;
use super::cache::{Closed, Key, ScopeSubject};
use super::fetch::now;
use crate::guard::Guard;
use crate::identity::AgentId;
use crate::pal::{Cause, Event, EventKind, Outcome, Reason, Subject};
use crate::provider::{Lease, ProviderError};
use crate::secret::{Gone, Secret};

/// Where a secret is kept, and until when at most.
pub(super) struct Kept {
    pub(super) scope: ScopeSubject,
    pub(super) key: Key,
    pub(super) until: Instant,
}

/// Has a secret renewed while that helps, then wiped, and forgotten where it is kept.
pub(super) fn end_in_time(secret: &Arc<Secret>, broker: &Arc<Broker>, kept: Option<Kept>, subject: &Subject) {
    let agent_id = subject.agent_id.clone();
    let life = Life { secret: Arc::downgrade(secret), broker: Arc::downgrade(broker), kept, agent_id };
    secret.end_with(tokio::spawn(life.last()).abort_handle());
}

/// What happens to a secret in time. Holds nothing alive while it waits.
struct Life {
    secret: Weak<Secret>,
    broker: Weak<Broker>,
    kept: Option<Kept>,
    agent_id: AgentId,
}

impl Life {
    async fn last(self) {
        while let Some(at) = self.renewal() {
            sleep_until(at.into()).await;
            if !self.renew().await {
                break;
            }
        }
        let Some(expires) = self.secret.upgrade().map(|secret| secret.expires()) else { return };
        sleep_until(expires.into()).await;
        self.expire().await;
    }

    /// When to renew the secret: at two thirds of what it has left, if it may be kept longer than that.
    fn renewal(&self) -> Option<Instant> {
        let secret = self.secret.upgrade()?;
        let until = self.kept.as_ref()?.until;
        let renewable = secret.lease().is_some_and(|lease| lease.renewable);
        let now = now();
        let left = secret.expires_in(now);
        (renewable && secret.is_live() && secret.expires() < until && !left.is_zero()).then(|| now + left * 2 / 3)
    }

    /// Answers whether its end is later now. The backend knows how long it gives; asking for more is advice.
    async fn renew(&self) -> bool {
        let (Some(secret), Some(broker), Some(kept)) = (self.secret.upgrade(), self.broker.upgrade(), &self.kept)
        else {
            return false;
        };
        let (Some(lease), Some(provider)) = (secret.lease(), broker.providers.get(secret.provider())) else {
            return false;
        };
        let started = now();
        let renewed = timeout(broker.settings.provider_deadline, provider.renew(&lease.id)).await;
        let renewed = renewed.unwrap_or(Err(ProviderError::Timeout));
        let event = Event {
            cause: Some(Cause::Lease),
            outcome: Some(if renewed.is_ok() { Outcome::Completed } else { Outcome::Failed }),
            reason: renewed.as_ref().err().map(|error| Reason::Token(error.kind())),
            duration: Some(now().duration_since(started)),
            ..Event::about(EventKind::SecretRenewed, &secret)
        };
        broker.pal.note(&Arc::new(Subject::agent(self.agent_id.clone())), event);
        // What lasts longer than any clock can say lasts as long as it may be kept.
        renewed.is_ok_and(|lasts| secret.extend(started.checked_add(lasts).map_or(kept.until, |to| to.min(kept.until))))
    }

    async fn expire(&self) {
        let (Some(secret), Some(broker)) = (self.secret.upgrade(), self.broker.upgrade()) else { return };
        let ended = self.kept.as_ref().and_then(|kept| broker.cache.forget(&kept.scope, &kept.key, &secret));
        if !(Guard::Expiry.stands() && Guard::MonotonicTime.stands()) {
            return;
        }
        // No task's doing: whoever asked first may be long gone.
        let subject = Arc::new(Subject::agent(self.agent_id.clone()));
        if secret.wipe(Gone::Expired) {
            let event = Event { cause: Some(Cause::Ttl), ..Event::about(EventKind::SecretExpired, &secret) };
            broker.pal.note(&subject, event);
        }
        // What its scope took along, that has revoked.
        if secret.value(now()).err() != Some(Gone::Expired) {
            return;
        }
        let ended = Closed { wiped: vec![secret], ..ended.unwrap_or_default() };
        broker.revoke(ended, &subject, Some(Cause::Ttl)).await;
    }
}

impl Broker {
    /// Ends what tasks share, and what backends made for it: for a process that is about to end. Tasks that go on have it made anew.
    pub async fn end_shared(&self, agent_id: &AgentId) {
        let subject = Arc::new(Subject::agent(agent_id.clone()));
        for ended in self.cache.close_shared() {
            for secret in &ended.wiped {
                self.pal.note(&subject, Event::about(EventKind::SecretWiped, secret));
            }
            self.revoke(ended, &subject, None).await;
        }
    }

    /// Ends in their backends what was made for those who shared it: leases first, then what they were made by. Takes three
    /// deadlines of [`BrokerSettings::revoke_deadline`](super::BrokerSettings) at most; what failed is recorded.
    pub(super) async fn revoke(&self, ended: Closed, subject: &Arc<Subject>, cause: Option<Cause>) {
        let leased = ended.wiped.iter().filter_map(|secret| Some((secret, secret.lease()?)));
        join_all(leased.map(|(secret, lease)| self.revoke_one(secret, lease, subject, cause))).await;
        let Some(holder) = &ended.holder else { return };
        // What a fetch has had made since it was told to stop is there to be ended when it has stopped.
        let _ = timeout(self.settings.revoke_deadline, join_all(ended.flights)).await;
        let makers = ended.asked.iter().filter_map(|id| self.providers.get(id));
        let ends = makers.filter(|provider| provider.has_leases()).map(|provider| async move {
            let started = now();
            let end = timeout(self.settings.revoke_deadline, provider.end(holder)).await;
            if let Err(error) = end.unwrap_or(Err(ProviderError::Timeout)) {
                let event = Event {
                    provider: Some(provider.id().clone()),
                    cause,
                    outcome: Some(Outcome::Failed),
                    reason: Some(Reason::Token(error.kind())),
                    duration: Some(now().duration_since(started)),
                    ..Event::new(EventKind::SecretRevoked)
                };
                self.pal.note(subject, event);
            }
        });
        join_all(ends).await;
    }

    async fn revoke_one(&self, secret: &Secret, lease: &Lease, subject: &Arc<Subject>, cause: Option<Cause>) {
        let Some(provider) = self.providers.get(secret.provider()) else { return };
        let started = now();
        let revoked = timeout(self.settings.revoke_deadline, provider.revoke_lease(&lease.id)).await;
        let revoked = revoked.unwrap_or(Err(ProviderError::Timeout));
        let event = Event {
            cause,
            outcome: Some(if revoked.is_ok() { Outcome::Completed } else { Outcome::Failed }),
            reason: revoked.err().map(|error| Reason::Token(error.kind())),
            duration: Some(now().duration_since(started)),
            ..Event::about(EventKind::SecretRevoked, secret)
        };
        self.pal.note(subject, event);
    }
}
