//! The join of the three, and the check.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Catalog, CatalogEntry, Destination, Grant, Operation, Operations, Placement, Scope, Target, WhenLeaked};
use crate::declaration::DeclaredSecret;
use crate::guard::Guard;
use crate::identity::{ProviderId, SkillDigest};
use crate::name::SecretName;
use crate::provider::Reference;
use crate::version::{VersionRule, VersionSelector};

/// What one task may use.
///
/// ```
/// use std::{sync::Arc, time::Instant};
/// use far_core::capability::{Access, Capability, Catalog, Decision, Grant, Purpose};
/// use far_core::declaration::Declaration;
/// use far_core::{SecretName, SkillDigest, VersionSelector};
///
/// let declaration = Declaration::parse(br#"{
///     "name": "hook", "version": "1.0.0", "description": "",
///     "secrets": [{ "name": "hook-secret", "operations": ["sign"], "reason": "verifies" }]
/// }"#)?;
/// let grants: [Grant; 1] = ["hook-secret:sign".parse()?];
/// let catalog = Arc::new(Catalog::of_grants(&grants, &"dotenv".parse()?)?);
/// let digest = SkillDigest::of(b"the component");
/// let capability = Capability::new(&declaration.secrets, &grants, &catalog, &digest, Instant::now())?;
///
/// let secret = SecretName::parse("hook-secret")?;
/// let access = Access { secret: &secret, version: &VersionSelector::Current, purpose: Purpose::Sign };
/// assert!(matches!(capability.check(&access, Instant::now()), Decision::Allowed(_)));
/// let access = Access { purpose: Purpose::Reveal, ..access };
/// assert!(matches!(capability.check(&access, Instant::now()), Decision::Denied(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Capability {
    /// Every declared secret: what may be done with it, or which of the three stands against it.
    entries: HashMap<SecretName, Result<Permit, DenyReason>>,
    catalog: Arc<Catalog>,
}

/// What all three agree on for one secret.
#[derive(Debug)]
pub struct Permit {
    /// The permit's place among those of its capability, from 0: uses are counted by it.
    pub index: usize,
    /// What may be done. May be empty, when the three agree on nothing.
    pub operations: Operations,
    /// Which versions may be asked for.
    pub versions: VersionRule,
    /// How many uses the task has.
    pub max_uses: Option<NonZeroU32>,
    /// When the grant ends.
    pub expires: Option<Instant>,
    /// The backend that has the secret.
    pub provider: ProviderId,
    /// What it is called there.
    pub reference: Reference,
    /// Who shares a fetched value.
    pub scope: Scope,
    /// How long a fetched value is kept at most.
    pub ttl: Duration,
    /// What becomes of the task if it says the value.
    pub when_leaked: WhenLeaked,
    /// Declared, granted, permitted: a request must be covered by each.
    destinations: [Vec<Destination>; 3],
    /// The same of where in a request.
    placements: [Vec<Placement>; 3],
}

/// One thing that a task wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// With which secret.
    pub secret: &'a SecretName,
    /// With which version of it.
    pub version: &'a VersionSelector,
    /// What for.
    pub purpose: Purpose<'a>,
}

/// What a secret is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose<'a> {
    /// A handle. Needs any operation.
    Get,
    /// A stand-in, which the host may replace in a request later.
    Token,
    /// To be put into this request by the host, in the place of a stand-in that stood there; none where no secret stands.
    Seal(&'a Target, Option<&'a Placement>),
    /// A signature by the host.
    Sign,
    /// The bytes.
    Reveal,
    /// To be read again from the backend.
    Refresh,
}

impl Purpose<'_> {
    /// The operation that the purpose needs; none for a handle, which needs any.
    pub fn operation(self) -> Option<Operation> {
        match self {
            Self::Get => None,
            Self::Token | Self::Seal(..) => Some(Operation::Seal),
            Self::Sign => Some(Operation::Sign),
            Self::Reveal => Some(Operation::Reveal),
            Self::Refresh => Some(Operation::Refresh),
        }
    }
}

/// The answer of [`Capability::check`].
#[derive(Clone, Copy, Debug)]
pub enum Decision<'a> {
    /// The task may, as this permit says.
    Allowed(&'a Permit),
    /// The task might have, but the grant's time ended: an error that the skill may handle.
    Expired,
    /// The task may not: a violation.
    Denied(DenyReason),
}

