//! The state of each owner: its token and the secrets issued with it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_core::clock;
use far_core::memory::SecretBytes;
use far_core::provider::{FetchedSecret, Lease, LeaseId, ProviderError, SecretOwner};
use far_core::{Version, VersionSelector};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::super::client::{Client, Token};
use super::super::member::member;
use super::super::path::VaultPath;
use super::calls::{self, NewToken};
use super::certificate;
use super::pending::RevocationTarget;
use crate::network::json;

/// The number of ended owners to remember, whose late requests are rejected.
const MAX_ENDED: usize = 1024;

/// The TTL below which a token is not renewed.
const MIN_TTL: Duration = Duration::from_secs(2);

/// The owners of dynamic secrets.
#[derive(Default)]
pub(super) struct Owners {
    states: HashMap<SecretOwner, Option<Arc<OwnerState>>>,
    ended: VecDeque<SecretOwner>,
}

/// The state of one owner.
#[derive(Default)]
pub(super) struct OwnerState {
    /// True once the owner has ended. Requests hold the read lock, `revoke_all` the write lock.
    pub(super) ended: tokio::sync::RwLock<bool>,
    pub(super) owner_token: tokio::sync::Mutex<Option<Arc<OwnerToken>>>,
    path_locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    pub(super) issued: Mutex<IssuedSecrets>,
}

/// The secret to return.
pub(in super::super) enum IssueMode {
    /// The current secret, in this version.
    Version(VersionSelector),
    /// A newer secret than the one with this lease.
    Reissue(LeaseId),
}

/// The secrets and tokens of an owner.
#[derive(Default)]
pub(super) struct IssuedSecrets {
    /// The current secrets, by API path.
    secrets: HashMap<String, DynamicSecret>,
    /// The shares of reissued secrets, whose values are wiped.
    replaced: HashMap<LeaseId, usize>,
    /// The unrevoked leases.
    pub(super) leases: HashMap<LeaseId, LeaseEntry>,
    /// The number of revocations of each path.
    generations: HashMap<String, u64>,
    /// The accessors of all tokens of the owner.
    pub(super) accessors: HashSet<String>,
}

/// An unrevoked lease and its API path.
pub(super) struct LeaseEntry {
    pub(super) path: String,
    pub(super) target: RevocationTarget,
}

/// A caller's request.
pub(super) struct IssueRequest {
    pub(super) vault_path: VaultPath,
    /// The key of the dynamic secret.
    pub(super) path: String,
    pub(super) mode: IssueMode,
    /// The number of revocations of the path when the request began.
    pub(super) generation: u64,
}

/// A dynamic secret, shared by the owner's callers.
pub(super) struct DynamicSecret {
    pub(super) data: SecretBytes,
    pub(super) version: Version,
    pub(super) lease: Lease,
    pub(super) expires: Instant,
    /// The number of shares handed out and not released.
    pub(super) shares: usize,
    pub(super) is_certificate: bool,
}

/// A token of an owner. It is renewed until it is dropped.
pub(super) struct OwnerToken {
    pub(super) token: Token,
    timer: AbortHandle,
}

impl Owners {
    /// Returns the state of an owner, which is created if needed; `None` if the owner has ended.
    pub(super) fn get_or_create(&mut self, owner: &SecretOwner) -> Option<Arc<OwnerState>> {
        self.states.entry(owner.clone()).or_insert_with(|| Some(Arc::default())).clone()
    }

    /// Ends an owner; returns its state, if any.
    pub(super) fn end(&mut self, owner: &SecretOwner) -> Option<Arc<OwnerState>> {
        let previous = self.states.insert(owner.clone(), None);
        if !matches!(previous, Some(None)) {
            self.ended.push_back(owner.clone());
        }
        if self.ended.len() > MAX_ENDED {
            self.ended.pop_front().map(|oldest| self.states.remove(&oldest));
        }
        previous.flatten()
    }

    /// Returns the state of an owner, if any.
    pub(super) fn get(&self, owner: &SecretOwner) -> Option<Arc<OwnerState>> {
        self.states.get(owner).cloned().flatten()
    }

    /// Lists the owners that have not ended.
    pub(super) fn live(&self) -> Vec<SecretOwner> {
        self.states.iter().filter(|(_, state)| state.is_some()).map(|(owner, _)| owner.clone()).collect()
    }

    pub(super) fn all(&self) -> Vec<Arc<OwnerState>> {
        self.states.values().flatten().cloned().collect()
    }
}

impl OwnerState {
    /// Returns the lock that serializes the requests for one path.
    pub(super) fn path_lock(&self, path: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.path_locks.lock().entry(path.to_owned()).or_default().clone()
    }
}

impl IssuedSecrets {
    /// Returns true if an unexpired secret satisfies the request.
    pub(super) fn satisfies(&self, request: &IssueRequest) -> bool {
        let secret = self.secrets.get(&request.path).filter(|secret| secret.expires > clock::now());
        secret.is_some_and(|secret| !matches!(&request.mode, IssueMode::Reissue(lease) if secret.lease.id == *lease))
    }

    /// Hands out a share of the secret, if it exists. A request that began before a revocation gets
    /// no value.
    pub(super) fn hand_out(&mut self, request: &IssueRequest) -> Option<Result<FetchedSecret, ProviderError>> {
        if self.is_revoked(request) {
            return Some(Err(ProviderError::Unavailable));
        }
        if !self.satisfies(request) {
            return None;
        }
        let (field, secret) = (request.vault_path.field.as_deref(), self.secrets.get_mut(&request.path)?);
        Some(match &request.mode {
            IssueMode::Version(version) => secret.hand_out(field, version),
            IssueMode::Reissue(_) => secret.hand_out(field, &VersionSelector::Current),
        })
    }

