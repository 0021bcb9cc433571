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
//! [`ProviderError::Timeout`]. It also drops a call when its task ends or the operator revokes the
//! secret. A future may therefore be dropped at any await point. No part of a value may stay in
//! memory then: keep values in [`SecretBytes`](crate::memory::SecretBytes), or in buffers that are
//! overwritten on drop.
//!
//! The broker does not retry: it calls once for all tasks that share the answer. A provider that
//! retries does so within the deadline. A panic counts as [`ProviderError::Unavailable`].
//!
//! # Errors
//!
//! Each [`ProviderError`] belongs to one of three classes. An error carries fixed tokens only, so
//! that no text of a backend reaches a log or a skill.
//!
//! | Class | Errors | Cached value |
//! | --- | --- | --- |
//! | transient | `Unavailable`, `Timeout`, `Throttled`, `Sealed` | stays, and is stale-if-error |
//! | confirmed absence | `NotFound`, `VersionGone`, `Denied` | is evicted |
//! | other | all others | stays until it expires |

mod admin;
mod counts;
mod dynamic;
mod error;
mod value;

use async_trait::async_trait;
pub use far_capability::Reference;
use far_capability::{ProviderId, Version, VersionSelector};

pub use self::admin::SecretAdmin;
pub use self::counts::{CallCounter, CallCounts, ServerRole};
pub use self::dynamic::DynamicSecrets;
pub use self::error::{AbsenceReason, ProviderError};
pub use self::value::{Description, FetchedSecret, Lease, LeaseId, RefreshOutcome, SecretOwner};

/// A backend that stores secrets (ADR-0023 R2).
///
/// The [module](self) describes deadlines, cancellation and the classes of errors.
#[async_trait]
pub trait SecretProvider: Send + Sync + 'static {
    /// Returns the name of this provider in the catalog. Constant.
    fn id(&self) -> &ProviderId;

    /// Reads one version of a secret.
    ///
    /// The broker calls this on a cache miss, once for all tasks that share the value, within
    /// `provider_deadline`. For a provider with [`dynamic`](Self::dynamic) secrets, the broker
    /// calls [`DynamicSecrets::issue`] instead.
    ///
    /// The returned version is the backend's. If it is not the requested version, the broker
    /// discards the value and reports [`ProviderError::Invalid`].
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`]:
    ///
    /// - [`ProviderError::NotFound`] only for a confirmed absence, because the broker then evicts
    ///   the cached value.
    /// - [`ProviderError::VersionGone`] for a previous version, if the backend does not keep any.
    /// - [`ProviderError::Unsupported`] for a dynamic secret, which needs an owner.
    async fn get_secret(
        &self,
        reference: &Reference,
        version: &VersionSelector,
    ) -> Result<FetchedSecret, ProviderError>;

    /// Lists the secrets that the backend permits the agent to list. Reads no values.
    ///
    /// The broker calls this for the operator's check of a configuration, never for a task, within
    /// `provider_deadline`.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`]; [`ProviderError::Unsupported`] or [`ProviderError::Denied`] if the
    /// backend is reachable but does not list.
    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError>;

    /// Reads the current version, if it differs from `known`.
    ///
    /// The broker calls this within `provider_deadline` for a cached value, on request of a task, a
    /// schedule or the operator, and never for a leased secret. The read must begin after the call:
    /// it must not join an in-flight read.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`]; the [module](self) describes the effect on the cached value.
    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError>;

    /// Detaches in-flight reads of a secret: later calls start new reads instead of joining them.
    /// Earlier callers still get their results.
    ///
    /// The broker calls this when the operator revokes a secret, before
    /// [`DynamicSecrets::revoke_for`]. It must not block. The default does nothing, for providers
    /// that do not share reads between callers.
    fn forget_in_flight(&self, _reference: &Reference) {}

    /// Returns the provider as an issuer of dynamic secrets; `None`, the default, if it issues
    /// none.
    ///
    /// Constant for the life of the provider. The broker calls this before each call, so it must be
    /// cheap: return `Some(self)`.
    fn dynamic(&self) -> Option<&dyn DynamicSecrets> {
        None
    }

    /// Returns the provider's operations for an operator. `None`, the default, means that all of
    /// them return [`ProviderError::Unsupported`].
    ///
    /// Constant for the life of the provider, like [`dynamic`](Self::dynamic).
    fn admin(&self) -> Option<&dyn SecretAdmin> {
        None
    }
}
