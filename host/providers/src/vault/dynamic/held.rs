//! What one owner has: a token, and what was made with it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_core::clock;
use far_core::memory::SecretBytes;
use far_core::provider::{Fetched, Lease, LeaseId, ProviderError, SecretOwner};
use far_core::{Version, VersionSelector};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::super::client::{Client, Token};
use super::super::member::member;
use super::super::place::Place;
use super::calls::{self, MadeToken};
use super::certificate;
use super::pending::Thing;
use crate::network::json;

/// How many owners that have ended are known: what still comes for one was under way as it ended.
const ENDED: usize = 1024;

/// What is left of a token's time when it is not renewed any more.
const SHORTEST: Duration = Duration::from_secs(2);

/// All owners.
#[derive(Default)]
pub(super) struct Owners {
    held: HashMap<SecretOwner, Option<Arc<Held>>>,
    ended: VecDeque<SecretOwner>,
}

/// What an owner has.
#[derive(Default)]
pub(super) struct Held {
    /// Who makes something has it for reading; who ends the owner, for writing.
    pub(super) over: tokio::sync::RwLock<bool>,
    pub(super) child: tokio::sync::Mutex<Option<Arc<Child>>>,
    making: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    pub(super) made: Mutex<Made>,
}

/// Which secret is asked for.
pub(in super::super) enum Wanted {
    /// The one that there is.
    Version(VersionSelector),
    /// Another one than that with this lease.
    Instead(LeaseId),
}

/// What there is to end.
#[derive(Default)]
pub(super) struct Made {
    /// By the path of the API.
    secrets: HashMap<String, Secret>,
    /// How many have a part of what was replaced. The values are wiped.
    replaced: HashMap<LeaseId, usize>,
    /// What secrets end by.
    pub(super) leases: HashMap<LeaseId, Leased>,
    /// How often what was made at a path was taken back.
    taken_back: HashMap<String, u64>,
    /// Of all tokens that it had.
    pub(super) accessors: HashSet<String>,
}

/// Something to end, and the path of the API of which it was made.
pub(super) struct Leased {
    pub(super) path: String,
    pub(super) thing: Thing,
}

/// What somebody asked for.
pub(super) struct Asked {
    pub(super) place: Place,
    /// What is made once of it.
    pub(super) path: String,
    pub(super) wanted: Wanted,
    /// How often that had been taken back then.
    pub(super) since: u64,
}

/// A secret that was made, for all of the owner's who read a part of it.
pub(super) struct Secret {
    pub(super) data: SecretBytes,
    pub(super) version: Version,
    pub(super) lease: Lease,
    pub(super) ends: Instant,
    /// How many have a part of it.
    pub(super) given: usize,
    pub(super) is_certificate: bool,
}

/// An owner's own token, which is renewed as long as this is there.
pub(super) struct Child {
    pub(super) token: Token,
    timer: AbortHandle,
}

impl Owners {
    /// What an owner has; none for one that has ended.
    pub(super) fn of(&mut self, owner: &SecretOwner) -> Option<Arc<Held>> {
        self.held.entry(owner.clone()).or_insert_with(|| Some(Arc::default())).clone()
    }

    /// Ends an owner: what it had, if it had anything.
    pub(super) fn end(&mut self, owner: &SecretOwner) -> Option<Arc<Held>> {
        let had = self.held.insert(owner.clone(), None);
        if !matches!(had, Some(None)) {
            self.ended.push_back(owner.clone());
        }
        if self.ended.len() > ENDED {
            self.ended.pop_front().map(|oldest| self.held.remove(&oldest));
        }
        had.flatten()
    }

    /// What an owner has, if there is anything.
    pub(super) fn get(&self, owner: &SecretOwner) -> Option<Arc<Held>> {
        self.held.get(owner).cloned().flatten()
    }

    pub(super) fn names(&self) -> Vec<SecretOwner> {
        self.held.iter().filter(|(_, held)| held.is_some()).map(|(owner, _)| owner.clone()).collect()
    }

    pub(super) fn all(&self) -> Vec<Arc<Held>> {
        self.held.values().flatten().cloned().collect()
    }
}

impl Held {
    /// Whose turn it is to have a secret made: one at a time for each.
    pub(super) fn turn(&self, path: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.making.lock().entry(path.to_owned()).or_default().clone()
    }
}

impl Made {
    /// Whether there is what is wanted, and still lasts.
    pub(super) fn has(&self, asked: &Asked) -> bool {
        let secret = self.secrets.get(&asked.path).filter(|secret| secret.ends > clock::now());
        secret.is_some_and(|secret| !matches!(&asked.wanted, Wanted::Instead(lease) if secret.lease.id == *lease))
    }

    /// A part of what was made, if it is there. Whoever asked before it was taken back is given nothing that was made before or
    /// after.
    pub(super) fn give(&mut self, asked: &Asked) -> Option<Result<Fetched, ProviderError>> {
        if self.was_taken_back(asked) {
            return Some(Err(ProviderError::Unavailable));
        }
        if !self.has(asked) {
            return None;
        }
        let (field, secret) = (asked.place.field.as_deref(), self.secrets.get_mut(&asked.path)?);
        Some(match &asked.wanted {
            Wanted::Version(version) => secret.give(field, version),
            Wanted::Instead(_) => secret.give(field, &VersionSelector::Current),
        })
    }

