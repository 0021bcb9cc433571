//! A fetched secret's life after that: it is renewed while its backend lets it, replaced when it is old, wiped when its time ends,
//! and revoked where the backend made it for who asked.

use std::sync::{Arc, Weak};
use std::time::Instant;

use far_capability::AgentId;
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::{sleep_until, timeout};

use super::Broker;
use super::cache::{Closed, Revoking, Taken};
use super::call::{self, answered, release};
use super::place::Place;
use super::wanted::Wanted;
use crate::clock::now;
use crate::pal::{Cause, Event, Subject};
use crate::provider::{Lease, ProviderError, SecretOwner};
use crate::secret::{Gone, Secret};

/// Has a secret renewed while that helps, replaced when it is old, then wiped, and forgotten where it is kept.
pub(super) fn end_in_time(secret: &Arc<Secret>, broker: &Arc<Broker>, kept: Option<Place>, subject: &Subject) {
    let life = Life {
        secret: Arc::downgrade(secret),
        broker: Arc::downgrade(broker),
        hurried: secret.hurried(),
        replaced_at: replaced_at(secret, kept.as_ref()),
        lasts: true,
        kept,
        agent: Arc::new(Subject::agent(subject.agent_id.clone())),
    };
    secret.end_with(tokio::spawn(life.last()).abort_handle());
}

/// When to have another made in the place of what a backend made for who asked. Of what it did not, a version is every holder's, and
/// [`rotation`](super::rotation) sees to it once for all.
fn replaced_at(secret: &Secret, kept: Option<&Place>) -> Option<Instant> {
    let rotation = kept?.plan.rotation?;
    secret.lease()?;
    now().checked_add(rotation.every)
}

/// What happens to a secret in time. Holds nothing alive while it waits.
struct Life {
    secret: Weak<Secret>,
    broker: Weak<Broker>,
    /// Told when the secret's end was brought forward.
    hurried: Arc<Notify>,
    /// When to have another one made in its place.
    replaced_at: Option<Instant>,
    /// Whether renewing it has helped so far.
    lasts: bool,
    kept: Option<Place>,
    /// No task's doing: whoever asked first may be long gone.
    agent: Arc<Subject>,
}

/// What comes next, and when.
#[derive(Clone, Copy)]
enum Step {
    Renew(Instant),
    Replace(Instant),
    Expire(Instant),
}

impl Step {
    fn at(self) -> Instant {
        match self {
            Self::Renew(at) | Self::Replace(at) | Self::Expire(at) => at,
        }
    }
}

impl Life {
    async fn last(mut self) {
        let hurried = self.hurried.clone();
        while let Some(step) = self.next() {
            tokio::select! {
                () = sleep_until(step.at().into()) => {}
                () = hurried.notified() => continue,
            }
            match step {
                Step::Renew(_) => self.lasts = self.renew().await,
                Step::Replace(_) => self.replace(),
                Step::Expire(_) => return self.expire().await,
            }
        }
    }

    fn next(&self) -> Option<Step> {
        let secret = self.secret.upgrade()?;
        let end = Some(Step::Expire(secret.ends()));
        let replace = self.replaced_at.filter(|_| !secret.is_replaced()).map(Step::Replace);
        let renew = self.renewal(&secret).map(Step::Renew);
        end.into_iter().chain(replace).chain(renew).min_by_key(|step| step.at())
    }

    /// When to renew the secret: at two thirds of what it has left, if it may be kept longer than that.
    fn renewal(&self, secret: &Secret) -> Option<Instant> {
        let renewable = self.lasts && secret.lease().is_some_and(|lease| lease.renewable);
        let now = now();
        let left = secret.expires_in(now);
        (renewable && secret.is_live() && secret.expires() < secret.most() && !left.is_zero())
            .then(|| now + left * 2 / 3)
    }

    /// Has another one made. In a task of its own: with it, this one's life may end.
    fn replace(&mut self) {
        let every = self.kept.as_ref().and_then(|place| place.plan.rotation).map(|rotation| rotation.every);
        let (Some(secret), Some(broker), Some(place)) = (self.secret.upgrade(), self.broker.upgrade(), &self.kept)
        else {
            return;
        };
        self.replaced_at = every.and_then(|every| now().checked_add(broker.pause_after(every)));
        let (place, agent) = (place.clone(), self.agent.clone());
        tokio::spawn(async move { broker.again(&place, Wanted::Another(secret), &agent, Cause::Schedule).await });
    }

