//! Implements the provider traits for [`Vault`].

use std::time::Duration;

use async_trait::async_trait;
use far_core::provider::{
    Description, DynamicSecrets, FetchedSecret, LeaseId, ProviderError, Reference, RefreshOutcome, SecretAdmin,
    SecretOwner, SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};

use super::Vault;
use super::dynamic::IssueMode;
use super::metadata::FolderCache;
use super::path::VaultPath;

#[async_trait]
impl SecretProvider for Vault {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(
        &self,
        reference: &Reference,
        version: &VersionSelector,
    ) -> Result<FetchedSecret, ProviderError> {
        if self.dynamic_path(reference)?.is_some() {
            // A dynamic secret needs an owner, who revokes it.
            return Err(ProviderError::Unsupported);
        }
        if self.server.negative_cache.contains(&(reference.clone(), version.clone())) {
            self.server.metrics.absent.increment();
            return Err(ProviderError::NotFound);
        }
        self.read(reference, version).await?.copy()
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        let server = &self.server;
        server.access.retry.call(|| server.access.client.health()).await?;
        server.access.retry.call(|| server.check_token()).await?;
        let (mut existing, folders) = (Vec::new(), FolderCache::default());
        for reference in &server.known {
            let vault_path = server.parse_path(reference)?;
            if server.access.retry.call(|| server.exists(&vault_path, &folders)).await? {
                existing.push(reference.clone());
            }
        }
        Ok(existing)
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError> {
        let vault_path = self.server.parse_path(reference)?;
        if vault_path.kind.is_dynamic() {
            return Err(ProviderError::Unsupported);
        }
        // An older read in flight may return an outdated value.
        self.server.detach_reads(&vault_path);
        let shared = self.read(reference, &VersionSelector::Current).await?;
        if shared.version == *known {
            Ok(RefreshOutcome::Unchanged)
        } else {
            shared.copy().map(RefreshOutcome::Changed)
        }
    }

    fn forget_in_flight(&self, reference: &Reference) {
        if let Ok(vault_path) = self.server.parse_path(reference) {
            self.server.detach_reads(&vault_path);
        }
    }

    /// Returns the provider if a dynamic engine is mounted and a lease journal is open.
    fn dynamic(&self) -> Option<&dyn DynamicSecrets> {
        let issues = self.server.dynamic.is_some() && self.server.mounts.has_dynamic_engine();
        issues.then_some(self as &dyn DynamicSecrets)
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        Some(self)
    }
}

#[async_trait]
impl DynamicSecrets for Vault {
    /// KV secrets and static roles are read as by [`get_secret`](SecretProvider::get_secret).
    #[expect(clippy::disallowed_methods, reason = "a provider calls its own method")]
    async fn issue(
        &self,
        reference: &Reference,
        version: &VersionSelector,
        owner: &SecretOwner,
    ) -> Result<FetchedSecret, ProviderError> {
        match self.dynamic_path(reference)? {
            Some(vault_path) => {
                self.server.dynamic()?.get(vault_path, IssueMode::Version(version.clone()), owner).await
            }
            None => self.get_secret(reference, version).await,
        }
    }

    async fn renew(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        self.server.dynamic()?.renew(lease).await
    }

    /// A lease with several fields is revoked when the last of them is released.
    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.server.dynamic()?.release(lease).await
    }

    /// The old lease is revoked when its last field is released, or with the owner.
    async fn reissue(
        &self,
        reference: &Reference,
        lease: &LeaseId,
        owner: &SecretOwner,
    ) -> Result<FetchedSecret, ProviderError> {
        let vault_path = self.dynamic_path(reference)?.ok_or(ProviderError::Unsupported)?;
        self.server.dynamic()?.get(vault_path, IssueMode::Reissue(lease.clone()), owner).await
    }

    async fn revoke_for(&self, reference: &Reference, owner: &SecretOwner) -> Result<(), ProviderError> {
        match self.dynamic_path(reference)? {
            Some(vault_path) => self.server.dynamic()?.revoke_for(&vault_path, owner).await,
            None => Ok(()),
        }
    }

    async fn revoke_all(&self, owner: &SecretOwner) -> Result<(), ProviderError> {
        self.server.dynamic()?.revoke_all(owner).await
    }
}

#[async_trait]
impl SecretAdmin for Vault {
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError> {
        match self.dynamic_path(reference)? {
            Some(vault_path) => self.describe_dynamic(&vault_path).await,
            None => self.server.description(&self.server.parse_path(reference)?).await,
        }
    }

    async fn rotate(&self, reference: &Reference) -> Result<Version, ProviderError> {
        self.server.rotate(&self.server.parse_path(reference)?).await
    }

    async fn revoke(&self, reference: &Reference, version: &Version) -> Result<(), ProviderError> {
        self.server.delete_version(&self.server.parse_path(reference)?, version).await
    }
}

impl Vault {
    /// Returns the path of a dynamic secret; `None` for any other secret.
    fn dynamic_path(&self, reference: &Reference) -> Result<Option<VaultPath>, ProviderError> {
        let vault_path = self.server.parse_path(reference)?;
        Ok(vault_path.kind.is_dynamic().then_some(vault_path))
    }

    /// Describes a dynamic secret, which has no version before it is issued. Checks that its role
    /// exists.
    async fn describe_dynamic(&self, vault_path: &VaultPath) -> Result<Description, ProviderError> {
        let (server, folders) = (&self.server, FolderCache::default());
        match server.access.retry.call(|| server.exists(vault_path, &folders)).await {
            Ok(false) => Err(ProviderError::NotFound),
            // The engine alone tells that the secret is dynamic.
            Ok(true) | Err(ProviderError::Denied) => Ok(Description::dynamic()),
            Err(error) => Err(error),
        }
    }
}
