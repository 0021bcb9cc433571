//! The lifecycle of a fetched secret: renewal of its lease, reissue by schedule, wiping at its
//! expiry, and revocation.

use std::sync::{Arc, Weak};
use std::time::Instant;

use far_capability::AgentId;
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::{sleep_until, timeout};

use super::Broker;
use super::cache::{ClosedScope, Revocation, RevokedEntry};
use super::cache_key::CacheKey;
use super::call::{self, release, with_deadline};
use super::fetch_mode::FetchMode;
use crate::clock::now;
use crate::pal::{Cause, Event, Subject};
use crate::provider::{Lease, ProviderError, SecretOwner};
use crate::secret::{EndReason, Secret};

/// Starts the lifecycle of a secret. `key` is `None` for a derived secret, which is not cached.
pub(super) fn start_lifecycle(secret: &Arc<Secret>, broker: &Arc<Broker>, key: Option<CacheKey>, subject: &Subject) {
    let lifecycle = Lifecycle {
        secret: Arc::downgrade(secret),
        broker: Arc::downgrade(broker),
        shortened: secret.shortened(),
        reissue_at: reissue_at(secret, key.as_ref()),
        renewable: true,
        key,
        agent: Arc::new(Subject::agent(subject.agent_id.clone())),
    };
    secret.set_wipe_timer(tokio::spawn(lifecycle.run()).abort_handle());
}

/// Returns the time to reissue a leased secret. [`rotation`](super::rotation) covers static
/// secrets.
fn reissue_at(secret: &Secret, key: Option<&CacheKey>) -> Option<Instant> {
    let rotation = key?.policy.rotation?;
    secret.lease()?;
    now().checked_add(rotation.every)
}

/// The lifecycle of one secret. It keeps nothing alive while it waits.
struct Lifecycle {
    secret: Weak<Secret>,
    broker: Weak<Broker>,
    /// Notified when the lifetime of the secret is shortened.
    shortened: Arc<Notify>,
    reissue_at: Option<Instant>,
    /// Cleared after a renewal that did not extend the lease.
    renewable: bool,
    key: Option<CacheKey>,
    /// Events name the agent: the task that fetched the secret may have ended.
    agent: Arc<Subject>,
}

/// The next action, and its time.
#[derive(Clone, Copy)]
enum Step {
    Renew(Instant),
    Reissue(Instant),
    Expire(Instant),
}

impl Step {
    fn at(self) -> Instant {
        match self {
            Self::Renew(at) | Self::Reissue(at) | Self::Expire(at) => at,
        }
    }
}

impl Lifecycle {
    async fn run(mut self) {
        let shortened = self.shortened.clone();
        while let Some(step) = self.next() {
            tokio::select! {
                () = sleep_until(step.at().into()) => {}
                () = shortened.notified() => continue,
            }
            match step {
                Step::Renew(_) => self.renewable = self.renew().await,
                Step::Reissue(_) => self.reissue(),
                Step::Expire(_) => return self.expire().await,
            }
        }
    }

    fn next(&self) -> Option<Step> {
        let secret = self.secret.upgrade()?;
        let expire = Some(Step::Expire(secret.wipe_at()));
        let reissue = self.reissue_at.filter(|_| !secret.is_replaced()).map(Step::Reissue);
        let renew = self.renewal(&secret).map(Step::Renew);
        expire.into_iter().chain(reissue).chain(renew).min_by_key(|step| step.at())
    }

    /// Returns the time to renew the lease: after two thirds of the time that is left.
    fn renewal(&self, secret: &Secret) -> Option<Instant> {
        let renewable = self.renewable && secret.lease().is_some_and(|lease| lease.renewable);
        let now = now();
        let left = secret.expires_in(now);
        (renewable && secret.is_live() && secret.expires() < secret.max_expiry() && !left.is_zero())
            .then(|| now + left * 2 / 3)
    }

    /// Reissues the secret, in a separate task: the reissue may end this lifecycle.
    fn reissue(&mut self) {
        let every = self.key.as_ref().and_then(|key| key.policy.rotation).map(|rotation| rotation.every);
        let (Some(secret), Some(broker), Some(key)) = (self.secret.upgrade(), self.broker.upgrade(), &self.key) else {
            return;
        };
        self.reissue_at = every.and_then(|every| now().checked_add(broker.retry_pause(every)));
        let (key, agent) = (key.clone(), self.agent.clone());
        tokio::spawn(async move { broker.reread(&key, FetchMode::Reissue(secret), &agent, Cause::Schedule).await });
    }

    /// Renews the lease. Returns true if the expiry is later now. The backend decides how much
    /// later.
    async fn renew(&self) -> bool {
        let (Some(secret), Some(broker)) = (self.secret.upgrade(), self.broker.upgrade()) else { return false };
        let (Some(lease), Some(provider)) = (secret.lease(), broker.providers.get(secret.provider())) else {
            return false;
        };
        let started = now();
        let renew = async { provider.dynamic().ok_or(ProviderError::Unsupported)?.renew(&lease.id).await };
        let renewed = with_deadline(broker.settings.provider_deadline, renew).await;
        broker.pal.note(&self.agent, Event::secret_renewed(&*secret, call::completion(&renewed, started)));
        // An extension that overflows the clock extends to the maximum.
        renewed.is_ok_and(|lasts| secret.extend(started.checked_add(lasts).unwrap_or_else(|| secret.max_expiry())))
    }

