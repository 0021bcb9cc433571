//! Secrets that are exchanged: the backend has a long-lived key, and the host gives a short-lived token for it, so that no
//! skill ever holds the key.
//!
//! [`Exchange`] stands in front of another provider. What it has a [`Recipe`] for is made with a key that the other one has, by
//! a request to whoever issues tokens; everything else is the other one's. A key is read for one exchange, and dropped.
//!
//! # What it does not do
//!
//! It keeps nothing: who shares a token, and until when, is the broker's. A token that is not needed any more is not given back to
//! whoever issued it; it ends by itself.
//!
//! # Security
//!
//! A key goes to nobody but whoever issues the tokens, and of GitHub's not even there: it signs. No text of an answer is in
//! any error, nor is a URL.

#![expect(clippy::disallowed_methods, reason = "it passes on what the broker asks it to the provider behind it")]

mod call;
mod endpoint;
mod github_app;
#[doc(hidden)]
pub mod internal;
mod oauth2;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use far_core::provider::{
    Description, DynamicSecrets, Fetched, LeaseId, ProviderError, Reference, Refreshed, SecretAdmin, SecretOwner,
    SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};

pub use self::endpoint::{Endpoint, EndpointError};
pub use self::github_app::GitHubApp;
pub use self::oauth2::{ClientAuth, ClientCredentials};

use self::call::{Issued, Issuer};
use crate::network::{HttpSetupError, Metrics, Settings};
use crate::version::{NoRandom, Versions};

/// How one secret is made of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// What the secret is called. Nothing of the backend's own is called so.
    pub name: Reference,
    /// What the key is called in the backend.
    pub key: Reference,
    /// What is done with the key.
    pub kind: Kind,
    /// The authorities that the issuer's certificate is of, in PEM; the platform's if none.
    pub authorities: Option<Vec<u8>>,
}

/// What is done with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A GitHub App's private key signs, and GitHub gives a token of one of its installations.
    GitHubApp(GitHubApp),
    /// A client's secret goes to its authorization server, which gives an access token (RFC 6749, 4.4).
    ClientCredentials(ClientCredentials),
}

/// Why there is no exchange.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The authorities have no certificate in them, or one that is none.
    #[error("there is no certificate in the authorities, or one that cannot be read")]
    Authorities,
    /// TLS, or the client.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// The operating system gave no random numbers for the key that versions are made with.
    #[error("the operating system gave no random numbers")]
    Random,
}

/// A provider in front of another, with tokens for its keys.
pub struct Exchange {
    behind: Arc<dyn SecretProvider>,
    issuers: HashMap<Reference, Exchanged>,
    versions: Versions,
    metrics: Arc<Metrics>,
}

struct Exchanged {
    key: Reference,
    kind: Kind,
    issuer: Issuer,
}

impl Exchange {
    /// Takes the place of a provider, under its name, with what is made of its keys. Must be called within a tokio runtime; makes no
    /// request.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`].
    pub fn new(behind: Arc<dyn SecretProvider>, recipes: Vec<Recipe>) -> Result<Self, ExchangeError> {
        let metrics = Arc::new(Metrics::default());
        let exchanged = |recipe: Recipe| {
            let issuer = Issuer::new(recipe.authorities.as_deref(), Settings::default(), metrics.clone())?;
            Ok((recipe.name, Exchanged { key: recipe.key, kind: recipe.kind, issuer }))
        };
        let issuers = recipes.into_iter().map(exchanged).collect::<Result<_, ExchangeError>>()?;
        let versions = Versions::random("token").map_err(|NoRandom| ExchangeError::Random)?;
        Ok(Self { behind, issuers, versions, metrics })
    }

    /// What the exchanges did so far, in numbers: the counters of
    /// [`Server::Issuer`](far_core::provider::Server::Issuer), without those of the provider behind.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    async fn issue(&self, name: &Reference, exchanged: &Exchanged) -> Result<Fetched, ProviderError> {
        let key = self.behind.get_secret(&exchanged.key, &VersionSelector::Current).await?;
        let issued = match &exchanged.kind {
            Kind::GitHubApp(app) => app.token(&exchanged.issuer, &key.value).await,
            Kind::ClientCredentials(client) => client.token(&exchanged.issuer, &key.value).await,
        };
        drop(key);
        let Issued { value, ttl } = issued?;
        let version = self.versions.of(name.as_str(), &value).map_err(|_| ProviderError::Invalid)?;
        Ok(Fetched::new(value, version).with_ttl(ttl))
    }
}

