//! A backend's operations for an operator.

use async_trait::async_trait;
use far_capability::Version;

use super::{Description, ProviderError, Reference};

/// A backend that describes, rotates or revokes the versions of its secrets.
///
/// The broker calls these for an operator's command or for the catalog's `rotate`, never for a
/// task, within `provider_deadline`. It records a rotation or revocation before it calls.
#[async_trait]
pub trait SecretAdmin: Send + Sync {
    /// Describes the current version of a secret without reading its value.
    ///
    /// The broker calls this for `far secrets`, and before a scheduled rotation to learn the age of
    /// the version, because several processes may share the secret and its schedule.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] if the backend has no metadata: the schedule then counts from
    /// the time at which the process first read the version. After any other error the broker
    /// rotates nothing and tries again later.
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError>;

    /// Creates a new current version in the backend, and returns its name. The broker then
    /// refreshes every cached value of the secret.
    ///
    /// For a leased secret, the broker calls
    /// [`DynamicSecrets::reissue`](super::DynamicSecrets::reissue) instead.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], the default, if the backend cannot rotate. The broker
    /// refreshes cached values after every error except [`ProviderError::NotFound`], because the
    /// backend may have rotated although its answer was lost.
    async fn rotate(&self, _reference: &Reference) -> Result<Version, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Revokes a version in the backend, so that no client can read it.
    ///
    /// The broker wipes its cached values first, and passes the version that
    /// [`describe`](Self::describe) returned. Revoking a version twice is not an error.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], the default, if the backend cannot revoke; otherwise any
    /// [`ProviderError`]. The command reports both to the operator.
    async fn revoke(&self, _reference: &Reference, _version: &Version) -> Result<(), ProviderError> {
        Err(ProviderError::Unsupported)
    }
}
