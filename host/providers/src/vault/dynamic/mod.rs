//! Secrets that the server makes for who asks, and ends with them.
//!
//! Each [`SecretOwner`] has a token of its own, a child of the provider's, with which what it asks for is made, and nothing else is
//! done: ending that token ends everything that the owner was given, also what an answer that was lost would have told of, and
//! nothing of another's. What was made is made once for each owner and path, so that two fields of it are of one lease; another is
//! made in its place when it is replaced, and the two are there until the old one is given back.
//!
//! What is under way goes on when who asked for it goes away; the owner's end waits for it, and ends it. What could not be ended
//! because the server was away is tried again for as long as it may be there.

mod calls;
mod certificate;
mod ending;
mod held;
mod pending;

use std::sync::Arc;
use std::time::{Duration, Instant};

use far_core::clock;
use far_core::memory::SecretBytes;
use far_core::provider::{Fetched, Lease, LeaseId, ProviderError, SecretOwner};
use parking_lot::Mutex;

pub(super) use self::held::Wanted;

use self::calls::MadeSecret;
use self::held::{Asked, Child, Held, Leased, Owners, Secret};
use self::pending::{Pending, Thing};
use super::access::Access;
use super::client::Reply;
use super::ledger::{Kind, Ledger};
use super::place::{Place, Source};
use crate::version::Versions;

/// How often something is made for one who asks, if others give it back before it can be given.
const TURNS: usize = 4;

