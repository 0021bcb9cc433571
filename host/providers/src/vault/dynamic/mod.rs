//! Secrets that the server makes for who asks, and ends with them.
//!
//! Each [`Holder`] has a token of its own, a child of the provider's, with which what it asks for is made, and nothing else is
//! done: ending that token ends everything that the holder was given, also what an answer that was lost would have told of, and
//! nothing of another's. What was made is made once for each holder and path, so that two fields of it are of one lease; another is
//! made in its place when it is replaced, and the two are there until the old one is given back.
//!
//! What is under way goes on when who asked for it goes away; the holder's end waits for it, and ends it.

mod calls;
mod certificate;
mod held;

use std::sync::Arc;
use std::time::Duration;

use far_core::memory::SecretBytes;
use far_core::provider::{Fetched, Holder, Lease, LeaseId, ProviderError};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant;

pub(super) use self::held::Wanted;

use self::calls::MadeSecret;
use self::held::{Child, Held, Holders, Secret};
use super::client::Token;
use super::ledger::{Kind, Ledger, Left};
use super::place::{Place, Source};
use super::server::Server;
use crate::version::Versions;

/// What a provider needs to have secrets made.
pub(super) struct Dynamic {
    ledger: Arc<Ledger>,
    versions: Versions,
    /// Of holders' tokens; the provider's own if there are none.
    policies: Vec<String>,
    holders: Mutex<Holders>,
}

/// What became of that which processes left that are no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Leases and tokens that were ended.
    pub ended: usize,
    /// Those that could not be; the next start tries again.
    pub failed: usize,
    /// Files that are not as they were written. Nothing is ended by what is not.
    pub unsound: usize,
}

impl Dynamic {
    pub(super) fn new(ledger: Ledger, versions: Versions, policies: Vec<String>) -> Self {
        Self { ledger: Arc::new(ledger), versions, policies, holders: Mutex::default() }
    }

    /// Those who have anything.
    pub(super) fn holders(&self) -> Vec<Holder> {
        self.holders.lock().names()
    }

    /// Reads a part of a secret that is made for a holder, unless it was.
    pub(super) async fn get(
        server: &Arc<Server>,
        place: Place,
        wanted: Wanted,
        holder: &Holder,
    ) -> Result<Fetched, ProviderError> {
        let dynamic = server.dynamic()?;
        // Nobody would be there to end it.
        let held = dynamic.holders.lock().of(holder).ok_or(ProviderError::Unavailable)?;
        let server = server.clone();
        let made = tokio::spawn(async move { server.dynamic()?.get_once(&server, &held, &place, &wanted).await });
        made.await.unwrap_or(Err(ProviderError::Unavailable))
    }

    async fn get_once(
        &self,
        server: &Server,
        held: &Held,
        place: &Place,
        wanted: &Wanted,
    ) -> Result<Fetched, ProviderError> {
        let over = held.over.read().await;
        if *over {
            return Err(ProviderError::Unavailable);
        }
        let (path, field) = (place.made_once(), place.field.as_deref());
        let turn = held.turn(&path);
        let _turn = turn.lock().await;
        if let Some(given) = held.made.lock().give(&path, field, wanted) {
            return given;
        }
        let ended = held.made.lock().take_ended(&path);
        // The server's clock may be behind; and what has ended is not to be kept in mind for as long as its holder is.
        if let Some(lease) = ended {
            let _ = self.end_one(server, held, &lease).await;
        }
        let MadeSecret { data, ends_by: (kind, id), renewable, lasts, version } =
            self.make(server, held, place).await?;
        let ends = Instant::now() + lasts;
        if held.made.lock().leases.insert(id.clone(), kind).is_some() {
            // Two that end by one lease could not be told apart.
            return Err(ProviderError::Invalid);
        }
        self.write(kind, id.as_str()).await?;
        let version = match version {
            Some(version) => version,
            None => {
                let id = SecretBytes::copy_of(id.as_str().as_bytes())?;
                self.versions.of(&path, &id).map_err(|_| ProviderError::Invalid)?
            }
        };
        let (lease, is_certificate) = (Lease { id, renewable }, matches!(place.source, Source::Certificate(_)));
        let mut kept = held.made.lock();
        kept.keep(&path, Secret { data, version, lease, ends, given: 0, is_certificate });
        kept.give(&path, field, wanted).unwrap_or(Err(ProviderError::Invalid))
    }

    /// With the holder's token; with another, once, if that has ended.
    async fn make(&self, server: &Server, held: &Held, place: &Place) -> Result<MadeSecret, ProviderError> {
        let child = self.child(server, held).await?;
        let make = |child: Arc<Child>| async move {
            server.shell.call(|| calls::make_secret(&server.client, &child.token, place)).await
        };
        let made = make(child.clone()).await;
        if !matches!(made, Err(ProviderError::Denied)) || !calls::has_ended(&server.client, &child.token).await {
            return made;
        }
        held.child.lock().await.take_if(|current| Arc::ptr_eq(current, &child));
        make(self.child(server, held).await?).await
    }

