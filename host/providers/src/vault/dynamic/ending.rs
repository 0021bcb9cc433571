//! The end of what was made: when it is given back, when its owner ends, and when the process is gone that had it made.

use std::sync::Arc;

use far_core::provider::{LeaseId, ProviderError, SecretOwner};
use futures_util::future::{join, join_all};

use super::super::client::Token;
use super::super::ledger::{Kind, Left};
use super::super::place::Place;
use super::held::Held;
use super::pending::Thing;
use super::{Dynamic, Recovered, calls, certificate};

impl Dynamic {
    /// Ends a lease, when the last of those who have a part of its secret gives it back: goes on if nobody waits for it any more.
    pub(in super::super) async fn give_back(self: &Arc<Self>, lease: &LeaseId) -> Result<(), ProviderError> {
        let (dynamic, lease) = (self.clone(), lease.clone());
        let ended = tokio::spawn(async move { dynamic.give_back_once(lease).await });
        ended.await.unwrap_or(Err(ProviderError::Unavailable))
    }

    async fn give_back_once(self: &Arc<Self>, lease: LeaseId) -> Result<(), ProviderError> {
        let all = self.owners.lock().all();
        match all.iter().find(|held| held.made.lock().leases.contains_key(&lease)) {
            Some(held) if held.made.lock().returned(&lease) => {
                let thing = held.made.lock().thing(lease.clone());
                self.end_or_later(thing).await?;
                held.made.lock().leases.remove(&lease);
                Ok(())
            }
            Some(_) => Ok(()),
            // Of an owner that has ended, or of nobody: the server knows.
            None => self.end_thing(certificate::kind(&lease), &lease).await,
        }
    }

    /// Ends what a secret of an owner's ends by, whose time is over.
    pub(super) async fn end_of(&self, held: &Held, lease: LeaseId) -> Result<(), ProviderError> {
        let thing = held.made.lock().thing(lease);
        self.end_thing(thing.kind, &thing.id).await?;
        held.made.lock().leases.remove(&thing.id);
        Ok(())
    }

    /// Ends what was made of a secret for an owner, whoever has a part of it, and what is being made: goes on if nobody waits for it
    /// any more. Whoever asked for it before is not answered.
    pub(in super::super) async fn reclaim(
        self: &Arc<Self>,
        place: &Place,
        owner: &SecretOwner,
    ) -> Result<(), ProviderError> {
        let Some(held) = self.owners.lock().get(owner) else { return Ok(()) };
        let (dynamic, path) = (self.clone(), place.made_once());
        held.made.lock().refuse(&path);
        let ended = tokio::spawn(async move { dynamic.reclaim_once(&held, &path).await });
        ended.await.unwrap_or(Err(ProviderError::Unavailable))
    }

    async fn reclaim_once(self: &Arc<Self>, held: &Held, path: &str) -> Result<(), ProviderError> {
        // Its owner's end waits for this, and ends what this could not.
        let _over = held.over.read().await;
        let things = {
            let turn = held.turn(path);
            // What is being made has deadlines of its own.
            let _turn = turn.lock().await;
            held.made.lock().forget(path)
        };
        let end = |thing: Thing| async move {
            let id = thing.id.clone();
            self.end_or_later(thing).await?;
            held.made.lock().leases.remove(&id);
            Ok(())
        };
        join_all(things.into_iter().map(end)).await.into_iter().collect()
    }

    /// Ends an owner, and all that was made for it: goes on if nobody waits for it any more.
    pub(in super::super) async fn end(self: &Arc<Self>, owner: &SecretOwner) -> Result<(), ProviderError> {
        let Some(held) = self.owners.lock().end(owner) else { return Ok(()) };
        let dynamic = self.clone();
        let ended = tokio::spawn(async move { dynamic.end_once(&held).await });
        ended.await.unwrap_or(Err(ProviderError::Unavailable))
    }

