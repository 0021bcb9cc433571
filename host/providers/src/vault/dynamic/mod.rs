//! Dynamic secrets, which the server issues under a lease.
//!
//! Each [`SecretOwner`] has a separate child of the provider's token. The child issues the owner's
//! secrets and does nothing else. Revoking it revokes every secret of the owner, including one
//! whose response was lost, and no secret of another owner. A secret is issued once per owner and
//! path, so that its fields share a lease. A reissued secret and the old one coexist until the old
//! lease is released.
//!
//! A request in flight continues when its caller is cancelled. `revoke_all` waits for such requests
//! and revokes their results. A revocation that failed because the server was unreachable is
//! retried until the lease expires.

mod calls;
mod certificate;
mod owner;
mod pending;
mod revoke;

use std::sync::Arc;
use std::time::{Duration, Instant};

use far_core::clock;
use far_core::memory::SecretBytes;
use far_core::provider::{FetchedSecret, Lease, LeaseId, ProviderError, SecretOwner};
use parking_lot::Mutex;

pub(super) use self::owner::IssueMode;

use self::calls::NewSecret;
use self::owner::{DynamicSecret, IssueRequest, LeaseEntry, OwnerState, OwnerToken, Owners};
use self::pending::{PendingRevocations, RevocationTarget};
use super::access::Access;
use super::client::Response;
use super::lease_journal::{EntryKind, LeaseJournal};
use super::path::{SecretKind, VaultPath};
use crate::version::VersionHasher;

/// The number of attempts to issue a secret that other callers release first.
const MAX_ATTEMPTS: usize = 4;

/// Issues dynamic secrets and revokes them.
pub(super) struct Dynamic {
    access: Arc<Access>,
    journal: Arc<LeaseJournal>,
    versions: VersionHasher,
    /// The policies of child tokens; if empty, those of the provider's own token.
    policies: Vec<String>,
    owners: Mutex<Owners>,
    pending: PendingRevocations,
}

/// The result of a [`Vault::recover`](super::Vault::recover).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseRecoveryReport {
    /// The number of revoked leases and tokens.
    pub revoked: usize,
    /// The number of leases and tokens that could not be revoked. The next process tries again.
    pub failed: usize,
    /// The number of lease journals that failed verification. Entries after the first invalid line
    /// are not revoked.
    pub unverified: usize,
}

/// Parses the response of a dynamic engine, without its lease.
///
/// # Errors
///
/// As [`calls::issue_secret`].
pub(super) fn parse_issued(response: Response, vault_path: &VaultPath) -> Result<SecretBytes, ProviderError> {
    calls::parse_secret(response, vault_path).map(|issued| issued.data)
}