    /// The holder's token. It is written down before anything is made with it.
    async fn child(&self, server: &Server, held: &Held) -> Result<Arc<Child>, ProviderError> {
        let mut child = held.child.lock().await;
        if let Some(child) = &*child {
            return Ok(child.clone());
        }
        let ask =
            || server.as_itself(|token| async move { calls::make_token(&server.client, &token, &self.policies).await });
        let made = server.shell.call(ask).await?;
        held.made.lock().accessors.insert(made.accessor.clone());
        self.write(Kind::Accessor, &made.accessor).await?;
        Ok(child.insert(Child::new(made, &server.client)).clone())
    }

    async fn write(&self, kind: Kind, id: &str) -> Result<(), ProviderError> {
        let (ledger, id) = (self.ledger.clone(), id.to_owned());
        let written = tokio::task::spawn_blocking(move || ledger.made(kind, &id)).await;
        // What is not on the disk could outlive this process.
        written.map_err(|_| ProviderError::Unavailable)?.map_err(|_| ProviderError::Unavailable)
    }

    async fn cross_out(&self, id: &str) {
        let (ledger, id) = (self.ledger.clone(), id.to_owned());
        let _ = tokio::task::spawn_blocking(move || ledger.ended(&id)).await;
    }

    pub(super) async fn lengthen(&self, server: &Server, lease: &LeaseId) -> Result<Duration, ProviderError> {
        let all = self.holders.lock().all();
        if all.iter().any(|held| held.made.lock().leases.get(lease) == Some(&Kind::Certificate)) {
            return Err(ProviderError::Unsupported);
        }
        let ask = || server.as_itself(|token| async move { calls::renew_lease(&server.client, &token, lease).await });
        let lasts = server.shell.call(ask).await?;
        for held in all {
            held.made.lock().renewed(lease, lasts);
        }
        Ok(lasts)
    }

    /// Ends a lease, when the last of those who have a part of its secret gives it back.
    pub(super) async fn give_back(&self, server: &Server, lease: &LeaseId) -> Result<(), ProviderError> {
        let all = self.holders.lock().all();
        let of = all.iter().find(|held| held.made.lock().leases.contains_key(lease));
        match of {
            Some(held) if held.made.lock().take_back(lease) => self.end_one(server, held, lease).await,
            Some(_) => Ok(()),
            // Of a holder that has ended, or of nobody: the server knows.
            None => self.end_thing(server, Kind::Lease, lease.as_str()).await,
        }
    }

    /// Ends what a secret of a holder's ends by.
    async fn end_one(&self, server: &Server, held: &Held, lease: &LeaseId) -> Result<(), ProviderError> {
        let kind = held.made.lock().leases.get(lease).copied().unwrap_or(Kind::Lease);
        self.end_thing(server, kind, lease.as_str()).await?;
        held.made.lock().leases.remove(lease);
        Ok(())
    }

    /// Ends what was written down, and crosses it out.
    async fn end_thing(&self, server: &Server, kind: Kind, id: &str) -> Result<(), ProviderError> {
        let end = |token: Token| async move {
            match kind {
                Kind::Accessor => calls::end_token(&server.client, &token, id).await,
                Kind::Lease => calls::end_lease(&server.client, &token, id).await,
                Kind::Certificate => certificate::revoke(&server.client, &token, id).await,
                Kind::Ended => Ok(()),
            }
        };
        server.shell.call(|| server.as_itself(end)).await?;
        self.cross_out(id).await;
        Ok(())
    }

    /// Ends a holder, and all that was made for it: goes on if nobody waits for it any more.
    pub(super) async fn end(server: &Arc<Server>, holder: &Holder) -> Result<(), ProviderError> {
        let Some(held) = server.dynamic()?.holders.lock().end(holder) else { return Ok(()) };
        let server = server.clone();
        let ended = tokio::spawn(async move { server.dynamic()?.end_once(&server, &held).await });
        ended.await.unwrap_or(Err(ProviderError::Unavailable))
    }

    async fn end_once(&self, server: &Server, held: &Held) -> Result<(), ProviderError> {
        // What is being made has deadlines of its own.
        *held.over.write().await = true;
        held.child.lock().await.take();
        let (leases, accessors) = {
            let mut made = held.made.lock();
            made.forget_secrets();
            (std::mem::take(&mut made.leases), std::mem::take(&mut made.accessors))
        };
        let leases = leases.iter().map(|(lease, kind)| self.end_thing(server, *kind, lease.as_str()));
        let leases = join_all(leases).await;
        let tokens = accessors.iter().map(|accessor| self.end_thing(server, Kind::Accessor, accessor));
        let tokens = join_all(tokens).await;
        leases.into_iter().chain(tokens).collect()
    }

    /// Ends what processes left that are no more.
    pub(super) async fn recover(&self, server: &Server) -> Recovered {
        let ledger = self.ledger.clone();
        let left = tokio::task::spawn_blocking(move || ledger.left()).await.unwrap_or_default();
        let mut recovered = Recovered::default();
        for left in left {
            let failed = self.recover_file(server, &left).await;
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
    async fn recover_file(&self, server: &Server, left: &Left) -> usize {
        let mut failed = 0;
        for (kind, id) in &left.entries {
            let ended = self.end_thing(server, *kind, id).await;
            failed += usize::from(ended.is_err());
        }
        failed
    }
}