    /// How often what was made at a path was taken back.
    pub(super) fn takings(&self, path: &str) -> u64 {
        self.taken_back.get(path).copied().unwrap_or_default()
    }

    /// Has nobody be answered any more who asked for what is made at a path.
    pub(super) fn refuse(&mut self, path: &str) {
        *self.taken_back.entry(path.to_owned()).or_default() += 1;
    }

    pub(super) fn was_taken_back(&self, asked: &Asked) -> bool {
        self.takings(&asked.path) != asked.since
    }

    /// Forgets what was made at a path, whoever has a part of it: what that ends by, which stays known until it is ended.
    pub(super) fn forget(&mut self, path: &str) -> Vec<Thing> {
        self.secrets.remove(path);
        let leases = self.leases.values().filter(|leased| leased.path == path);
        let things: Vec<_> = leases.map(|leased| leased.thing.clone()).collect();
        for thing in &things {
            self.replaced.remove(&thing.id);
        }
        things
    }

    /// Takes what was made at a path and lasts no longer: its lease.
    pub(super) fn take_ended(&mut self, path: &str) -> Option<LeaseId> {
        let ended = self.secrets.get(path).is_some_and(|secret| secret.ends <= clock::now());
        if ended { self.secrets.remove(path).map(|secret| secret.lease.id) } else { None }
    }

    /// Keeps a secret. One that was there is replaced, and stays until those who have a part of it give that back.
    pub(super) fn keep(&mut self, path: &str, secret: Secret) {
        if let Some(old) = self.secrets.insert(path.to_owned(), secret) {
            self.replaced.insert(old.lease.id, old.given);
        }
    }

    /// Takes a part back. Whether nobody has any of it now, so that it is to end.
    pub(super) fn returned(&mut self, id: &LeaseId) -> bool {
        if let Some(given) = self.replaced.get_mut(id) {
            *given = given.saturating_sub(1);
            let last = *given == 0;
            if last {
                self.replaced.remove(id);
            }
            return last;
        }
        let path = self.secrets.iter().find(|(_, secret)| secret.lease.id == *id).map(|(path, _)| path.clone());
        let Some(secret) = path.as_ref().and_then(|path| self.secrets.get_mut(path)) else { return true };
        secret.given = secret.given.saturating_sub(1);
        let last = secret.given == 0;
        if let (true, Some(path)) = (last, path) {
            self.secrets.remove(&path);
        }
        last
    }

    /// Takes note of how long a lease lasts now.
    pub(super) fn renewed(&mut self, id: &LeaseId, lasts: Duration) {
        for secret in self.secrets.values_mut().filter(|secret| secret.lease.id == *id) {
            secret.ends = clock::now() + lasts;
        }
        if let Some(Leased { thing, .. }) = self.leases.get_mut(id) {
            thing.until = clock::now() + lasts;
        }
    }

    /// What a secret ends by.
    pub(super) fn thing(&self, id: LeaseId) -> Thing {
        let known = self.leases.get(&id).map(|leased| leased.thing.clone());
        known.unwrap_or_else(|| Thing { kind: certificate::kind(&id), id, until: clock::now() })
    }

    pub(super) fn forget_secrets(&mut self) {
        self.secrets.clear();
        self.replaced.clear();
    }
}

impl Secret {
    fn give(&mut self, field: Option<&str>, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        if matches!(version, VersionSelector::Exactly(other) if *other != self.version) {
            return Err(ProviderError::VersionGone(far_core::provider::HowGone::Destroyed));
        }
        let value = match field {
            None => SecretBytes::copy_of(self.data.expose())?,
            Some("pem") if self.is_certificate => certificate::pem(&self.data)?,
            Some(field) => {
                let object: &RawValue =
                    serde_json::from_slice(self.data.expose()).map_err(|_| ProviderError::Invalid)?;
                json::secret(member(object, field)?)?
            }
        };
        self.given += 1;
        let ttl = self.ends.saturating_duration_since(clock::now());
        Ok(Fetched::new(value, self.version.clone()).with_ttl(ttl).with_lease(self.lease.clone()))
    }
}

impl Child {
    /// Takes a token over, and has it renewed.
    pub(super) fn new(made: MadeToken, client: &Arc<Client>) -> Arc<Self> {
        let MadeToken { token, lasts, .. } = made;
        Arc::new_cyclic(|child| {
            let timer = tokio::spawn(keep(child.clone(), client.clone(), lasts)).abort_handle();
            Self { token, timer }
        })
    }
}

/// Renews a token at two thirds of its time, for as long as somebody has it and the server lets it.
async fn keep(child: Weak<Child>, client: Arc<Client>, lasts: Duration) {
    let mut left = lasts;
    // One that lasts so short is at the end of all renewals: whoever needs a token then has another made.
    while left > SHORTEST {
        let pause = left * 2 / 3;
        sleep(pause).await;
        let Some(child) = child.upgrade() else { return };
        left = match calls::renew_token(&client, &child.token).await {
            Ok(lasts) => lasts,
            // It is tried again while there is time.
            Err(ProviderError::Unavailable | ProviderError::Timeout | ProviderError::Throttled { .. }) => left - pause,
            Err(_) => return,
        };
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.timer.abort();
    }
}
