//! Revocation: when a lease is released, when its owner ends, and after the process was killed.

use std::sync::Arc;

use far_core::provider::{LeaseId, ProviderError, SecretOwner};
use futures_util::future::{join, join_all};

use super::super::client::Token;
use super::super::lease_journal::{EntryKind, OrphanedJournal};
use super::super::path::VaultPath;
use super::owner::OwnerState;
use super::pending::RevocationTarget;
use super::{Dynamic, LeaseRecoveryReport, calls, certificate};

impl Dynamic {
    /// Releases one share of a lease, and revokes it after the last one. Continues if the caller is
    /// cancelled.
    pub(in super::super) async fn release(self: &Arc<Self>, lease: &LeaseId) -> Result<(), ProviderError> {
        let (dynamic, lease) = (self.clone(), lease.clone());
        let task = tokio::spawn(async move { dynamic.release_share(lease).await });
        task.await.unwrap_or(Err(ProviderError::Unavailable))
    }

    async fn release_share(self: &Arc<Self>, lease: LeaseId) -> Result<(), ProviderError> {
        let all = self.owners.lock().all();
        match all.iter().find(|state| state.issued.lock().leases.contains_key(&lease)) {
            Some(state) if state.issued.lock().release_share(&lease) => {
                let target = state.issued.lock().target_of(lease.clone());
                self.revoke_or_defer(target).await?;
                state.issued.lock().leases.remove(&lease);
                Ok(())
            }
            Some(_) => Ok(()),
            // The owner has ended or is unknown, so only the server can tell.
            None => self.revoke_target(certificate::kind(&lease), &lease).await,
        }
    }

    /// Revokes an expired lease of an owner.
    pub(super) async fn revoke_expired(&self, state: &OwnerState, lease: LeaseId) -> Result<(), ProviderError> {
        let target = state.issued.lock().target_of(lease);
        self.revoke_target(target.kind, &target.id).await?;
        state.issued.lock().leases.remove(&target.id);
        Ok(())
    }

    /// Revokes everything issued to `owner` for this secret, including requests in flight, which
    /// then return no value. Continues if the caller is cancelled.
    pub(in super::super) async fn revoke_for(
        self: &Arc<Self>,
        vault_path: &VaultPath,
        owner: &SecretOwner,
    ) -> Result<(), ProviderError> {
        let Some(state) = self.owners.lock().get(owner) else { return Ok(()) };
        let (dynamic, path) = (self.clone(), vault_path.issue_key());
        state.issued.lock().invalidate(&path);
        let task = tokio::spawn(async move { dynamic.revoke_path(&state, &path).await });
        task.await.unwrap_or(Err(ProviderError::Unavailable))
    }

    async fn revoke_path(self: &Arc<Self>, state: &OwnerState, path: &str) -> Result<(), ProviderError> {
        // `revoke_all` waits for this, and revokes the rest.
        let _ended = state.ended.read().await;
        let targets = {
            let lock = state.path_lock(path);
            // Requests in flight have their own deadlines.
            let _guard = lock.lock().await;
            state.issued.lock().forget(path)
        };
        let end = |target: RevocationTarget| async move {
            let id = target.id.clone();
            self.revoke_or_defer(target).await?;
            state.issued.lock().leases.remove(&id);
            Ok(())
        };
        join_all(targets.into_iter().map(end)).await.into_iter().collect()
    }

    /// Revokes everything issued to `owner`, and rejects its later requests. Continues if the
    /// caller is cancelled.
    pub(in super::super) async fn revoke_all(self: &Arc<Self>, owner: &SecretOwner) -> Result<(), ProviderError> {
        let Some(state) = self.owners.lock().end(owner) else { return Ok(()) };
        let dynamic = self.clone();
        let task = tokio::spawn(async move { dynamic.end_owner(&state).await });
        task.await.unwrap_or(Err(ProviderError::Unavailable))
    }