    /// Answers whether its end is later now. The backend knows how long it gives; asking for more is advice.
    async fn renew(&self) -> bool {
        let (Some(secret), Some(broker)) = (self.secret.upgrade(), self.broker.upgrade()) else { return false };
        let (Some(lease), Some(provider)) = (secret.lease(), broker.providers.get(secret.provider())) else {
            return false;
        };
        let started = now();
        let renew = async { provider.dynamic().ok_or(ProviderError::Unsupported)?.renew(&lease.id).await };
        let renewed = answered(broker.settings.provider_deadline, renew).await;
        broker.pal.note(&self.agent, Event::secret_renewed(&*secret, call::completion(&renewed, started)));
        // What lasts longer than any clock can say lasts as long as it may be kept.
        renewed.is_ok_and(|lasts| secret.extend(started.checked_add(lasts).unwrap_or_else(|| secret.most())))
    }

    async fn expire(&self) {
        let (Some(secret), Some(broker)) = (self.secret.upgrade(), self.broker.upgrade()) else { return };
        let ended = self.kept.as_ref().and_then(|place| broker.cache.forget(place, &secret));
        let cause = if secret.is_replaced() { Cause::Rotation } else { Cause::Ttl };
        if secret.wipe(Gone::Expired) {
            broker.pal.note(&self.agent, Event::secret_expired(&*secret, cause));
        }
        // What its scope took along, that has revoked.
        if secret.value(now()).err() != Some(Gone::Expired) {
            return;
        }
        let ended = Closed { wiped: vec![secret], ..ended.unwrap_or_default() };
        broker.revoke(ended, &self.agent, Some(cause)).await;
    }
}

impl Broker {
    /// Ends what tasks share, and what backends made for it: for a process that is about to end. Tasks that go on have it made anew.
    pub async fn end_shared(&self, agent_id: &AgentId) {
        let subject = Arc::new(Subject::agent(agent_id.clone()));
        for ended in self.cache.close_shared() {
            for secret in &ended.wiped {
                self.pal.note(&subject, Event::secret_wiped(&**secret, None));
            }
            self.revoke(ended, &subject, None).await;
        }
    }

    /// Ends in their backends what was made for those who shared it: leases first, then what they were made by. Takes three
    /// deadlines of [`BrokerSettings::revoke_deadline`](super::BrokerSettings) at most; what failed is recorded.
    pub(super) async fn revoke(&self, ended: Closed, subject: &Arc<Subject>, cause: Option<Cause>) {
        let leased = ended.wiped.iter().filter_map(|secret| Some((secret, secret.lease()?)));
        join_all(leased.map(|(secret, lease)| self.revoke_one(secret, lease, Ok(()), subject, cause))).await;
        let Some(owner) = &ended.owner else { return };
        // What a fetch has had made since it was told to stop is there to be ended when it has stopped.
        let _ = timeout(self.settings.revoke_deadline, join_all(ended.flights)).await;
        let makers = ended.asked.iter().filter_map(|id| self.providers.get(id));
        let makers = makers.filter_map(|provider| Some((provider, provider.dynamic()?)));
        let ends = makers.map(|(provider, dynamic)| async move {
            let started = now();
            if let Err(error) = answered(self.settings.revoke_deadline, dynamic.revoke_all(owner)).await {
                let took = now().duration_since(started);
                self.pal.note(subject, Event::owner_not_revoked(provider.id(), error.kind(), took, cause));
            }
        });
        join_all(ends).await;
    }

    /// Takes back what somebody had of secrets that are revoked: also what is on its way to them, and what else was made with it.
    pub(super) async fn take_back(&self, revoking: Revoking, subject: &Arc<Subject>, cause: Option<Cause>) {
        let Revoking { taken, owner, flights, empty } = revoking;
        // Told to stop, they stop; what they had made until then is there to be taken back.
        let _ = timeout(self.settings.revoke_deadline, join_all(flights)).await;
        join_all(taken.iter().map(|taken| self.take_back_one(taken, owner.as_ref(), subject, cause))).await;
        if let Some(empty) = empty {
            self.revoke(empty, subject, cause).await;
        }
    }

    async fn take_back_one(
        &self,
        taken: &Taken,
        owner: Option<&SecretOwner>,
        subject: &Arc<Subject>,
        cause: Option<Cause>,
    ) {
        let Some(provider) = self.providers.get(&taken.provider) else { return };
        let ended = match owner {
            Some(owner) => {
                let revoke = async {
                    provider.forget_in_flight(&taken.reference);
                    match provider.dynamic() {
                        Some(dynamic) => dynamic.revoke_for(&taken.reference, owner).await,
                        None => Ok(()),
                    }
                };
                answered(self.settings.revoke_deadline, revoke).await
            }
            None => Ok(()),
        };
        let leased = taken.secrets.iter().filter_map(|secret| Some((secret, secret.lease()?)));
        join_all(leased.map(|(secret, lease)| self.revoke_one(secret, lease, ended, subject, cause))).await;
    }

    /// Ends a lease, unless what it is of could not be `ended` already; and records what came of both.
    async fn revoke_one(
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