#[async_trait]
impl SecretProvider for Exchange {
    fn id(&self) -> &ProviderId {
        self.behind.id()
    }

    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        match (self.issuers.get(reference), version) {
            (None, _) => self.behind.get_secret(reference, version).await,
            (Some(exchanged), VersionSelector::Current) => self.issue(reference, exchanged).await,
            // No token is given out twice.
            (Some(_), VersionSelector::Exactly(_)) => {
                Err(ProviderError::VersionGone(far_core::provider::HowGone::Destroyed))
            }
        }
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        let mut there = self.behind.list_secrets().await?;
        let made: Vec<_> = self.issuers.iter().filter(|(_, exchanged)| there.contains(&exchanged.key)).collect();
        let made: Vec<_> = made.into_iter().map(|(name, _)| name.clone()).collect();
        there.extend(made);
        Ok(there)
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError> {
        match self.issuers.get(reference) {
            None => self.behind.refresh_secret(reference, known).await,
            Some(exchanged) => self.issue(reference, exchanged).await.map(Refreshed::Changed),
        }
    }

    /// A token is not kept; its key may be read by other callers.
    fn forget_in_flight(&self, reference: &Reference) {
        self.behind.forget_in_flight(self.key_of(reference));
    }

    fn dynamic(&self) -> Option<&dyn DynamicSecrets> {
        self.behind.dynamic().map(|_| self as &dyn DynamicSecrets)
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        self.behind.admin().map(|_| self as &dyn SecretAdmin)
    }
}

impl Exchange {
    /// What the provider behind calls the secret that this one comes from: the key of a token.
    fn key_of<'a>(&'a self, reference: &'a Reference) -> &'a Reference {
        self.issuers.get(reference).map_or(reference, |exchanged| &exchanged.key)
    }

    fn dynamic_behind(&self) -> Result<&dyn DynamicSecrets, ProviderError> {
        self.behind.dynamic().ok_or(ProviderError::Unsupported)
    }

    fn admin_behind(&self) -> Result<&dyn SecretAdmin, ProviderError> {
        self.behind.admin().ok_or(ProviderError::Unsupported)
    }
}

/// Passed on to the provider behind, except for tokens: a token has no owner, because its key has
/// none.
#[async_trait]
impl DynamicSecrets for Exchange {
    async fn issue(
        &self,
        reference: &Reference,
        version: &VersionSelector,
        owner: &SecretOwner,
    ) -> Result<Fetched, ProviderError> {
        match self.issuers.get(reference) {
            None => self.dynamic_behind()?.issue(reference, version, owner).await,
            Some(_) => self.get_secret(reference, version).await,
        }
    }

    async fn renew(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        self.dynamic_behind()?.renew(lease).await
    }

    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.dynamic_behind()?.release(lease).await
    }

    async fn reissue(
        &self,
        reference: &Reference,
        lease: &LeaseId,
        owner: &SecretOwner,
    ) -> Result<Fetched, ProviderError> {
        match self.issuers.get(reference) {
            None => self.dynamic_behind()?.reissue(reference, lease, owner).await,
            Some(_) => Err(ProviderError::Unsupported),
        }
    }

    async fn revoke_for(&self, reference: &Reference, owner: &SecretOwner) -> Result<(), ProviderError> {
        self.dynamic_behind()?.revoke_for(self.key_of(reference), owner).await
    }

    async fn revoke_all(&self, owner: &SecretOwner) -> Result<(), ProviderError> {
        self.dynamic_behind()?.revoke_all(owner).await
    }
}

/// Passed on to the provider behind, except for tokens.
#[async_trait]
impl SecretAdmin for Exchange {
    /// Describes a token by nothing but the presence of its key: the key's version is not the
    /// token's.
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError> {
        match self.issuers.get(reference) {
            None => self.admin_behind()?.describe(reference).await,
            Some(exchanged) => self.admin_behind()?.describe(&exchanged.key).await.map(|_| Description::default()),
        }
    }

    async fn rotate(&self, reference: &Reference) -> Result<Version, ProviderError> {
        match self.issuers.get(reference) {
            None => self.admin_behind()?.rotate(reference).await,
            Some(_) => Err(ProviderError::Unsupported),
        }
    }

    async fn revoke(&self, reference: &Reference, version: &Version) -> Result<(), ProviderError> {
        match self.issuers.get(reference) {
            None => self.admin_behind()?.revoke(reference, version).await,
            Some(_) => Err(ProviderError::Unsupported),
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("id", self.id()).field("names", &self.issuers.keys()).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests;
