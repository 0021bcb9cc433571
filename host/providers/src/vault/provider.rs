//! The provider's calls, each to where it is made.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use far_core::provider::{
    Counted, Description, Fetched, Holder, LeaseId, ProviderError, Reference, Refreshed, SecretProvider, Server,
};
use far_core::{ProviderId, Version, VersionSelector};

use super::Vault;
use super::dynamic::{Dynamic, Wanted};
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
        server.shell.call(|| server.client.health()).await?;
        server.shell.call(|| server.reach()).await?;
        let (mut there, folders) = (Vec::new(), Folders::default());
        for reference in &server.known {
            let place = server.place(reference)?;
            if server.shell.call(|| server.is_there(&place, &folders)).await? {
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

    #[expect(clippy::disallowed_methods, reason = "a provider answers for itself")]
    async fn get_secret_for(
        &self,
        reference: &Reference,
        version: &VersionSelector,
        holder: &Holder,
    ) -> Result<Fetched, ProviderError> {
        match self.made(reference)? {
            Some(place) => Dynamic::get(&self.server, place, Wanted::Version(version.clone()), holder).await,
            None => self.get_secret(reference, version).await,
        }
    }

    fn has_leases(&self) -> bool {
        self.server.dynamic.is_some() && self.server.mounts.are_dynamic()
    }

    async fn renew(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        self.server.dynamic()?.lengthen(&self.server, lease).await
    }

    /// A lease of which a holder has several secrets ends with the last of them.
    async fn revoke_lease(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        Dynamic::give_back(&self.server, lease).await
    }

    /// Of what is there for all, nothing is: but who asks afterwards has it read anew.
    async fn take_back(&self, reference: &Reference, holder: &Holder) -> Result<(), ProviderError> {
        let place = self.server.place(reference)?;
        if !place.source.is_made() {
            self.server.forget_reads(&place);
            return Ok(());
        }
        match &self.server.dynamic {
            Some(_) => Dynamic::reclaim(&self.server, &place, holder).await,
            None => Ok(()),
        }
    }

    async fn end(&self, holder: &Holder) -> Result<(), ProviderError> {
        Dynamic::end(&self.server, holder).await
    }

    /// Both are there until each secret of the old one's lease was given back, or the holder ends.
    async fn replace_lease(
        &self,
        reference: &Reference,
        lease: &LeaseId,
        holder: &Holder,
    ) -> Result<Fetched, ProviderError> {
        let place = self.made(reference)?.ok_or(ProviderError::Unsupported)?;
        Dynamic::get(&self.server, place, Wanted::Instead(lease.clone()), holder).await
    }

    async fn describe_secret(&self, reference: &Reference) -> Result<Description, ProviderError> {
        match self.made(reference)? {
            Some(place) => self.describe_made(&place).await,
            None => self.server.describe(&self.server.place(reference)?).await,
        }
    }

    async fn revoke(&self, reference: &Reference, version: &Version) -> Result<(), ProviderError> {
        self.server.remove_version(&self.server.place(reference)?, version).await
    }

    async fn rotate(&self, reference: &Reference) -> Result<Version, ProviderError> {
        self.server.replace_password(&self.server.place(reference)?).await
    }

    fn counted(&self) -> Vec<(Server, Arc<dyn Counted>)> {
        vec![(Server::Backend, self.server.metrics.clone())]
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
        match server.shell.call(|| server.is_there(place, &folders)).await {
            Ok(false) => Err(ProviderError::NotFound),
            // That it is made for who asks is so whoever may look at its role.
            Ok(true) | Err(ProviderError::Denied) => Ok(Description { leased: true, ..Description::default() }),
            Err(error) => Err(error),
        }
    }
}
