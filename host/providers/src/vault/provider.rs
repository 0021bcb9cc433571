//! The provider's calls, each to where it is made.

use std::time::Duration;

use async_trait::async_trait;
use far_core::provider::{
    Description, DynamicSecrets, Fetched, LeaseId, ProviderError, Reference, Refreshed, SecretAdmin, SecretOwner,
    SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};

use super::Vault;
use super::dynamic::Wanted;
use super::metadata::Folders;
use super::place::Place;

#[async_trait]
impl SecretProvider for Vault {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        if self.made(reference)?.is_some() {
            // It would be nobody's, and nobody's to end.
            return Err(ProviderError::Unsupported);
        }
        if self.server.absences.holds(&(reference.clone(), version.clone())) {
            self.server.metrics.absent.add();
            return Err(ProviderError::NotFound);
        }
        self.read(reference, version).await?.copy()
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        let server = &self.server;
        server.access.shell.call(|| server.access.client.health()).await?;
        server.access.shell.call(|| server.reach()).await?;
        let (mut there, folders) = (Vec::new(), Folders::default());
        for reference in &server.known {
            let place = server.place(reference)?;
            if server.access.shell.call(|| server.is_there(&place, &folders)).await? {
                there.push(reference.clone());
            }
        }
        Ok(there)
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError> {
        let place = self.server.place(reference)?;
        if place.source.is_made() {
            return Err(ProviderError::Unsupported);
        }
        // One that began before may answer with what is no longer so.
        self.server.forget_reads(&place);
        let answered = self.read(reference, &VersionSelector::Current).await?;
        if answered.version == *known { Ok(Refreshed::Unchanged) } else { answered.copy().map(Refreshed::Changed) }
    }

    fn forget_in_flight(&self, reference: &Reference) {
        if let Ok(place) = self.server.place(reference) {
            self.server.forget_reads(&place);
        }
    }

    /// Issues dynamic secrets where an engine is mounted that does, and a ledger is open.
    fn dynamic(&self) -> Option<&dyn DynamicSecrets> {
        let issues = self.server.dynamic.is_some() && self.server.mounts.are_dynamic();
        issues.then_some(self as &dyn DynamicSecrets)
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        Some(self)
    }
}

#[async_trait]
impl DynamicSecrets for Vault {
    /// Keys and values, and passwords of static roles, are read as by
    /// [`get_secret`](SecretProvider::get_secret).
    #[expect(clippy::disallowed_methods, reason = "a provider answers for itself")]
    async fn issue(
        &self,
        reference: &Reference,
        version: &VersionSelector,
        owner: &SecretOwner,
    ) -> Result<Fetched, ProviderError> {
        match self.made(reference)? {
            Some(place) => self.server.dynamic()?.get(place, Wanted::Version(version.clone()), owner).await,
            None => self.get_secret(reference, version).await,
        }
    }

    async fn renew(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        self.server.dynamic()?.lengthen(lease).await
    }

    /// A lease of which an owner has several secrets ends with the last of them.
    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.server.dynamic()?.give_back(lease).await
    }

    /// Both are there until each secret of the old one's lease was released, or the owner ends.
    async fn reissue(
        &self,
        reference: &Reference,
        lease: &LeaseId,
        owner: &SecretOwner,
    ) -> Result<Fetched, ProviderError> {
        let place = self.made(reference)?.ok_or(ProviderError::Unsupported)?;
        self.server.dynamic()?.get(place, Wanted::Instead(lease.clone()), owner).await
    }

    async fn revoke_for(&self, reference: &Reference, owner: &SecretOwner) -> Result<(), ProviderError> {
        match self.made(reference)? {
            Some(place) => self.server.dynamic()?.reclaim(&place, owner).await,
            None => Ok(()),
        }
    }

    async fn revoke_all(&self, owner: &SecretOwner) -> Result<(), ProviderError> {
        self.server.dynamic()?.end(owner).await
    }
}

#[async_trait]
impl SecretAdmin for Vault {
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError> {
        match self.made(reference)? {
            Some(place) => self.describe_made(&place).await,
            None => self.server.description(&self.server.place(reference)?).await,
        }
    }

    async fn rotate(&self, reference: &Reference) -> Result<Version, ProviderError> {
        self.server.replace_password(&self.server.place(reference)?).await
    }

    async fn revoke(&self, reference: &Reference, version: &Version) -> Result<(), ProviderError> {
        self.server.remove_version(&self.server.place(reference)?, version).await
    }
}

impl Vault {
    /// Where a secret is that is made for who asks; none for one that is there already.
    fn made(&self, reference: &Reference) -> Result<Option<Place>, ProviderError> {
        let place = self.server.place(reference)?;
        Ok(place.source.is_made().then_some(place))
    }

    /// What is made for who asks has no version before somebody does: there is its role, or there is not.
    async fn describe_made(&self, place: &Place) -> Result<Description, ProviderError> {
        let (server, folders) = (&self.server, Folders::default());
        match server.access.shell.call(|| server.is_there(place, &folders)).await {
            Ok(false) => Err(ProviderError::NotFound),
            // That it is made for who asks is so whoever may look at its role.
            Ok(true) | Err(ProviderError::Denied) => Ok(Description::dynamic()),
            Err(error) => Err(error),
        }
    }
}
