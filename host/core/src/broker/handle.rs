//! What a task holds of a secret, and what it is told of those that it may use.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use far_capability::{Operations, SecretName, Version, VersionSelector};

use super::StandIn;
use crate::clock::now;
use crate::pal::Subject;
use crate::secret::Secret;

/// A task's hold on one version of a secret. Of use only to the session that gave it.
#[derive(Debug)]
pub struct Handle {
    /// The session's own subject: the allocation is its identity, among all sessions of the process.
    owner: Arc<Subject>,
    pub(super) secret: Arc<Secret>,
    pub(super) asked_for: VersionSelector,
    /// What stands for it in requests, once that was asked for.
    pub(super) stand_in: OnceLock<StandIn>,
}

impl Handle {
    pub(super) fn new(owner: &Arc<Subject>, secret: Arc<Secret>, asked_for: VersionSelector) -> Self {
        Self { owner: owner.clone(), secret, asked_for, stand_in: OnceLock::new() }
    }

    /// Returns whether the session with this subject gave the handle.
    pub(super) fn is_of(&self, subject: &Arc<Subject>) -> bool {
        Arc::ptr_eq(&self.owner, subject)
    }

    /// The name that it was asked for by.
    pub fn name(&self) -> &SecretName {
        self.secret.name()
    }

    /// The version that it stands for.
    pub fn version(&self) -> &Version {
        self.secret.version()
    }

    /// Time left until the value ends; zero when it has.
    pub fn expires_in(&self) -> Duration {
        if self.secret.is_live() { self.secret.expires_in(now()) } else { Duration::ZERO }
    }
}

/// What a task may use, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSecret {
    /// The secret.
    pub name: SecretName,
    /// What may be done with it; never empty.
    pub operations: Operations,
    /// Time left until the value in the host's memory ends; none while there is none.
    pub expires_in: Option<Duration>,
}
