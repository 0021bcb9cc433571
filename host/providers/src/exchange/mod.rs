//! Token exchange: the backend stores a long-lived key, and a skill gets a short-lived token for
//! it.
//!
//! [`Exchange`] wraps another provider. A secret with an [`ExchangeConfig`] is a token that an
//! issuer returns for a key of the inner provider. All other secrets are those of the inner
//! provider. A key is read for one exchange and then dropped.
//!
//! # Limits
//!
//! The broker, not this provider, caches tokens. A token that is no longer needed is not revoked at
//! its issuer; it expires.
//!
//! # Security
//!
//! A key is sent only to its token issuer. A GitHub App's key is never sent: it signs a JWT. No
//! error contains a part of a response or a URL.

#![expect(clippy::disallowed_methods, reason = "a wrapper calls the inner provider on behalf of the broker")]

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
    Description, DynamicSecrets, FetchedSecret, LeaseId, ProviderError, Reference, RefreshOutcome, SecretAdmin,
    SecretOwner, SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};

pub use self::endpoint::{Endpoint, EndpointError};
pub use self::github_app::GitHubApp;
pub use self::oauth2::{ClientAuth, ClientCredentials};

use self::call::{IssuedToken, Issuer};
use crate::network::{HttpSetupError, Metrics, Settings};
use crate::version::{RandomError, VersionHasher};

/// The exchange of one secret for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeConfig {
    /// The reference of the token. It must differ from the references of the backend.
    pub name: Reference,
    /// The reference of the key in the backend.
    pub key: Reference,
    /// The kind of exchange.
    pub kind: Kind,
    /// The trusted authorities for the issuer, in PEM; `None` means the platform's.
    pub authorities: Option<Vec<u8>>,
}

/// A kind of exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A GitHub App's private key signs a JWT, and GitHub issues an installation access token.
    GitHubApp(GitHubApp),
    /// A client secret is sent to the authorization server, which issues an access token (RFC 6749,
    /// section 4.4).
    ClientCredentials(ClientCredentials),
}

/// An error that prevents the provider from being created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The authorities contain no certificate, or an invalid one.
    #[error("the authorities contain no certificate, or an invalid one")]
    Authorities,
    /// The HTTP client could not be created.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// The operating system returned no random bytes for the version key.
    #[error("the operating system returned no random bytes")]
    Random,
}

/// A provider that wraps another and exchanges its keys for tokens.
pub struct Exchange {
    inner: Arc<dyn SecretProvider>,
    sources: HashMap<Reference, TokenSource>,
    versions: VersionHasher,
    metrics: Arc<Metrics>,
}

struct TokenSource {
    key: Reference,
    kind: Kind,
    issuer: Issuer,
}

impl Exchange {
    /// Wraps a provider, under the same id. Requires a tokio runtime; sends no request.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`] if the HTTP client or the version key cannot be created.
    pub fn new(inner: Arc<dyn SecretProvider>, exchanges: Vec<ExchangeConfig>) -> Result<Self, ExchangeError> {
        let metrics = Arc::new(Metrics::default());
        let source = |config: ExchangeConfig| {
            let issuer = Issuer::new(config.authorities.as_deref(), Settings::default(), metrics.clone())?;
            Ok((config.name, TokenSource { key: config.key, kind: config.kind, issuer }))
        };
        let sources = exchanges.into_iter().map(source).collect::<Result<_, ExchangeError>>()?;
        let versions = VersionHasher::random("token").map_err(|RandomError| ExchangeError::Random)?;
        Ok(Self { inner, sources, versions, metrics })
    }

    /// Returns the counters of [`ServerRole::Issuer`](far_core::provider::ServerRole::Issuer), without
    /// those of the inner provider.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    async fn issue(&self, name: &Reference, source: &TokenSource) -> Result<FetchedSecret, ProviderError> {
        let key = self.inner.get_secret(&source.key, &VersionSelector::Current).await?;
        let issued = match &source.kind {
            Kind::GitHubApp(app) => app.token(&source.issuer, &key.value).await,
            Kind::ClientCredentials(client) => client.token(&source.issuer, &key.value).await,
        };
        drop(key);
        let IssuedToken { value, ttl } = issued?;
        let version = self.versions.version_of(name.as_str(), &value).map_err(|_| ProviderError::Invalid)?;
        Ok(FetchedSecret::new(value, version).with_ttl(ttl))
    }
}