    /// Returns the number of revocations of a path.
    pub(super) fn generation(&self, path: &str) -> u64 {
        self.generations.get(path).copied().unwrap_or_default()
    }

    /// Rejects all requests in flight for a path.
    pub(super) fn invalidate(&mut self, path: &str) {
        *self.generations.entry(path.to_owned()).or_default() += 1;
    }

    pub(super) fn is_revoked(&self, request: &IssueRequest) -> bool {
        self.generation(&request.path) != request.generation
    }

    /// Removes the secrets of a path. Their leases remain until they are revoked.
    pub(super) fn forget(&mut self, path: &str) -> Vec<RevocationTarget> {
        self.secrets.remove(path);
        let leases = self.leases.values().filter(|entry| entry.path == path);
        let targets: Vec<_> = leases.map(|entry| entry.target.clone()).collect();
        for target in &targets {
            self.replaced.remove(&target.id);
        }
        targets
    }

    /// Removes an expired secret; returns its lease.
    pub(super) fn take_expired(&mut self, path: &str) -> Option<LeaseId> {
        let expired = self.secrets.get(path).is_some_and(|secret| secret.expires <= clock::now());
        if expired { self.secrets.remove(path).map(|secret| secret.lease.id) } else { None }
    }

    /// Stores a secret. The previous one remains until all its shares are released.
    pub(super) fn store(&mut self, path: &str, secret: DynamicSecret) {
        if let Some(old) = self.secrets.insert(path.to_owned(), secret) {
            self.replaced.insert(old.lease.id, old.shares);
        }
    }

    /// Releases a share. Returns true if it was the last one and the lease must be revoked.
    pub(super) fn release_share(&mut self, id: &LeaseId) -> bool {
        if let Some(shares) = self.replaced.get_mut(id) {
            *shares = shares.saturating_sub(1);
            let is_last = *shares == 0;
            if is_last {
                self.replaced.remove(id);
            }
            return is_last;
        }
        let path = self.secrets.iter().find(|(_, secret)| secret.lease.id == *id).map(|(path, _)| path.clone());
        let Some(secret) = path.as_ref().and_then(|path| self.secrets.get_mut(path)) else { return true };
        secret.shares = secret.shares.saturating_sub(1);
        let is_last = secret.shares == 0;
        if let (true, Some(path)) = (is_last, path) {
            self.secrets.remove(&path);
        }
        is_last
    }

    /// Records the new TTL of a lease.
    pub(super) fn record_renewal(&mut self, id: &LeaseId, ttl: Duration) {
        for secret in self.secrets.values_mut().filter(|secret| secret.lease.id == *id) {
            secret.expires = clock::now() + ttl;
        }
        if let Some(LeaseEntry { target, .. }) = self.leases.get_mut(id) {
            target.expires = clock::now() + ttl;
        }
    }

    /// Returns the revocation target of a lease.
    pub(super) fn target_of(&self, id: LeaseId) -> RevocationTarget {
        let known = self.leases.get(&id).map(|entry| entry.target.clone());
        known.unwrap_or_else(|| RevocationTarget { kind: certificate::kind(&id), id, expires: clock::now() })
    }

    pub(super) fn forget_secrets(&mut self) {
        self.secrets.clear();
        self.replaced.clear();
    }
}

impl DynamicSecret {
    fn hand_out(&mut self, field: Option<&str>, version: &VersionSelector) -> Result<FetchedSecret, ProviderError> {
        if matches!(version, VersionSelector::Exactly(other) if *other != self.version) {
            return Err(ProviderError::VersionGone(far_core::provider::AbsenceReason::Destroyed));
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
        self.shares += 1;
        let ttl = self.expires.saturating_duration_since(clock::now());
        Ok(FetchedSecret::new(value, self.version.clone()).with_ttl(ttl).with_lease(self.lease.clone()))
    }
}

impl OwnerToken {
    /// Stores a token and renews it.
    pub(super) fn new(issued: NewToken, client: &Arc<Client>) -> Arc<Self> {
        let NewToken { token, ttl, .. } = issued;
        Arc::new_cyclic(|owner_token| {
            let timer = tokio::spawn(renew_until_dropped(owner_token.clone(), client.clone(), ttl)).abort_handle();
            Self { token, timer }
        })
    }
}

/// Renews a token at two thirds of its TTL until it is dropped, or the server refuses.
async fn renew_until_dropped(owner_token: Weak<OwnerToken>, client: Arc<Client>, ttl: Duration) {
    let mut left = ttl;
    // A short TTL means that the maximum TTL is near; the next caller creates a new token.
    while left > MIN_TTL {
        let pause = left * 2 / 3;
        sleep(pause).await;
        let Some(owner_token) = owner_token.upgrade() else { return };
        left = match calls::renew_token(&client, &owner_token.token).await {
            Ok(ttl) => ttl,
            // Retried until the token expires.
            Err(ProviderError::Unavailable | ProviderError::Timeout | ProviderError::Throttled { .. }) => left - pause,
            Err(_) => return,
        };
    }
}

impl Drop for OwnerToken {
    fn drop(&mut self) {
        self.timer.abort();
    }
}