impl Dynamic {
    pub(super) fn new(
        access: Arc<Access>,
        journal: LeaseJournal,
        versions: VersionHasher,
        policies: Vec<String>,
    ) -> Self {
        Self {
            access,
            journal: Arc::new(journal),
            versions,
            policies,
            owners: Mutex::default(),
            pending: PendingRevocations::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn journal(&self) -> &LeaseJournal {
        &self.journal
    }

    /// Returns a field of a dynamic secret, which is issued unless the owner has it. The field
    /// counts as handed out when this returns, so a cancelled caller holds no share.
    pub(super) async fn get(
        self: &Arc<Self>,
        vault_path: VaultPath,
        mode: IssueMode,
        owner: &SecretOwner,
    ) -> Result<FetchedSecret, ProviderError> {
        // The owner has ended, so its secrets would not be revoked.
        let state = self.owners.lock().get_or_create(owner).ok_or(ProviderError::Unavailable)?;
        let path = vault_path.issue_key();
        let generation = state.issued.lock().generation(&path);
        let request = Arc::new(IssueRequest { vault_path, path, mode, generation });
        // Other callers may release the secret before this one receives it.
        for _ in 0..MAX_ATTEMPTS {
            let (dynamic, own_state, own_request) = (self.clone(), state.clone(), request.clone());
            let issued = tokio::spawn(async move { dynamic.ensure_issued(&own_state, &own_request).await });
            issued.await.unwrap_or(Err(ProviderError::Unavailable))?;
            if let Some(result) = state.issued.lock().hand_out(&request) {
                return result;
            }
        }
        Err(ProviderError::Unavailable)
    }

    /// Issues a secret unless the owner has it.
    async fn ensure_issued(self: &Arc<Self>, state: &OwnerState, request: &IssueRequest) -> Result<(), ProviderError> {
        let ended = state.ended.read().await;
        if *ended {
            return Err(ProviderError::Unavailable);
        }
        let path = &request.path;
        let lock = state.path_lock(path);
        let _guard = lock.lock().await;
        let expired = {
            let mut issued = state.issued.lock();
            if issued.is_revoked(request) {
                return Err(ProviderError::Unavailable);
            }
            if issued.satisfies(request) {
                return Ok(());
            }
            issued.take_expired(path)
        };
        // The server's clock may be behind, and expired leases must not accumulate.
        if let Some(lease) = expired {
            let _ = self.revoke_expired(state, lease).await;
        }
        let issued = self.issue(state, &request.vault_path).await?;
        let (kind, id) = issued.handle.clone();
        let target = RevocationTarget { kind, id: id.clone(), expires: clock::now() + issued.ttl };
        let entry = LeaseEntry { path: path.clone(), target: target.clone() };
        if state.issued.lock().leases.insert(id.clone(), entry).is_some() {
            // A repeated lease id is ambiguous.
            return Err(ProviderError::Invalid);
        }
        let stored = self.store(state, request, issued, target.expires).await;
        if stored.is_err() && self.revoke_or_defer(target).await.is_ok() {
            // No caller has the secret; the next one issues a new one.
            state.issued.lock().leases.remove(&id);
        }
        stored
    }

    /// Journals the lease and stores the secret for the owner.
    async fn store(
        &self,
        state: &OwnerState,
        request: &IssueRequest,
        issued: NewSecret,
        expires: Instant,
    ) -> Result<(), ProviderError> {
        let NewSecret { data, handle: (kind, id), renewable, ttl: _, version } = issued;
        self.record_issued(kind, id.as_str()).await?;
        let version = match version {
            Some(version) => version,
            None => {
                let id = SecretBytes::copy_of(id.as_str().as_bytes())?;
                self.versions.version_of(&request.path, &id).map_err(|_| ProviderError::Invalid)?
            }
        };
        let (lease, is_certificate) =
            (Lease::new(id).with_renewable(renewable), matches!(request.vault_path.kind, SecretKind::Certificate(_)));
        state
            .issued
            .lock()
            .store(&request.path, DynamicSecret { data, version, lease, expires, shares: 0, is_certificate });
        Ok(())
    }

    /// Issues a secret with the owner's token. If the token has expired, creates a new one and
    /// tries once more.
    async fn issue(self: &Arc<Self>, state: &OwnerState, vault_path: &VaultPath) -> Result<NewSecret, ProviderError> {
        let owner_token = self.owner_token(state).await?;
        let access = &self.access;
        let issue = |owner_token: Arc<OwnerToken>| async move {
            access.retry.call(|| calls::issue_secret(&access.client, &owner_token.token, vault_path)).await
        };
        let issued = issue(owner_token.clone()).await;
        if !matches!(issued, Err(ProviderError::Denied)) || !calls::is_expired(&access.client, &owner_token.token).await
        {
            return issued;
        }
        state.owner_token.lock().await.take_if(|current| Arc::ptr_eq(current, &owner_token));
        issue(self.owner_token(state).await?).await
    }

    /// Returns the owner's token. A new one is journaled before its first use.
    async fn owner_token(self: &Arc<Self>, state: &OwnerState) -> Result<Arc<OwnerToken>, ProviderError> {
        let mut owner_token = state.owner_token.lock().await;
        if let Some(owner_token) = &*owner_token {
            return Ok(owner_token.clone());
        }
        let access = &self.access;
        let create = || {
            access.with_token(|token| async move { calls::create_token(&access.client, &token, &self.policies).await })
        };
        let issued = access.retry.call(create).await?;
        state.issued.lock().accessors.insert(issued.accessor.clone());
        if let Err(error) = self.record_issued(EntryKind::Accessor, &issued.accessor).await {
            // The next caller creates a new token.
            if self.revoke_or_defer(RevocationTarget::token(&issued.accessor)).await.is_ok() {
                state.issued.lock().accessors.remove(&issued.accessor);
            }
            return Err(error);
        }
        Ok(owner_token.insert(OwnerToken::new(issued, &access.client)).clone())
    }

    async fn record_issued(&self, kind: EntryKind, id: &str) -> Result<(), ProviderError> {
        let (journal, id) = (self.journal.clone(), id.to_owned());
        let written = tokio::task::spawn_blocking(move || journal.record_issued(kind, &id)).await;
        // An unjournaled lease could outlive this process.
        written.map_err(|_| ProviderError::Unavailable)?.map_err(|_| ProviderError::Unavailable)
    }

    async fn record_revoked(&self, id: &str) {
        let (journal, id) = (self.journal.clone(), id.to_owned());
        let _ = tokio::task::spawn_blocking(move || journal.record_revoked(&id)).await;
    }

    pub(super) async fn renew(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        let all = self.owners.lock().all();
        let kind = all.iter().find_map(|state| state.issued.lock().leases.get(lease).map(|entry| entry.target.kind));
        if kind.unwrap_or_else(|| certificate::kind(lease)) == EntryKind::Certificate {
            return Err(ProviderError::Unsupported);
        }
        let access = &self.access;
        let renew =
            || access.with_token(|token| async move { calls::renew_lease(&access.client, &token, lease).await });
        let ttl = access.retry.call(renew).await?;
        for state in all {
            state.issued.lock().record_renewal(lease, ttl);
        }
        Ok(ttl)
    }
}
