//! What a provider is asked for, and what it answers with.

use std::sync::Arc;
use std::time::Duration;

use far_capability::Version;

use far_memory::SecretBytes;

/// A value that a backend gave out.
#[non_exhaustive]
pub struct Fetched {
    /// The bytes, exactly.
    pub value: SecretBytes,
    /// The version that the backend says these are; never a guess.
    pub version: Version,
    /// How long the backend says the value lives; the catalog's time caps it.
    pub ttl: Option<Duration>,
    /// The lease of a dynamic secret; none for a static one.
    pub lease: Option<Lease>,
}

impl Fetched {
    /// A version and its value, which lives as long as the catalog says.
    pub fn new(value: SecretBytes, version: Version) -> Self {
        Self { value, version, ttl: None, lease: None }
    }

    /// Sets how long the backend says the value lives.
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
    /// The current version; none for a dynamic secret, which has no version before it is issued.
    pub version: Option<Version>,
    /// How long ago the version was made, where the backend says so.
    pub age: Option<Duration>,
    /// How much longer the version lives, where the backend says so.
    pub ttl: Option<Duration>,
    /// Whether the secret is dynamic, and so is issued under a lease.
    pub leased: bool,
}

impl Description {
    /// A static secret, by its current version.
    pub fn new(version: Version) -> Self {
        Self { version: Some(version), ..Self::default() }
    }

    /// A dynamic secret: its role exists, and nothing is known of a version.
    pub fn dynamic() -> Self {
        Self { leased: true, ..Self::default() }
    }

    /// Sets how long ago the version was made.
    #[must_use]
    pub fn with_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.age = age.into();
        self
    }

    /// Sets how much longer the version lives.
    #[must_use]
    pub fn with_ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.ttl = ttl.into();
        self
    }
}

/// The owner of the dynamic secrets that a backend issues: one task, or all tasks that share a
/// value by its secret's scope.
///
/// An opaque text of visible ASCII, which is never used again after its owner ended.
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

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The lease of a dynamic secret, by which it is renewed and revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The backend's name of it.
    pub id: LeaseId,
    /// Whether it can be renewed.
    pub renewable: bool,
}

impl Lease {
    /// A lease that cannot be renewed.
    pub fn new(id: LeaseId) -> Self {
        Self { id, renewable: false }
    }

    /// Sets whether it can be renewed.
    #[must_use]
    pub fn with_renewable(mut self, renewable: bool) -> Self {
        self.renewable = renewable;
        self
    }
}

/// The backend's name of a lease. It gives access to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseId(Arc<str>);

impl LeaseId {
    /// A lease's id in the backend's own terms.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a refresh found.
pub enum Refreshed {
    /// The known version is still the current one.
    Unchanged,
    /// There is another one.
    Changed(Fetched),
}