    async fn end_once(self: &Arc<Self>, held: &Held) -> Result<(), ProviderError> {
        // What is being made has deadlines of its own.
        *held.over.write().await = true;
        held.child.lock().await.take();
        let (leases, accessors) = {
            let mut made = held.made.lock();
            made.forget_secrets();
            (std::mem::take(&mut made.leases), std::mem::take(&mut made.accessors))
        };
        let leases = join_all(leases.into_values().map(|leased| self.end_or_later(leased.thing))).await;
        let tokens = accessors.iter().map(|accessor| self.end_or_later(Thing::token(accessor)));
        let tokens = join_all(tokens).await;
        leases.into_iter().chain(tokens).collect()
    }

    /// Ends everything of everybody, and what could not be ended before.
    pub(in super::super) async fn end_all(self: &Arc<Self>) -> Result<(), ProviderError> {
        let owners = self.owners.lock().names();
        let ended = join_all(owners.iter().map(|owner| self.end(owner)));
        let (pending, ended) = join(self.try_pending(), ended).await;
        ended.into_iter().chain([pending]).collect()
    }

    /// Ends something; if the server is away, later.
    pub(super) async fn end_or_later(self: &Arc<Self>, thing: Thing) -> Result<(), ProviderError> {
        let ended = self.end_thing(thing.kind, &thing.id).await;
        if ended.is_err_and(is_away) {
            self.pending.add(self, thing);
        }
        ended
    }

    /// Ends what is still to be ended: all that has not ended by itself.
    pub(super) async fn try_pending(&self) -> Result<(), ProviderError> {
        let things = self.pending.things();
        let Some((first, others)) = things.split_first() else { return Ok(()) };
        // A circuit that was open lets one call through, and the others when that was answered.
        let first = self.end_thing(first.kind, &first.id).await;
        let others = others.iter().map(|thing| self.end_thing(thing.kind, &thing.id));
        let others = join_all(others).await;
        others.into_iter().chain([first]).collect()
    }

    /// Ends what was written down, and crosses it out.
    async fn end_thing(&self, kind: Kind, id: &LeaseId) -> Result<(), ProviderError> {
        let (access, text) = (&self.access, id.as_str());
        let end = |token: Token| async move {
            match kind {
                Kind::Accessor => calls::end_token(&access.client, &token, text).await,
                Kind::Lease => calls::end_lease(&access.client, &token, text).await,
                Kind::Certificate => certificate::withdraw(&access.client, &token, text).await,
                Kind::Ended => Ok(()),
            }
        };
        access.shell.call(|| access.as_itself(end)).await?;
        self.pending.forget(id);
        self.cross_out(text).await;
        Ok(())
    }

    /// Ends what processes left that are no more.
    pub(in super::super) async fn recover(&self) -> Recovered {
        let ledger = self.ledger.clone();
        let left = tokio::task::spawn_blocking(move || ledger.left()).await.unwrap_or_default();
        let mut recovered = Recovered::default();
        for left in left {
            let failed = self.recover_file(&left).await;
            recovered.ended += left.entries.len() - failed;
            recovered.failed += failed;
            recovered.unsound += usize::from(!left.sound);
            if failed == 0 && left.sound {
                self.ledger.forget(&left);
            }
        }
        recovered
    }

    /// How many could not be ended.
    async fn recover_file(&self, left: &Left) -> usize {
        let mut failed = 0;
        for (kind, id) in &left.entries {
            let ended = self.end_thing(*kind, &LeaseId::new(id)).await;
            failed += usize::from(ended.is_err());
        }
        failed
    }
}

/// Whether the server may do the next time what it did not do this time. What it refuses, it refuses again.
fn is_away(error: ProviderError) -> bool {
    use ProviderError::{Sealed, Throttled, Timeout, Unavailable};
    matches!(error, Unavailable | Timeout | Throttled { .. } | Sealed)
}