/// Why something is a violation. A fixed token in events; says nothing of what exists in a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum DenyReason {
    /// The text is not a secret's name.
    InvalidName,
    /// The text is not a version.
    InvalidVersion,
    /// The skill's declaration does not have the secret.
    Undeclared,
    /// The task was not granted it.
    Ungranted,
    /// The operator's catalog does not have it, or not for this skill.
    NotPermitted,
    /// One of the three lacks the operation.
    Operation,
    /// The grant excludes the version.
    Version,
    /// One of the three lacks the destination.
    Destination,
    /// A stand-in stood where the grant does not let it stand.
    Placement,
    /// A stand-in that another task was given.
    ForeignToken,
    /// No task is running in the instance.
    OutsideRun,
    /// The value was found in what the task returned or wrote, and its catalog entry says [`WhenLeaked::Fail`].
    Leaked,
}

impl DenyReason {
    /// The reason's token in events.
    pub fn token(self) -> &'static str {
        match self {
            Self::InvalidName => "invalid-name",
            Self::InvalidVersion => "invalid-version",
            Self::Undeclared => "undeclared",
            Self::Ungranted => "ungranted",
            Self::NotPermitted => "not-permitted",
            Self::Operation => "operation",
            Self::Version => "version",
            Self::Destination => "destination",
            Self::Placement => "placement",
            Self::ForeignToken => "foreign-token",
            Self::OutsideRun => "outside-run",
            Self::Leaked => "leaked",
        }
    }

    /// What was wrong, for people; fits "refused: …".
    pub fn explanation(self) -> &'static str {
        match self {
            Self::InvalidName => "the name is not a valid secret name",
            Self::InvalidVersion => "the version is not a valid version",
            Self::Undeclared => "the skill did not declare the secret",
            Self::Ungranted => "the task was not granted the secret",
            Self::NotPermitted => "the operator does not permit the secret for this skill",
            Self::Operation => "the operation was not declared, granted and permitted",
            Self::Version => "the grant does not cover the version",
            Self::Destination => "the destination was not declared, granted and permitted",
            Self::Placement => "a sealed token stood in a part of a request where the grant does not let it stand",
            Self::ForeignToken => "a sealed token was another task's",
            Self::OutsideRun => "secrets were used outside 'run'",
            Self::Leaked => "its value was in what the skill returned or wrote",
        }
    }
}

impl From<DenyReason> for &'static str {
    fn from(reason: DenyReason) -> Self {
        reason.token()
    }
}

/// A declared and required secret that the task cannot use as declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the skill needs '{secret}': {}", .reason.explanation())]
pub struct Gap {
    /// The secret.
    pub secret: SecretName,
    /// What the skill declares that it does with it.
    pub operations: Operations,
    /// What stands against it.
    pub reason: DenyReason,
}

/// Grants that do not make one capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapabilityError {
    /// Two grants name one secret: which of them holds cannot be told.
    #[error("two grants name the secret '{0}'")]
    AmbiguousGrant(SecretName),
}

impl Capability {
    /// Joins what is declared, granted and permitted, for a skill of this digest, from `now` on. The declared names are
    /// each there once, as a declaration has them.
    ///
    /// # Errors
    ///
    /// [`CapabilityError::AmbiguousGrant`] if two grants name one secret.
    pub fn new(
        declared: &[DeclaredSecret],
        grants: &[Grant],
        catalog: &Arc<Catalog>,
        skill: &SkillDigest,
        now: Instant,
    ) -> Result<Self, CapabilityError> {
        #[cfg(far_mutate)]
        let (declared, grants) =
            (&super::mutation::declared(declared, grants)[..], &super::mutation::granted(declared, grants)[..]);
        let mut granted = HashMap::with_capacity(grants.len());
        for grant in grants {
            if granted.insert(grant.secret(), grant).is_some() {
                return Err(CapabilityError::AmbiguousGrant(grant.secret().clone()));
            }
        }
        let join = |(index, declared): (usize, &DeclaredSecret)| {
            let entry = match (granted.get(&declared.name), catalog.get(&declared.name)) {
                (None, _) => Err(DenyReason::Ungranted),
                (Some(_), None) => Err(DenyReason::NotPermitted),
                (Some(_), Some(permitted)) if Guard::PermittedSkill.stands() && !permitted.is_for(skill) => {
                    Err(DenyReason::NotPermitted)
                }
                (Some(grant), Some(permitted)) => Ok(Permit::join(index, declared, grant, permitted, now)),
            };
            (declared.name.clone(), entry)
        };
        let entries = declared.iter().enumerate().map(join).collect();
        Ok(Self { entries, catalog: catalog.clone() })
    }

