//! Dynamic secrets: each is issued to one owner, under a lease.

use std::time::Duration;

use async_trait::async_trait;
use far_capability::VersionSelector;

use super::{Fetched, LeaseId, ProviderError, Reference, SecretOwner};

/// A backend that issues a new secret to each owner, and revokes it with that owner.
///
/// An owner is a task, or the other tasks that share its value by the secret's scope. The broker
/// creates one [`SecretOwner`] for each of them, passes it to [`issue`](Self::issue), and ends it
/// by [`revoke_all`](Self::revoke_all). No two owners may be given the same lease.
///
/// A call that the broker drops may have reached the backend: a secret may have been issued whose
/// answer nobody read. Whatever was issued to an owner must be known to the provider before the
/// secret can exist, so that [`revoke_all`](Self::revoke_all) revokes that one too. A token of the
/// owner's own, under which the backend issues its secrets, is one way to do so; such a token, or
/// a lease, that outlives a killed process needs a journal on disk.
#[async_trait]
pub trait DynamicSecrets: Send + Sync {
    /// Issues a secret to `owner`, or reads one that exists.
    ///
    /// The broker calls this in the place of
    /// [`SecretProvider::get_secret`](super::SecretProvider::get_secret), for every reference of the
    /// provider, within `provider_deadline`. A provider that has both kinds answers for a static
    /// reference exactly as `get_secret` does: without a [`Lease`](super::Lease), and not for the
    /// owner alone. For a dynamic reference, the answer has the lease that ends it. Several
    /// references to one secret, such as the user name and the password of one account, are of one
    /// lease.
    ///
    /// After [`revoke_all`](Self::revoke_all), the owner is issued nothing:
    /// [`ProviderError::Unavailable`].
    ///
    /// # Errors
    ///
    /// As [`SecretProvider::get_secret`](super::SecretProvider::get_secret). For an exact version
    /// that is not the one issued, [`ProviderError::VersionGone`].
    async fn issue(
        &self,
        reference: &Reference,
        version: &VersionSelector,
        owner: &SecretOwner,
    ) -> Result<Fetched, ProviderError>;

    /// Renews a lease, and returns how long it lasts from now, as the backend decides.
    ///
    /// Called for a lease that is [`renewable`](super::Lease), at two thirds of its remaining time,
    /// while the catalog's `ttl` permits it to last longer, within `provider_deadline`.
    ///
    /// # Errors
    ///
    /// [`ProviderError::NotFound`] for a lease that has ended; [`ProviderError::Unsupported`], the
    /// default, where the backend renews nothing; otherwise any [`ProviderError`]. After an error,
    /// the broker does not renew that lease again: the secret lasts until its time ends.
    async fn renew(&self, _lease: &LeaseId) -> Result<Duration, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Releases a lease: the secret is revoked when this returns.
    ///
    /// Called within `revoke_deadline`, once for each value of the lease, when its time ends, its
    /// owner ends, the overlap of a previous version ends, or the broker discards an answer.
    /// Where several references share a lease, the last release revokes it. A lease that has ended
    /// is no error.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`], if the secret may still be valid. The broker records the failure and
    /// does not call again: [`revoke_all`](Self::revoke_all) is the next chance.
    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError>;

    /// Issues another secret to `owner`, in the place of the one that has this lease. The previous
    /// one stays valid until it is released. If it was replaced already, because another reference
    /// of the same lease was, answers with the replacement.
    ///
    /// Called within `provider_deadline`, when the catalog's `rotate` or the operator says so.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], the default, where the backend cannot, or for a static
    /// reference; otherwise any [`ProviderError`]. The previous secret stays as it was.
    async fn reissue(
        &self,
        _reference: &Reference,
        _lease: &LeaseId,
        _owner: &SecretOwner,
    ) -> Result<Fetched, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Revokes everything issued to `owner` for this reference, including requests in flight,
    /// however many values were given out. When this returns, no earlier request can still yield a
    /// value. The owner goes on, and may be issued another secret.
    ///
    /// Called within `revoke_deadline` when the operator revokes a secret, after the broker stopped
    /// its own calls; it releases the leases of the values afterwards. For a static reference there
    /// is nothing to revoke.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`], if a secret may still be valid: it is recorded.
    async fn revoke_for(&self, reference: &Reference, owner: &SecretOwner) -> Result<(), ProviderError>;

    /// Revokes everything issued to `owner`: leases, and the credentials under which they were
    /// issued. Revokes nothing of another owner's.
    ///
    /// Called within `revoke_deadline` when the owner ends, if it called this provider at all, after
    /// the broker stopped its calls and released the leases that it knows of. A call that is
    /// dropped at the deadline should continue in a task of its own. The owner is never used again.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`], if a secret may still be valid: it is recorded, and this is not called
    /// again.
    async fn revoke_all(&self, owner: &SecretOwner) -> Result<(), ProviderError>;
}
