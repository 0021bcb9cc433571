//! The trait that a backend implements.

mod counted;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use far_capability::{ProviderId, Version, VersionSelector};

pub use self::counted::{Counted, Counts, Server};
use crate::memory::{MemoryError, SecretBytes};
pub use far_capability::Reference;

/// A backend that has secrets (ADR-0023 R2).
///
/// Only the broker calls a provider, after the capability check, with a deadline of its own around each call. A call
/// may be dropped at any await point; nothing of a value may stay behind then.
#[async_trait]
pub trait SecretProvider: Send + Sync + 'static {
    /// The name by which the catalog refers to this provider.
    fn id(&self) -> &ProviderId;

    /// Reads one version of a secret.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`]. Only a confirmed absence is [`ProviderError::NotFound`]; a backend that does not keep
    /// old versions answers [`ProviderError::VersionGone`] for any but the current one.
    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError>;

    /// The secrets that the backend has, as far as it lets itself be asked; no values are read.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`].
    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError>;

    /// Reads the current version, unless it is still the one that is `known`.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`]; what was known before stays as it was.
    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError>;

    /// Reads one version of a secret for those who share it. Where the backend makes a secret for whoever asks, it is theirs: it
    /// has a [`Lease`], and ends with them.
    ///
    /// # Errors
    ///
    /// As [`get_secret`](Self::get_secret). Whatever was made all the same is ended by [`end`](Self::end).
    #[expect(clippy::disallowed_methods, reason = "a provider that makes nothing answers for itself")]
    async fn get_secret_for(
        &self,
        reference: &Reference,
        version: &VersionSelector,
        _holder: &Holder,
    ) -> Result<Fetched, ProviderError> {
        self.get_secret(reference, version).await
    }

    /// Whether anything is made for a [`Holder`], so that [`end`](Self::end) has something to end.
    fn has_leases(&self) -> bool {
        false
    }

    /// Has a lease last longer, and answers with how long it does from now: the backend's own choice.
    ///
    /// # Errors
    ///
    /// [`ProviderError::NotFound`] for one that has ended; otherwise any [`ProviderError`].
    async fn renew(&self, _lease: &LeaseId) -> Result<Duration, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Ends a lease, and what was made for it, before this answers. One that has ended is no error. It is asked for once for each
    /// secret of the lease: where there are several, the last one ends it.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`].
    async fn revoke_lease(&self, _lease: &LeaseId) -> Result<(), ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Takes back what a holder was given of a secret: what was made of it for them is ended before this answers, whatever else is
    /// given out of it and however often, and so is what is being made. Nobody is answered afterwards by what was asked before.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`], if what was made is not ended.
    async fn take_back(&self, _reference: &Reference, _holder: &Holder) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Ends all that was made for a holder, before this answers: leases, and what they were made by. Nothing of another's.
    ///
    /// # Errors
    ///
    /// Any [`ProviderError`].
    async fn end(&self, _holder: &Holder) -> Result<(), ProviderError> {
        Ok(())
    }

    /// What the backend says of the current version of a secret; its value is not read.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] where the backend says nothing without the value; otherwise any [`ProviderError`].
    async fn describe_secret(&self, _reference: &Reference) -> Result<Description, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Makes another secret for a holder in the place of one that has this lease; that one stays until it is revoked. If it was
    /// replaced already, as another secret of the same lease was, answers with what it was replaced by.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] where nothing is made for holders; otherwise any [`ProviderError`].
    async fn replace_lease(
        &self,
        _reference: &Reference,
        _lease: &LeaseId,
        _holder: &Holder,
    ) -> Result<Fetched, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Revokes a version in the backend.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] where the backend cannot; otherwise any [`ProviderError`].
    async fn revoke(&self, _reference: &Reference, _version: &Version) -> Result<(), ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Has the backend make a new version, which is the current one from then on, and answers with it.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] where the backend cannot; otherwise any [`ProviderError`].
    async fn rotate(&self, _reference: &Reference) -> Result<Version, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// What counts the calls of each server that this provider asks; nothing where it asks none.
    fn counted(&self) -> Vec<(Server, Arc<dyn Counted>)> {
        Vec::new()
    }
}

