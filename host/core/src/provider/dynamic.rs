//! Dynamic secrets, each issued to one owner under a lease.

use std::time::Duration;

use async_trait::async_trait;
use far_capability::VersionSelector;

use super::{FetchedSecret, LeaseId, ProviderError, Reference, SecretOwner};

/// A backend that issues a new secret to each owner, and revokes it with that owner.
///
/// An owner is a task, or a group of tasks that share a value by the secret's scope. The broker
/// creates one [`SecretOwner`] for each, passes it to [`issue`](Self::issue), and ends it by
/// [`revoke_all`](Self::revoke_all). Two owners never share a lease.
///
/// A dropped call may have reached the backend, which may have issued a secret. The provider must
/// be able to revoke such a secret in [`revoke_all`](Self::revoke_all), although it never saw the
/// answer. One solution is a separate backend token for each owner, under which all its leases are
/// issued. Tokens and leases that outlive a killed process need a lease journal on disk.
#[async_trait]
pub trait DynamicSecrets: Send + Sync {
    /// Reads one version of a secret on behalf of `owner`. A dynamic reference yields a new secret,
    /// leased to that owner.
    ///
    /// The broker calls this instead of
    /// [`SecretProvider::get_secret`](super::SecretProvider::get_secret), for every reference of
    /// the provider, within `provider_deadline`. For a static reference the result is that of
    /// `get_secret`, without a [`Lease`](super::Lease). Several references to one dynamic secret,
    /// such as the user name and the password of one account, share a lease.
    ///
    /// # Errors
    ///
    /// Those of [`SecretProvider::get_secret`](super::SecretProvider::get_secret), and:
    ///
    /// - [`ProviderError::VersionGone`] for an exact version other than the issued one.
    /// - [`ProviderError::Unavailable`] after [`revoke_all`](Self::revoke_all) for this owner.
    async fn issue(
        &self,
        reference: &Reference,
        version: &VersionSelector,
        owner: &SecretOwner,
    ) -> Result<FetchedSecret, ProviderError>;

    /// Renews a lease, and returns its new duration from now, as the backend decided.
    ///
    /// The broker calls this for a [`renewable`](super::Lease) lease at two thirds of its remaining
    /// time, while the catalog's `ttl` permits an extension, within `provider_deadline`.
    ///
    /// # Errors
    ///
    /// [`ProviderError::NotFound`] for an ended lease; [`ProviderError::Unsupported`], the default,
    /// if the backend cannot renew; otherwise any [`ProviderError`]. After an error, the broker
    /// does not renew that lease again, and the secret expires.
    async fn renew(&self, _lease: &LeaseId) -> Result<Duration, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Releases a lease. The secret is revoked when this returns.
    ///
    /// The broker calls this within `revoke_deadline`, once for each value of the lease. It does so
    /// when the value expires, its owner ends, the overlap of a previous version ends, or the
    /// broker discards the value. If several references share a lease, the last release revokes it.
    /// Releasing an ended lease is not an error.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`], if the secret may still be valid. The broker records the failure and
    /// does not retry: [`revoke_all`](Self::revoke_all) is the next attempt.
    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError>;

    /// Issues a new secret to `owner` to replace the one with this lease. The previous secret stays
    /// valid until it is released. If another reference of this lease was reissued before, returns
    /// that replacement.
    ///
    /// The broker calls this within `provider_deadline`, for the catalog's `rotate` or the
    /// operator.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], the default, for a static reference or if the backend cannot
    /// reissue; otherwise any [`ProviderError`]. The previous secret does not change.
    async fn reissue(
        &self,
        _reference: &Reference,
        _lease: &LeaseId,
        _owner: &SecretOwner,
    ) -> Result<FetchedSecret, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Revokes everything issued to `owner` for this reference, including requests in flight. When
    /// this returns, no earlier request can still yield a value. The owner continues, and may be
    /// issued another secret. A static reference has nothing to revoke.
    ///
    /// The broker calls this within `revoke_deadline` when the operator revokes a secret. It
    /// cancels its own calls before, and releases the leases of the values afterwards.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`], if a secret may still be valid. The broker records it.
    async fn revoke_for(&self, reference: &Reference, owner: &SecretOwner) -> Result<(), ProviderError>;

    /// Revokes everything issued to `owner`: leases, and the credentials that issued them. Affects
    /// no other owner.
    ///
    /// The broker calls this within `revoke_deadline` when the owner ends, unless the owner never
    /// used this provider. It cancels the owner's calls and releases the known leases before. A
    /// call that is dropped at the deadline should continue in a separate task. The owner is never
    /// used again.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`], if a secret may still be valid. The broker records it and does not
    /// retry.
    async fn revoke_all(&self, owner: &SecretOwner) -> Result<(), ProviderError>;
}
