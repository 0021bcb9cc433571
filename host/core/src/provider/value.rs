//! Results of provider calls, owners and leases.

use std::sync::Arc;
use std::time::Duration;

use far_capability::Version;
use far_memory::SecretBytes;

/// A secret that a provider read or issued.
#[non_exhaustive]
pub struct FetchedSecret {
    /// The value, unchanged.
    pub value: SecretBytes,
    /// The version as the backend names it, never a guess.
    pub version: Version,
    /// The backend's time to live. The catalog's `ttl` caps it.
    pub ttl: Option<Duration>,
    /// The lease of a dynamic secret; `None` for a static one.
    pub lease: Option<Lease>,
}

impl FetchedSecret {
    /// Creates a static secret with the catalog's time to live.
    pub fn new(value: SecretBytes, version: Version) -> Self {
        Self { value, version, ttl: None, lease: None }
    }

    /// Sets the backend's time to live.
    #[must_use]
    pub fn with_ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.ttl = ttl.into();
        self
    }

    /// Sets the lease of a dynamic secret.
    #[must_use]
    pub fn with_lease(mut self, lease: Lease) -> Self {
        self.lease = Some(lease);
        self
    }
}

/// The backend's description of a secret, without its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The current version; `None` for a dynamic secret, which has no version before it is issued.
    pub version: Option<Version>,
    /// The age of the version, if the backend reports it.
    pub age: Option<Duration>,
    /// The remaining time to live of the version, if the backend reports it.
    pub ttl: Option<Duration>,
    /// Set for a dynamic secret, which is issued under a lease.
    pub leased: bool,
}

impl Description {
    /// Describes a static secret by its current version.
    pub fn new(version: Version) -> Self {
        Self { version: Some(version), ..Self::default() }
    }

    /// Describes a dynamic secret, which has no version yet.
    pub fn dynamic() -> Self {
        Self { leased: true, ..Self::default() }
    }

    /// Sets the age of the version.
    #[must_use]
    pub fn with_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.age = age.into();
        self
    }

    /// Sets the remaining time to live of the version.
    #[must_use]
    pub fn with_ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.ttl = ttl.into();
        self
    }
}

/// The owner of dynamic secrets: one task, or all tasks that share a value by its secret's scope.
///
/// An opaque id of visible ASCII characters, never reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretOwner(Arc<str>);

impl SecretOwner {
    /// Returns a new owner.
    ///
    /// # Errors
    ///
    /// The operating system's random source failed.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0_u8; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self(hex::encode(bits).into()))
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The lease of a dynamic secret, by which it is renewed and revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The backend's id of the lease.
    pub id: LeaseId,
    /// Set if the lease can be renewed.
    pub renewable: bool,
}

impl Lease {
    /// Creates a lease that cannot be renewed.
    pub fn new(id: LeaseId) -> Self {
        Self { id, renewable: false }
    }

    /// Sets whether the lease can be renewed.
    #[must_use]
    pub fn with_renewable(mut self, renewable: bool) -> Self {
        self.renewable = renewable;
        self
    }
}

/// A backend's id of a lease. It is not a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseId(Arc<str>);

impl LeaseId {
    /// Wraps an id in the backend's format.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The result of a refresh.
pub enum RefreshOutcome {
    /// The known version is current.
    Unchanged,
    /// The backend has another current version.
    Changed(FetchedSecret),
}
