//! The operator's catalog: permitted secrets and their backends.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::grant::Grant;
use crate::identity::{ProviderId, SkillDigest, ToolName};
use crate::name::SecretName;
use crate::reference::Reference;
use crate::terms::Terms;

/// The set of tasks that share a fetched value. It also decides when the value is wiped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One task; wiped when it ends.
    #[default]
    Task,
    /// All tasks of one skill, by digest; wiped at its expiry.
    Skill,
    /// All tasks of the skills of one tool, which the catalog entry lists; wiped at its expiry.
    Tool(ToolName),
    /// All tasks of the agent; wiped at its expiry.
    Agent,
    /// All tasks of the node. Equal to [`Scope::Agent`], because a node has one agent.
    Node,
}

impl Scope {
    /// Returns the scope's name in configurations.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Skill => "skill",
            Self::Tool(_) => "tool",
            Self::Agent => "agent",
            Self::Node => "node",
        }
    }
}

/// The policy for a task that leaks a secret's value in a form that redaction detects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LeakPolicy {
    /// Replace the value by a marker. The outcome of the task does not change.
    #[default]
    Replace,
    /// Replace the value, and end the task with a violation and without output.
    Fail,
    /// Do not search for the value. For values that match ordinary output: short ones, common
    /// words.
    Ignore,
}

impl LeakPolicy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Replace, Self::Fail, Self::Ignore];

    /// Returns the policy's name in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Fail => "fail",
            Self::Ignore => "ignore",
        }
    }
}

/// A schedule for the rotation of a cached secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rotation {
    /// The maximum age of a version. At this age, the broker rotates the secret in its backend, or
    /// refreshes it if the backend cannot rotate.
    pub every: Duration,
    /// The grace period in which handles to the previous version stay usable, until it expires.
    pub overlap: Duration,
}

impl Rotation {
    /// The default grace period of the previous version.
    pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(10 * 60);
}

/// One secret of the catalog.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CatalogEntry {
    /// The backend.
    pub provider: ProviderId,
    /// The name in the backend.
    pub reference: Reference,
    /// The tasks that share a fetched value.
    pub scope: Scope,
    /// The permitted operations and destinations.
    pub terms: Terms,
    /// The maximum time to live of a cached value.
    pub ttl: Duration,
    /// The time after the expiry in which the value is used while its backend does not answer
    /// (stale-if-error). Zero disables it; a leased secret ignores it.
    pub stale: Duration,
    /// The rotation schedule.
    pub rotation: Option<Rotation>,
    /// The skills that may use the secret; `None` for every skill.
    pub skills: Option<Vec<SkillDigest>>,
    /// The policy for a task that leaks the value.
    pub when_leaked: LeakPolicy,
    /// Set if every request to the secret's destinations must carry the secret.
    pub only_sealed: bool,
}

impl CatalogEntry {
    /// The default maximum time to live of a cached value.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(60 * 60);

    /// Creates an entry with the scope of a task and the default time to live, for every skill. The
    /// secret is neither used when stale nor rotated by a schedule.
    pub fn new(provider: ProviderId, reference: Reference, terms: Terms) -> Self {
        Self {
            provider,
            reference,
            scope: Scope::Task,
            terms,
            ttl: Self::DEFAULT_TTL,
            stale: Duration::ZERO,
            rotation: None,
            skills: None,
            when_leaked: LeakPolicy::default(),
            only_sealed: false,
        }
    }

    /// Sets the tasks that share a fetched value.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets the maximum time to live of a cached value.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the time after the expiry for stale-if-error.
    #[must_use]
    pub fn with_stale(mut self, stale: Duration) -> Self {
        self.stale = stale;
        self
    }

    /// Sets the rotation schedule.
    #[must_use]
    pub fn with_rotation(mut self, rotation: impl Into<Option<Rotation>>) -> Self {
        self.rotation = rotation.into();
        self
    }

    /// Sets the skills that may use the secret; `None` for every skill.
    #[must_use]
    pub fn with_skills(mut self, skills: impl Into<Option<Vec<SkillDigest>>>) -> Self {
        self.skills = skills.into();
        self
    }

    /// Sets the policy for a task that leaks the value.
    #[must_use]
    pub fn with_when_leaked(mut self, when_leaked: LeakPolicy) -> Self {
        self.when_leaked = when_leaked;
        self
    }

    /// Sets whether every request to the secret's destinations must carry the secret.
    #[must_use]
    pub fn with_only_sealed(mut self, only_sealed: bool) -> Self {
        self.only_sealed = only_sealed;
        self
    }

    /// Returns true if the skill may use the secret.
    pub fn is_for(&self, skill: &SkillDigest) -> bool {
        self.skills.as_ref().is_none_or(|skills| skills.contains(skill))
    }
}

/// The secrets that an operator permits.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entries: HashMap<SecretName, CatalogEntry>,
}

/// An error of an invalid catalog entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The name is listed twice, so that its entry is ambiguous.
    #[error("the secret '{0}' is listed twice")]
    Duplicate(SecretName),
    /// The time to live is zero.
    #[error("the secret '{0}' has a time to live of zero")]
    ZeroTtl(SecretName),
    /// The rotation interval is zero or shorter than the overlap.
    #[error("the rotation interval of the secret '{0}' is shorter than its overlap")]
    Overlap(SecretName),
}

impl Catalog {
    /// Creates an empty catalog.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a catalog that permits exactly the grants, from one provider and under their names.
    ///
    /// For running a skill by hand: one person is both the operator and the scheduler.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Duplicate`] if two grants name one secret.
    pub fn of_grants(grants: &[Grant], provider: &ProviderId) -> Result<Self, CatalogError> {
        let mut catalog = Self::new();
        for grant in grants {
            let entry = CatalogEntry::new(provider.clone(), Reference::named(grant.secret()), grant.terms().clone());
            catalog.insert(grant.secret().clone(), entry)?;
        }
        Ok(catalog)
    }

    /// Adds a secret.
    ///
    /// # Errors
    ///
    /// [`CatalogError`] if the name is listed already, the time to live is zero, or the rotation
    /// interval is zero or shorter than the overlap.
    pub fn insert(&mut self, name: SecretName, entry: CatalogEntry) -> Result<(), CatalogError> {
        if entry.ttl.is_zero() {
            return Err(CatalogError::ZeroTtl(name));
        }
        if entry.rotation.is_some_and(|rotation| rotation.every.is_zero() || rotation.every < rotation.overlap) {
            return Err(CatalogError::Overlap(name));
        }
        if self.entries.contains_key(&name) {
            return Err(CatalogError::Duplicate(name));
        }
        self.entries.insert(name, entry);
        Ok(())
    }

    /// Returns the entry of a secret.
    pub fn get(&self, name: &SecretName) -> Option<&CatalogEntry> {
        self.entries.get(name)
    }

    /// Returns all entries in arbitrary order.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretName, &CatalogEntry)> {
        self.entries.iter()
    }
}
