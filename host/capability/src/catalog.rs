//! What the operator permits, and where each secret comes from.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::grant::Grant;
use crate::identity::{ProviderId, SkillDigest, ToolName};
use crate::name::SecretName;
use crate::reference::Reference;
use crate::terms::Terms;

/// Who shares one fetched value of a secret, and when it is wiped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One task; wiped when it ends.
    #[default]
    Task,
    /// All tasks of one skill, by digest; wiped when its time ends.
    Skill,
    /// All tasks of the skills of one tool, as the operator named them; wiped when its time ends. Whose entry it is says which
    /// skills these are.
    Tool(ToolName),
    /// All tasks of the agent; wiped when its time ends.
    Agent,
    /// As [`Scope::Agent`]: there is one agent a node.
    Node,
}

impl Scope {
    /// The scope's name in configurations.
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

/// What becomes of a task that says a secret's value, in any form that redaction finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WhenLeaked {
    /// The value is replaced by a marker, and the task ends as it would have.
    #[default]
    Replace,
    /// The value is replaced, and the task's end is a violation: its output is withheld.
    Fail,
    /// The value is not looked for: for one that stands in any text, because it is short or a common word.
    Ignore,
}

impl WhenLeaked {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Replace, Self::Fail, Self::Ignore];

    /// The choice as a configuration has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Fail => "fail",
            Self::Ignore => "ignore",
        }
    }
}

/// When a value is replaced by another version while it is kept, and how long the one before still answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rotation {
    /// How old a version gets. Where its backend makes new ones, it is asked to; where it does not, it is asked whether there is one.
    pub every: Duration,
    /// How long those who hold the version before can still use it, within its own time.
    pub overlap: Duration,
}

impl Rotation {
    /// How long the version before can be used when nothing says otherwise.
    pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(10 * 60);
}

/// One secret of the catalog.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CatalogEntry {
    /// The backend that has it.
    pub provider: ProviderId,
    /// What it is called there.
    pub reference: Reference,
    /// Who shares a fetched value.
    pub scope: Scope,
    /// What may be done with it at most.
    pub terms: Terms,
    /// How long a fetched value is kept at most.
    pub ttl: Duration,
    /// How long beyond that it answers while its backend does not; zero for not at all. What has a lease never does.
    pub stale: Duration,
    /// When another version takes its place, if not only when its time ends.
    pub rotation: Option<Rotation>,
    /// The only skills that may use it; every skill when none.
    pub skills: Option<Vec<SkillDigest>>,
    /// What becomes of a task that says its value.
    pub when_leaked: WhenLeaked,
    /// Whether nothing goes to the secret's destinations without it, whoever sends it.
    pub only_sealed: bool,
}

impl CatalogEntry {
    /// How long a value is kept when nothing says otherwise.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(60 * 60);

    /// A secret for one task at a time, for every skill, with the default time to live. It is
    /// neither used past its time nor rotated by a schedule.
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
            when_leaked: WhenLeaked::default(),
            only_sealed: false,
        }
    }

    /// Sets who shares a fetched value.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets how long a fetched value is cached at most.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how long beyond its time a value is used while its backend does not answer.
    #[must_use]
    pub fn with_stale(mut self, stale: Duration) -> Self {
        self.stale = stale;
        self
    }

    /// Sets a schedule by which versions are replaced.
    #[must_use]
    pub fn with_rotation(mut self, rotation: impl Into<Option<Rotation>>) -> Self {
        self.rotation = rotation.into();
        self
    }

    /// Sets the only skills that may use the secret.
    #[must_use]
    pub fn with_skills(mut self, skills: impl Into<Option<Vec<SkillDigest>>>) -> Self {
        self.skills = skills.into();
        self
    }

    /// Sets what becomes of a task that leaks the value.
    #[must_use]
    pub fn with_when_leaked(mut self, when_leaked: WhenLeaked) -> Self {
        self.when_leaked = when_leaked;
        self
    }

    /// Sets whether nothing goes to the secret's destinations without it.
    #[must_use]
    pub fn with_only_sealed(mut self, only_sealed: bool) -> Self {
        self.only_sealed = only_sealed;
        self
    }

    /// Whether the entry is for this skill.
    pub fn is_for(&self, skill: &SkillDigest) -> bool {
        self.skills.as_ref().is_none_or(|skills| skills.contains(skill))
    }
}

/// The secrets that an agent may hand out.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entries: HashMap<SecretName, CatalogEntry>,
}

/// Why an entry cannot be in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The name is listed already: which of the two is meant cannot be told.
    #[error("the secret '{0}' is listed twice")]
    Twice(SecretName),
    /// A value that is never kept, or kept for ever.
    #[error("the secret '{0}' has a time to live of zero")]
    NoTime(SecretName),
    /// Versions that would be replaced at once, or while those before the ones before them still answer.
    #[error("the secret '{0}' is to be rotated more often than its overlap allows")]
    Overlap(SecretName),
}

impl Catalog {
    /// A catalog that permits nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A catalog that permits just what the grants grant, from one provider, under the names of the grants.
    ///
    /// This is for running a skill by hand, where who grants and who permits are one person.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Twice`] if two grants name one secret.
    pub fn of_grants(grants: &[Grant], provider: &ProviderId) -> Result<Self, CatalogError> {
        let mut catalog = Self::new();
        for grant in grants {
            let entry = CatalogEntry::new(provider.clone(), Reference::named(grant.secret()), grant.terms().clone());
            catalog.insert(grant.secret().clone(), entry)?;
        }
        Ok(catalog)
    }

    /// Lists a secret.
    ///
    /// # Errors
    ///
    /// [`CatalogError`] if the name is listed already, the time to live is zero, or a version is to be replaced before the overlap
    /// with the one before it is over.
    pub fn insert(&mut self, name: SecretName, entry: CatalogEntry) -> Result<(), CatalogError> {
        if entry.ttl.is_zero() {
            return Err(CatalogError::NoTime(name));
        }
        if entry.rotation.is_some_and(|rotation| rotation.every.is_zero() || rotation.every < rotation.overlap) {
            return Err(CatalogError::Overlap(name));
        }
        if self.entries.contains_key(&name) {
            return Err(CatalogError::Twice(name));
        }
        self.entries.insert(name, entry);
        Ok(())
    }

    /// The entry of a secret.
    pub fn get(&self, name: &SecretName) -> Option<&CatalogEntry> {
        self.entries.get(name)
    }

    /// Every entry, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretName, &CatalogEntry)> {
        self.entries.iter()
    }
}
