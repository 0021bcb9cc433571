//! What an operator asks of a backend.

use async_trait::async_trait;
use far_capability::Version;

use super::{Description, ProviderError, Reference};

/// A backend that describes, rotates or revokes the versions of its secrets.
///
/// The broker calls these for an operator's command or for the catalog's `rotate`, never for a
/// task, each within `provider_deadline`. A rotation or revocation is recorded before it is requested.
#[async_trait]
pub trait SecretAdmin: Send + Sync {
    /// Describes the current version of a secret without reading its value.
    ///
    /// Called for `far secrets`, and before a scheduled rotation to find the age of the version:
    /// processes that share a secret must not each rotate it.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] where the backend describes nothing without the value: the
    /// schedule then counts from the moment at which the process first saw the version. After any
    /// other error the broker rotates nothing and asks again later.
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError>;

    /// Makes the backend create a new version, which is the current one from then on, and returns
    /// it. Every cached value of the secret is then refreshed.
    ///
    /// Not called for a secret that has a lease: the broker calls
    /// [`DynamicSecrets::reissue`](super::DynamicSecrets::reissue).
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], the default, where the backend cannot: cached values are
    /// refreshed all the same. After [`ProviderError::NotFound`], they are not. After any other
    /// error they are, because the backend may have rotated although its answer was lost.
    async fn rotate(&self, _reference: &Reference) -> Result<Version, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Revokes a version in the backend: it is readable by nobody afterwards.
    ///
    /// Called after the broker wiped its cached values, with the version of
    /// [`describe`](Self::describe). A version that is revoked already is no error.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], the default, where the backend cannot; otherwise any
    /// [`ProviderError`]. The operator is shown either.
    async fn revoke(&self, _reference: &Reference, _version: &Version) -> Result<(), ProviderError> {
        Err(ProviderError::Unsupported)
    }
}
