//! The traits that a backend implements.
//!
//! - [`SecretProvider`]: every backend. It reads secrets that exist.
//! - [`DynamicSecrets`]: a backend that issues a new secret to each owner, under a lease.
//! - [`SecretAdmin`]: a backend that describes, rotates or revokes versions.
//!
//! # Deadlines and cancellation
//!
//! Only the broker calls a provider, after the capability check. It puts a deadline around each
//! call: [`BrokerSettings::provider_deadline`](crate::broker::BrokerSettings) (10 s by default) or,
//! for [`release`](DynamicSecrets::release), [`revoke_for`](DynamicSecrets::revoke_for) and
//! [`revoke_all`](DynamicSecrets::revoke_all),
//! [`BrokerSettings::revoke_deadline`](crate::broker::BrokerSettings) (5 s by default). When the
//! deadline passes, the broker drops the call's future and continues as after
//! [`ProviderError::Timeout`]. It also drops a call when nobody may have the answer any more: the
//! task ended, or the operator revoked the secret. A future may therefore be dropped at any await
//! point. No part of a value may stay in memory then: keep values in
//! [`SecretBytes`](crate::memory::SecretBytes), or in buffers that are overwritten when they are
//! dropped.
//!
//! Deadlines are not retries: the broker calls once for all tasks that share the answer, and a
//! provider that retries does so within the deadline. A panic of a call counts as
//! [`ProviderError::Unavailable`].
//!
//! # Errors
//!
//! The broker reads an error in one of three ways; [`ProviderError`] says which of them each one
//! is. All of them carry fixed tokens only, so that no text of a backend reaches a log or a skill.
//!
//! | | errors | a cached value |
//! | --- | --- | --- |
//! | no answer | `Unavailable`, `Timeout`, `Throttled`, `Sealed` | stays; past its time, it is used for the catalog's `stale` |
//! | confirmed absence | `NotFound`, `VersionGone`, `Denied` | is not given out any more |
//! | any other | `Unauthenticated`, `Invalid`, `Integrity`, `TooLarge`, `OutOfLockedMemory`, `Unsupported` | stays until its time ends |

mod admin;
mod counted;
mod dynamic;
mod error;
mod value;

use async_trait::async_trait;
pub use far_capability::Reference;
use far_capability::{ProviderId, Version, VersionSelector};

pub use self::admin::SecretAdmin;
pub use self::counted::{Counted, Counts, Server};
pub use self::dynamic::DynamicSecrets;
pub use self::error::{HowGone, ProviderError};
pub use self::value::{Description, Fetched, Lease, LeaseId, Refreshed, SecretOwner};

/// A backend that has secrets (ADR-0023 R2).
///
/// Deadlines, cancellation and the three kinds of errors are described in the [module](self).
#[async_trait]
pub trait SecretProvider: Send + Sync + 'static {
    /// The name by which the catalog refers to this provider. Constant.
    fn id(&self) -> &ProviderId;

    /// Reads one version of a secret.
    ///
    /// The broker calls this when a task asks for a secret that is not in its cache, once for all
    /// tasks that share the value, within `provider_deadline`. Where [`dynamic`](Self::dynamic)
    /// answers, the broker calls [`DynamicSecrets::issue`] instead.
    ///
    /// The answer's version is the one that the backend names. If it is not the version that was
    /// asked for, the broker discards the value and reports [`ProviderError::Invalid`].
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`]. Only a confirmed absence is [`ProviderError::NotFound`]: the broker
    /// evicts the cached value then. A backend that does not keep old versions answers
    /// [`ProviderError::VersionGone`] for any but the current one, and a backend that would have
    /// to issue a secret, which needs an owner, answers [`ProviderError::Unsupported`].
    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError>;

    /// Lists the secrets of the backend, as far as it permits that. Reads no values.
    ///
    /// Called when the operator checks a configuration, never for a task, within
    /// `provider_deadline`.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`]; [`ProviderError::Unsupported`] or [`ProviderError::Denied`] where the
    /// backend was reached and does not list.
    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError>;

    /// Reads the current version, unless it is still `known`.
    ///
    /// The broker calls this within `provider_deadline` for a value in its cache, when a task
    /// refreshes it, its schedule says so or the operator does. The answer must come from a read
    /// that began after the call: it may not join an older read that is in flight. It is not called
    /// for a secret that has a lease.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`]; the cached value then stays as the [module](self) says.
    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError>;

    /// Detaches the reads of a secret that are in flight: whoever asks after this call is answered
    /// by a read that began after it. Reads that somebody waits for continue for those callers.
    ///
    /// The broker calls this when the operator revokes a secret, before
    /// [`DynamicSecrets::revoke_for`]. It must not block. A provider that shares no reads between
    /// callers has nothing to do, which is the default.
    fn forget_in_flight(&self, _reference: &Reference) {}

    /// The provider as an issuer of dynamic secrets; `None`, the default, if it issues none.
    ///
    /// Constant for the life of the provider. The broker asks before each call, so this must be
    /// cheap: return `Some(self)`.
    fn dynamic(&self) -> Option<&dyn DynamicSecrets> {
        None
    }

    /// The provider's operations for an operator; `None`, the default, is as if each of them
    /// answered [`ProviderError::Unsupported`].
    ///
    /// Constant for the life of the provider, as [`dynamic`](Self::dynamic).
    fn admin(&self) -> Option<&dyn SecretAdmin> {
        None
    }
}