    async fn expire(&self) {
        let (Some(secret), Some(broker)) = (self.secret.upgrade(), self.broker.upgrade()) else { return };
        let ended = self.key.as_ref().and_then(|key| broker.cache.remove(key, &secret));
        let cause = if secret.is_replaced() { Cause::Rotation } else { Cause::Ttl };
        if secret.wipe(EndReason::Expired) {
            broker.pal.note(&self.agent, Event::secret_expired(&*secret, cause));
        }
        // A secret that was wiped for another reason is revoked elsewhere.
        if secret.value(now()).err() != Some(EndReason::Expired) {
            return;
        }
        let ended = ClosedScope { wiped: vec![secret], ..ended.unwrap_or_default() };
        broker.revoke_scope(ended, &self.agent, Some(cause)).await;
    }
}

impl Broker {
    /// Wipes the values that tasks share, and revokes their leases, before the process ends. Tasks
    /// that still run fetch their secrets again.
    pub async fn shutdown(&self, agent_id: &AgentId) {
        let subject = Arc::new(Subject::agent(agent_id.clone()));
        for closed in self.cache.close_shared() {
            for secret in &closed.wiped {
                self.pal.note(&subject, Event::secret_wiped(&**secret, None));
            }
            self.revoke_scope(closed, &subject, None).await;
        }
    }

    /// Revokes everything issued to a closed scope: first the leases, then the owner. Takes at most
    /// three times [`BrokerSettings::revoke_deadline`](super::BrokerSettings). Failures are
    /// recorded.
    pub(super) async fn revoke_scope(&self, closed: ClosedScope, subject: &Arc<Subject>, cause: Option<Cause>) {
        let leased = closed.wiped.iter().filter_map(|secret| Some((secret, secret.lease()?)));
        join_all(leased.map(|(secret, lease)| self.release_lease(secret, lease, Ok(()), subject, cause))).await;
        let Some(owner) = &closed.owner else { return };
        // An aborted fetch may have issued a secret before it stopped.
        let _ = timeout(self.settings.revoke_deadline, join_all(closed.in_flight)).await;
        let dynamic = closed.providers.iter().filter_map(|id| self.providers.get(id));
        let dynamic = dynamic.filter_map(|provider| Some((provider, provider.dynamic()?)));
        let revoked = dynamic.map(|(provider, dynamic)| async move {
            let started = now();
            if let Err(error) = with_deadline(self.settings.revoke_deadline, dynamic.revoke_all(owner)).await {
                let took = now().duration_since(started);
                self.pal.note(subject, Event::owner_revocation_failed(provider.id(), error.kind(), took, cause));
            }
        });
        join_all(revoked).await;
    }

    /// Revokes the entries of a scope, including fetches in flight and secrets under the same
    /// lease.
    pub(super) async fn revoke_entries(&self, revocation: Revocation, subject: &Arc<Subject>, cause: Option<Cause>) {
        let Revocation { entries, owner, in_flight, closed } = revocation;
        // An aborted fetch may have issued a secret before it stopped.
        let _ = timeout(self.settings.revoke_deadline, join_all(in_flight)).await;
        join_all(entries.iter().map(|entry| self.revoke_entry(entry, owner.as_ref(), subject, cause))).await;
        if let Some(closed) = closed {
            self.revoke_scope(closed, subject, cause).await;
        }
    }

    async fn revoke_entry(
        &self,
        entry: &RevokedEntry,
        owner: Option<&SecretOwner>,
        subject: &Arc<Subject>,
        cause: Option<Cause>,
    ) {
        let Some(provider) = self.providers.get(&entry.provider) else { return };
        let ended = match owner {
            Some(owner) => {
                let revoke = async {
                    provider.forget_in_flight(&entry.reference);
                    match provider.dynamic() {
                        Some(dynamic) => dynamic.revoke_for(&entry.reference, owner).await,
                        None => Ok(()),
                    }
                };
                with_deadline(self.settings.revoke_deadline, revoke).await
            }
            None => Ok(()),
        };
        let leased = entry.secrets.iter().filter_map(|secret| Some((secret, secret.lease()?)));
        join_all(leased.map(|(secret, lease)| self.release_lease(secret, lease, ended, subject, cause))).await;
    }

    /// Releases a lease, and records the result; an `Err` in `ended` takes precedence over success.
    async fn release_lease(
        &self,
        secret: &Secret,
        lease: &Lease,
        ended: Result<(), ProviderError>,
        subject: &Arc<Subject>,
        cause: Option<Cause>,
    ) {
        let Some(provider) = self.providers.get(secret.provider()) else { return };
        let started = now();
        let revoked = release(&**provider, &lease.id, self.settings.revoke_deadline).await.and(ended);
        self.pal.note(subject, Event::secret_revoked(secret, call::completion(&revoked, started), cause));
    }
}