/// What a provider needs to have secrets made.
pub(super) struct Dynamic {
    access: Arc<Access>,
    ledger: Arc<Ledger>,
    versions: Versions,
    /// Of owners' tokens; the provider's own if there are none.
    policies: Vec<String>,
    owners: Mutex<Owners>,
    pending: Pending,
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

/// Reads the answer of an engine that issues `place` dynamically, without its lease.
///
/// # Errors
///
/// As [`calls::make_secret`].
pub(super) fn issued(reply: Reply, place: &Place) -> Result<SecretBytes, ProviderError> {
    calls::made_secret(reply, place).map(|made| made.data)
}

impl Dynamic {
    pub(super) fn new(access: Arc<Access>, ledger: Ledger, versions: Versions, policies: Vec<String>) -> Self {
        Self {
            access,
            ledger: Arc::new(ledger),
            versions,
            policies,
            owners: Mutex::default(),
            pending: Pending::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads a part of a secret that is made for an owner, unless it was. It is counted as given when this answers: who went away
    /// while it was made has no part of it.
    pub(super) async fn get(
        self: &Arc<Self>,
        place: Place,
        wanted: Wanted,
        owner: &SecretOwner,
    ) -> Result<Fetched, ProviderError> {
        // Nobody would be there to end it.
        let held = self.owners.lock().of(owner).ok_or(ProviderError::Unavailable)?;
        let path = place.made_once();
        let since = held.made.lock().takings(&path);
        let asked = Arc::new(Asked { place, path, wanted, since });
        // Others may have given it back before this one was given any of it.
        for _ in 0..TURNS {
            let (dynamic, own, theirs) = (self.clone(), held.clone(), asked.clone());
            let made = tokio::spawn(async move { dynamic.have_made(&own, &theirs).await });
            made.await.unwrap_or(Err(ProviderError::Unavailable))?;
            if let Some(given) = held.made.lock().give(&asked) {
                return given;
            }
        }
        Err(ProviderError::Unavailable)
    }

    /// Has a secret made, unless it was.
    async fn have_made(self: &Arc<Self>, held: &Held, asked: &Asked) -> Result<(), ProviderError> {
        let over = held.over.read().await;
        if *over {
            return Err(ProviderError::Unavailable);
        }
        let path = &asked.path;
        let turn = held.turn(path);
        let _turn = turn.lock().await;
        let ended = {
            let mut made = held.made.lock();
            if made.was_taken_back(asked) {
                return Err(ProviderError::Unavailable);
            }
            if made.has(asked) {
                return Ok(());
            }
            made.take_ended(path)
        };
        // The server's clock may be behind; and what has ended is not to be kept in mind for as long as its owner is.
        if let Some(lease) = ended {
            let _ = self.end_of(held, lease).await;
        }
        let made = self.make(held, &asked.place).await?;
        let (kind, id) = made.ends_by.clone();
        let thing = Thing { kind, id: id.clone(), until: clock::now() + made.lasts };
        let leased = Leased { path: path.clone(), thing: thing.clone() };
        if held.made.lock().leases.insert(id.clone(), leased).is_some() {
            // Two that end by one lease could not be told apart.
            return Err(ProviderError::Invalid);
        }
        let kept = self.keep(held, asked, made, thing.until).await;
        if kept.is_err() && self.end_or_later(thing).await.is_ok() {
            // Nobody has it, and who asks again has another made.
            held.made.lock().leases.remove(&id);
        }
        kept
    }

    /// Writes down what was made, and has it there for those who ask.
    async fn keep(&self, held: &Held, asked: &Asked, made: MadeSecret, ends: Instant) -> Result<(), ProviderError> {
        let MadeSecret { data, ends_by: (kind, id), renewable, lasts: _, version } = made;
        self.write(kind, id.as_str()).await?;
        let version = match version {
            Some(version) => version,
            None => {
                let id = SecretBytes::copy_of(id.as_str().as_bytes())?;
                self.versions.of(&asked.path, &id).map_err(|_| ProviderError::Invalid)?
            }
        };
        let (lease, is_certificate) =
            (Lease::new(id).with_renewable(renewable), matches!(asked.place.source, Source::Certificate(_)));
        held.made.lock().keep(&asked.path, Secret { data, version, lease, ends, given: 0, is_certificate });
        Ok(())
    }

    /// With the owner's token; with another, once, if that has ended.
    async fn make(self: &Arc<Self>, held: &Held, place: &Place) -> Result<MadeSecret, ProviderError> {
        let child = self.child(held).await?;
        let access = &self.access;
        let make = |child: Arc<Child>| async move {
            access.shell.call(|| calls::make_secret(&access.client, &child.token, place)).await
        };
        let made = make(child.clone()).await;
        if !matches!(made, Err(ProviderError::Denied)) || !calls::has_ended(&access.client, &child.token).await {
            return made;
        }
        held.child.lock().await.take_if(|current| Arc::ptr_eq(current, &child));
        make(self.child(held).await?).await
    }

    /// The owner's token. It is written down before anything is made with it.
    async fn child(self: &Arc<Self>, held: &Held) -> Result<Arc<Child>, ProviderError> {
        let mut child = held.child.lock().await;
        if let Some(child) = &*child {
            return Ok(child.clone());
        }
        let access = &self.access;
        let ask =
            || access.as_itself(|token| async move { calls::make_token(&access.client, &token, &self.policies).await });
        let made = access.shell.call(ask).await?;
        held.made.lock().accessors.insert(made.accessor.clone());
        if let Err(error) = self.write(Kind::Accessor, &made.accessor).await {
            // Who asks again has another made.
            if self.end_or_later(Thing::token(&made.accessor)).await.is_ok() {
                held.made.lock().accessors.remove(&made.accessor);
            }
            return Err(error);
        }
        Ok(child.insert(Child::new(made, &access.client)).clone())
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

    pub(super) async fn lengthen(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        let all = self.owners.lock().all();
        let kind = all.iter().find_map(|held| held.made.lock().leases.get(lease).map(|leased| leased.thing.kind));
        if kind.unwrap_or_else(|| certificate::kind(lease)) == Kind::Certificate {
            return Err(ProviderError::Unsupported);
        }
        let access = &self.access;
        let ask = || access.as_itself(|token| async move { calls::renew_lease(&access.client, &token, lease).await });
        let lasts = access.shell.call(ask).await?;
        for held in all {
            held.made.lock().renewed(lease, lasts);
        }
        Ok(lasts)
    }
}