    async fn end_owner(self: &Arc<Self>, state: &OwnerState) -> Result<(), ProviderError> {
        // Requests in flight have their own deadlines.
        *state.ended.write().await = true;
        state.owner_token.lock().await.take();
        let (leases, accessors) = {
            let mut issued = state.issued.lock();
            issued.forget_secrets();
            (std::mem::take(&mut issued.leases), std::mem::take(&mut issued.accessors))
        };
        let leases = join_all(leases.into_values().map(|entry| self.revoke_or_defer(entry.target))).await;
        let tokens = accessors.iter().map(|accessor| self.revoke_or_defer(RevocationTarget::token(accessor)));
        let tokens = join_all(tokens).await;
        leases.into_iter().chain(tokens).collect()
    }

    /// Revokes everything issued to any owner, and retries failed revocations.
    pub(in super::super) async fn shutdown(self: &Arc<Self>) -> Result<(), ProviderError> {
        let owners = self.owners.lock().live();
        let revoked = join_all(owners.iter().map(|owner| self.revoke_all(owner)));
        let (pending, revoked) = join(self.retry_pending(), revoked).await;
        revoked.into_iter().chain([pending]).collect()
    }

    /// Revokes a target. If the server is unreachable, schedules a retry.
    pub(super) async fn revoke_or_defer(self: &Arc<Self>, target: RevocationTarget) -> Result<(), ProviderError> {
        let revoked = self.revoke_target(target.kind, &target.id).await;
        if revoked.is_err_and(is_retryable) {
            self.pending.add(self, target);
        }
        revoked
    }

    /// Retries the pending revocations.
    pub(super) async fn retry_pending(&self) -> Result<(), ProviderError> {
        let targets = self.pending.targets();
        let Some((first, others)) = targets.split_first() else { return Ok(()) };
        // A half-open circuit admits only one call; its success closes the circuit for the rest.
        let first = self.revoke_target(first.kind, &first.id).await;
        let others = others.iter().map(|target| self.revoke_target(target.kind, &target.id));
        let others = join_all(others).await;
        others.into_iter().chain([first]).collect()
    }

    /// Revokes a target and records it in the journal.
    async fn revoke_target(&self, kind: EntryKind, id: &LeaseId) -> Result<(), ProviderError> {
        let (access, text) = (&self.access, id.as_str());
        let end = |token: Token| async move {
            match kind {
                EntryKind::Accessor => calls::revoke_token(&access.client, &token, text).await,
                EntryKind::Lease => calls::revoke_lease(&access.client, &token, text).await,
                EntryKind::Certificate => certificate::revoke(&access.client, &token, text).await,
                EntryKind::Revocation => Ok(()),
            }
        };
        access.retry.call(|| access.with_token(end)).await?;
        self.pending.forget(id);
        self.record_revoked(text).await;
        Ok(())
    }

    /// Revokes the leases in the journals of earlier processes.
    pub(in super::super) async fn recover(&self) -> LeaseRecoveryReport {
        let journal = self.journal.clone();
        let orphaned = tokio::task::spawn_blocking(move || journal.orphaned()).await.unwrap_or_default();
        let mut report = LeaseRecoveryReport::default();
        for orphan in orphaned {
            let failed = self.revoke_orphaned(&orphan).await;
            report.revoked += orphan.entries.len() - failed;
            report.failed += failed;
            report.unverified += usize::from(!orphan.verified);
            if failed == 0 && orphan.verified {
                self.journal.remove(&orphan);
            }
        }
        report
    }

    /// Revokes the entries of one journal; returns the number of failures.
    async fn revoke_orphaned(&self, orphan: &OrphanedJournal) -> usize {
        let mut failed = 0;
        for (kind, id) in &orphan.entries {
            let revoked = self.revoke_target(*kind, &LeaseId::new(id)).await;
            failed += usize::from(revoked.is_err());
        }
        failed
    }
}

/// Returns true if a retry may succeed. A rejection is permanent.
fn is_retryable(error: ProviderError) -> bool {
    use ProviderError::{Sealed, Throttled, Timeout, Unavailable};
    matches!(error, Unavailable | Timeout | Throttled { .. } | Sealed)
}
