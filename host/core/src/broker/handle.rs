//! Handles to secrets, and the secrets that a task can list.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use far_capability::{Operations, SecretName, Version, VersionSelector};

use super::Placeholder;
use crate::clock::now;
use crate::pal::Subject;
use crate::secret::Secret;

/// A handle of one task to one version of a secret. Only the session that created it accepts it.
#[derive(Debug)]
pub struct Handle {
    /// The subject of the session. Its allocation identifies the session within the process.
    owner: Arc<Subject>,
    pub(super) secret: Arc<Secret>,
    pub(super) requested: VersionSelector,
    /// The placeholder, once it was requested.
    pub(super) placeholder: OnceLock<Placeholder>,
}

impl Handle {
    pub(super) fn new(owner: &Arc<Subject>, secret: Arc<Secret>, requested: VersionSelector) -> Self {
        Self { owner: owner.clone(), secret, requested, placeholder: OnceLock::new() }
    }

    /// Returns true if the session with this subject created the handle.
    pub(super) fn is_of(&self, subject: &Arc<Subject>) -> bool {
        Arc::ptr_eq(&self.owner, subject)
    }

    /// Returns the name.
    pub fn name(&self) -> &SecretName {
        self.secret.name()
    }

    /// Returns the version.
    pub fn version(&self) -> &Version {
        self.secret.version()
    }

    /// Returns the time until the expiry; zero after it, and after the value was wiped.
    pub fn expires_in(&self) -> Duration {
        if self.secret.is_live() { self.secret.expires_in(now()) } else { Duration::ZERO }
    }
}

/// A secret that a task may use, as `list` returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSecret {
    /// The name.
    pub name: SecretName,
    /// The permitted operations; never empty.
    pub operations: Operations,
    /// The time until the cached value expires; `None` if no value is cached.
    pub expires_in: Option<Duration>,
}