/// A value that a backend gave out.
pub struct Fetched {
    /// The bytes, exactly.
    pub value: SecretBytes,
    /// The version that the backend says these are; never a guess.
    pub version: Version,
    /// How long the backend says the value lives; the catalog's time caps it.
    pub ttl: Option<Duration>,
    /// What it ends by, if it was made for who asked.
    pub lease: Option<Lease>,
}

/// What a backend says of a secret without its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The current version; none where there is none before somebody asks for the value.
    pub version: Option<Version>,
    /// How long ago the version was made, where the backend says so.
    pub age: Option<Duration>,
    /// How much longer the version lives, where the backend says so.
    pub ttl: Option<Duration>,
    /// Whether the secret is made for who asks, and has a lease.
    pub leased: bool,
}

/// Who shares what a backend made: one task, or whoever else the secret's scope says, from its beginning to its end.
///
/// A text without a meaning, of visible ASCII; never used again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder(Arc<str>);

impl Holder {
    /// A holder that there was not before.
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

/// What a secret that a backend made ends by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What the backend calls it.
    pub id: LeaseId,
    /// Whether it can be had for longer.
    pub renewable: bool,
}

/// What a backend calls a lease. It gives no access to anything.
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

/// Why a backend gave no value. Carries no text of the backend's, so that no part of an answer can leak with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The backend confirmed that it has no such secret.
    #[error("the backend has no such secret")]
    NotFound,
    /// The backend confirmed that it no longer has the version.
    #[error("the backend no longer has the version: it was {0}")]
    VersionGone(HowGone),
    /// The backend knows who asks, and refuses.
    #[error("the backend denies access to the secret")]
    Denied,
    /// The backend does not take the agent's own credentials.
    #[error("the backend does not accept the agent's credentials")]
    Unauthenticated,
    /// The backend is up, and locked.
    #[error("the backend is sealed")]
    Sealed,
    /// The backend cannot be reached, or failed.
    #[error("the backend is unavailable")]
    Unavailable,
    /// The backend asks for fewer calls.
    #[error("the backend asks for fewer calls")]
    Throttled {
        /// When to call again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The backend's answer cannot be understood.
    #[error("the backend's answer is not valid")]
    Invalid,
    /// The value is not the one that the backend says it is.
    #[error("the value failed the backend's integrity check")]
    Integrity,
    /// The value is larger than the host takes.
    #[error("the value is larger than the limit")]
    TooLarge,
    /// The host has no locked memory left for the value; it keeps values in no other.
    #[error("the host has no locked memory left")]
    OutOfLockedMemory,
    /// The backend did not answer in time.
    #[error("the backend did not answer in time")]
    Timeout,
    /// The backend cannot do this at all.
    #[error("the backend does not support this")]
    Unsupported,
}

impl ProviderError {
    /// A stable token for events and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::VersionGone(_) => "version-gone",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Sealed => "sealed",
            Self::Unavailable => "unavailable",
            Self::Throttled { .. } => "throttled",
            Self::Invalid => "invalid",
            Self::Integrity => "integrity",
            Self::TooLarge => "too-large",
            Self::OutOfLockedMemory => "out-of-locked-memory",
            Self::Timeout => "timeout",
            Self::Unsupported => "unsupported",
        }
    }
}

impl ProviderError {
    /// Whether the backend gave no answer, so that nothing is known of the secret: what was known before may still be so.
    pub fn is_no_answer(&self) -> bool {
        matches!(self, Self::Sealed | Self::Unavailable | Self::Throttled { .. } | Self::Timeout)
    }

    /// Whether the backend confirmed that who asks has no such secret any more.
    pub fn is_confirmed_absence(&self) -> bool {
        matches!(self, Self::NotFound | Self::VersionGone(_) | Self::Denied)
    }
}

impl From<MemoryError> for ProviderError {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::TooLarge => Self::TooLarge,
            MemoryError::OutOfLockedMemory => Self::OutOfLockedMemory,
        }
    }
}

/// How a version went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowGone {
    /// Removed; the backend could bring it back.
    Deleted,
    /// Removed for good, or replaced in a backend that keeps one version.
    Destroyed,
    /// Kept, but not given out.
    Disabled,
}

impl fmt::Display for HowGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "deleted",
            Self::Destroyed => "destroyed",
            Self::Disabled => "disabled",
        })
    }
}