#[async_trait]
impl SecretProvider for Exchange {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    async fn get_secret(
        &self,
        reference: &Reference,
        version: &VersionSelector,
    ) -> Result<FetchedSecret, ProviderError> {
        match (self.sources.get(reference), version) {
            (None, _) => self.inner.get_secret(reference, version).await,
            (Some(source), VersionSelector::Current) => self.issue(reference, source).await,
            // Each exchange returns a new token.
            (Some(_), VersionSelector::Exactly(_)) => {
                Err(ProviderError::VersionGone(far_core::provider::AbsenceReason::Destroyed))
            }
        }
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        let mut listed = self.inner.list_secrets().await?;
        let tokens = self.sources.iter().filter(|(_, source)| listed.contains(&source.key));
        let names: Vec<_> = tokens.map(|(name, _)| name.clone()).collect();
        listed.extend(names);
        Ok(listed)
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError> {
        match self.sources.get(reference) {
            None => self.inner.refresh_secret(reference, known).await,
            Some(source) => self.issue(reference, source).await.map(RefreshOutcome::Changed),
        }
    }

    /// Detaches reads of the key; no read of a token is shared.
    fn forget_in_flight(&self, reference: &Reference) {
        self.inner.forget_in_flight(self.key_of(reference));
    }

    fn dynamic(&self) -> Option<&dyn DynamicSecrets> {
        self.inner.dynamic().map(|_| self as &dyn DynamicSecrets)
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        self.inner.admin().map(|_| self as &dyn SecretAdmin)
    }
}

impl Exchange {
    /// Returns the reference in the inner provider: for a token, that of its key.
    fn key_of<'a>(&'a self, reference: &'a Reference) -> &'a Reference {
        self.sources.get(reference).map_or(reference, |source| &source.key)
    }

    fn inner_dynamic(&self) -> Result<&dyn DynamicSecrets, ProviderError> {
        self.inner.dynamic().ok_or(ProviderError::Unsupported)
    }

    fn inner_admin(&self) -> Result<&dyn SecretAdmin, ProviderError> {
        self.inner.admin().ok_or(ProviderError::Unsupported)
    }
}

/// Delegates to the inner provider, except for tokens: a token has no owner, because its key has
/// none.
#[async_trait]
impl DynamicSecrets for Exchange {
    async fn issue(
        &self,
        reference: &Reference,
        version: &VersionSelector,
        owner: &SecretOwner,
    ) -> Result<FetchedSecret, ProviderError> {
        match self.sources.get(reference) {
            None => self.inner_dynamic()?.issue(reference, version, owner).await,
            Some(_) => self.get_secret(reference, version).await,
        }
    }

    async fn renew(&self, lease: &LeaseId) -> Result<Duration, ProviderError> {
        self.inner_dynamic()?.renew(lease).await
    }

    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.inner_dynamic()?.release(lease).await
    }

    async fn reissue(
        &self,
        reference: &Reference,
        lease: &LeaseId,
        owner: &SecretOwner,
    ) -> Result<FetchedSecret, ProviderError> {
        match self.sources.get(reference) {
            None => self.inner_dynamic()?.reissue(reference, lease, owner).await,
            Some(_) => Err(ProviderError::Unsupported),
        }
    }

    async fn revoke_for(&self, reference: &Reference, owner: &SecretOwner) -> Result<(), ProviderError> {
        self.inner_dynamic()?.revoke_for(self.key_of(reference), owner).await
    }

    async fn revoke_all(&self, owner: &SecretOwner) -> Result<(), ProviderError> {
        self.inner_dynamic()?.revoke_all(owner).await
    }
}

/// Delegates to the inner provider, except for tokens.
#[async_trait]
impl SecretAdmin for Exchange {
    /// Checks that the key exists, and returns an empty description: the key's version is not the
    /// token's.
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError> {
        match self.sources.get(reference) {
            None => self.inner_admin()?.describe(reference).await,
            Some(source) => self.inner_admin()?.describe(&source.key).await.map(|_| Description::default()),
        }
    }

    async fn rotate(&self, reference: &Reference) -> Result<Version, ProviderError> {
        match self.sources.get(reference) {
            None => self.inner_admin()?.rotate(reference).await,
            Some(_) => Err(ProviderError::Unsupported),
        }
    }

    async fn revoke(&self, reference: &Reference, version: &Version) -> Result<(), ProviderError> {
        match self.sources.get(reference) {
            None => self.inner_admin()?.revoke(reference, version).await,
            Some(_) => Err(ProviderError::Unsupported),
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("id", self.id()).field("names", &self.sources.keys()).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests;