    /// Whether the task may do this now.
    pub fn check(&self, access: &Access<'_>, now: Instant) -> Decision<'_> {
        let permit = match self.entries.get(access.secret) {
            None => return Decision::Denied(DenyReason::Undeclared),
            Some(Err(reason)) => return Decision::Denied(*reason),
            Some(Ok(permit)) => permit,
        };
        let has_operation = match access.purpose.operation() {
            None => !permit.operations.is_empty(),
            Some(operation) => permit.operations.contains(operation),
        };
        if Guard::Operation.stands() && !has_operation {
            return Decision::Denied(DenyReason::Operation);
        }
        if Guard::Version.stands() && !permit.versions.covers(access.version) {
            return Decision::Denied(DenyReason::Version);
        }
        if let Purpose::Seal(target, placement) = access.purpose {
            if Guard::Destination.stands() && permit.destination(target).is_none() {
                return Decision::Denied(DenyReason::Destination);
            }
            if Guard::Placement.stands() && !placement.is_some_and(|placement| permit.lets(placement)) {
                return Decision::Denied(DenyReason::Placement);
            }
        }
        if Guard::GrantTime.stands() && permit.expires.is_some_and(|end| end <= now) {
            return Decision::Expired;
        }
        Decision::Allowed(permit)
    }

    /// What is in the way of those of the declared secrets that are required, in their order.
    pub fn gaps<'a>(&'a self, declared: &'a [DeclaredSecret]) -> impl Iterator<Item = Gap> + 'a {
        declared.iter().filter(|declared| !declared.optional).filter_map(|declared| {
            let reason = match self.entries.get(&declared.name) {
                None => DenyReason::Undeclared,
                Some(Err(reason)) => *reason,
                Some(Ok(permit)) if permit.operations.contains_all(declared.terms.operations()) => return None,
                Some(Ok(_)) => DenyReason::Operation,
            };
            Some(Gap { secret: declared.name.clone(), operations: declared.terms.operations(), reason })
        })
    }

    /// The secrets that the task may do anything with, in no order.
    pub fn permits(&self) -> impl Iterator<Item = (&SecretName, &Permit)> {
        let permitted = self.entries.iter().filter_map(|(name, entry)| Some((name, entry.as_ref().ok()?)));
        permitted.filter(|(_, permit)| !permit.operations.is_empty())
    }

    /// How many secrets the skill declares: every [`Permit::index`] is below.
    pub fn declared(&self) -> usize {
        self.entries.len()
    }

    /// Whether the author or the operator named the secret, so that its name may be recorded.
    pub fn lists(&self, name: &SecretName) -> bool {
        self.entries.contains_key(name) || self.catalog.get(name).is_some()
    }
}

impl Permit {
    fn join(index: usize, declared: &DeclaredSecret, grant: &Grant, permitted: &CatalogEntry, now: Instant) -> Self {
        let terms = [&declared.terms, grant.terms(), &permitted.terms];
        Self {
            index,
            operations: terms
                .iter()
                .fold(Operation::ALL.into_iter().collect(), |all, terms| all.intersection(terms.operations())),
            versions: grant.versions().clone(),
            max_uses: grant.max_uses(),
            // An end too far to represent is no end.
            expires: grant.expires_in().and_then(|length| now.checked_add(length)),
            provider: permitted.provider.clone(),
            reference: permitted.reference.clone(),
            scope: permitted.scope,
            ttl: permitted.ttl,
            when_leaked: permitted.when_leaked,
            destinations: terms.map(|terms| terms.destinations().to_vec()),
            placements: terms.map(|terms| terms.placements().to_vec()),
        }
    }

    fn lets(&self, placement: &Placement) -> bool {
        self.placements.iter().all(|all| all.contains(placement))
    }

    /// What was granted of where the request goes; none unless declared, granted and permitted each cover it.
    pub fn destination(&self, target: &Target) -> Option<&Destination> {
        let [declared, granted, permitted] =
            self.destinations.each_ref().map(|all| all.iter().find(|destination| destination.covers(target)));
        declared.and(permitted).and(granted)
    }
}
