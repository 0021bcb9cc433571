//! The join of declaration, grants and catalog, and the capability check.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::{Catalog, CatalogEntry, LeakPolicy, Rotation, Scope};
use crate::declaration::DeclaredSecret;
use crate::denial::DenyReason;
use crate::destination::{Destination, Target};
use crate::grant::Grant;
use crate::identity::{ProviderId, SkillDigest};
use crate::name::SecretName;
use crate::operation::{Operation, Operations};
use crate::placement::Placement;
use crate::reference::Reference;
use crate::signing::{Signature, Signing};
use crate::terms::Terms;
use crate::version::{VersionRule, VersionSelector};

/// The capability of one task: `declared ∩ granted ∩ permitted`.
///
/// ```
/// use std::{sync::Arc, time::Instant};
/// use far_capability::{
///     Access, Capability, Catalog, Decision, Declaration, Grant, Purpose, SecretName, SkillDigest,
///     VersionSelector,
/// };
///
/// let declaration = Declaration::parse(br#"{
///     "name": "hook", "version": "1.0.0", "description": "",
///     "secrets": [{ "name": "hook-secret", "operations": ["sign"], "reason": "verifies" }]
/// }"#)?;
/// let grants: [Grant; 1] = ["hook-secret:sign".parse()?];
/// let catalog = Arc::new(Catalog::of_grants(&grants, &"dotenv".parse()?)?);
/// let digest = SkillDigest::of(b"the component");
/// let now = Instant::now();
/// let capability = Capability::new(&declaration.secrets, &grants, &catalog, &digest, now)?;
///
/// let secret = SecretName::parse("hook-secret")?;
/// let (version, purpose) = (&VersionSelector::Current, Purpose::Sign);
/// let access = Access { secret: &secret, version, purpose, derived: false };
/// assert!(matches!(capability.check(&access, Instant::now()), Decision::Allowed(_)));
/// let access = Access { purpose: Purpose::Reveal, ..access };
/// assert!(matches!(capability.check(&access, Instant::now()), Decision::Denied(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Capability {
    /// Each declared secret with its permit, or the reason to deny every use.
    entries: HashMap<SecretName, Result<Permit, DenyReason>>,
    /// The secrets that were granted as the only credential for their destinations, declared or
    /// not.
    only_sealed: Vec<(SecretName, Vec<Destination>)>,
    catalog: Arc<Catalog>,
}

/// The joined rights of one secret.
#[derive(Debug)]
pub struct Permit {
    /// The index among the declared secrets, by which uses are counted.
    pub index: usize,
    /// The permitted operations, possibly none.
    pub operations: Operations,
    /// The permitted versions.
    pub versions: VersionRule,
    /// The maximum number of uses.
    pub max_uses: Option<NonZeroU32>,
    /// The expiry of the grant.
    pub expires: Option<Instant>,
    /// The backend.
    pub provider: ProviderId,
    /// The name in the backend.
    pub reference: Reference,
    /// The tasks that share a fetched value.
    pub scope: Scope,
    /// The maximum time to live of a cached value.
    pub ttl: Duration,
    /// The time after the expiry for stale-if-error.
    pub stale: Duration,
    /// The rotation schedule.
    pub rotation: Option<Rotation>,
    /// The policy for a task that leaks the value.
    pub when_leaked: LeakPolicy,
    /// The permitted kind of signature.
    pub signature: Option<Signature>,
    /// Set if the declaration, the grant or the catalog entry calls the secret a key for tokens.
    signs_tokens: bool,
    /// The declared, granted and permitted destinations. A request must be covered by each.
    destinations: [Vec<Destination>; 3],
    /// The declared, granted and permitted placements.
    placements: [Vec<Placement>; 3],
}

/// A requested use of a secret.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The secret.
    pub secret: &'a SecretName,
    /// The version.
    pub version: &'a VersionSelector,
    /// The purpose.
    pub purpose: Purpose<'a>,
    /// Set if the use is of a derived secret: a token that the secret signed.
    pub derived: bool,
}

/// The purpose of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose<'a> {
    /// A handle, which requires any operation.
    Get,
    /// A placeholder, which the host may replace in a later request.
    Placeholder,
    /// The replacement of a placeholder in a request. The placement is `None` if the placeholder is
    /// in a part of the request that is not a placement.
    Seal(&'a Target, Option<&'a Placement>),
    /// An HMAC by the host.
    Sign,
    /// A token that the host signs.
    SignJwt,
    /// The bytes of the value.
    Reveal,
    /// A refresh from the backend.
    Refresh,
}

impl Purpose<'_> {
    /// Returns the required operation; `None` for a handle, which requires any.
    pub fn operation(self) -> Option<Operation> {
        match self {
            Self::Get => None,
            Self::Placeholder | Self::Seal(..) => Some(Operation::Seal),
            Self::Sign | Self::SignJwt => Some(Operation::Sign),
            Self::Reveal => Some(Operation::Reveal),
            Self::Refresh => Some(Operation::Refresh),
        }
    }
}

/// The result of [`Capability::check`].
#[derive(Clone, Copy, Debug)]
pub enum Decision<'a> {
    /// The use is allowed by this permit.
    Allowed(&'a Permit),
    /// The grant has expired, which the skill may handle as an error.
    Expired,
    /// The use is a violation.
    Denied(DenyReason),
}

/// A required secret that the task cannot use as declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the skill needs '{secret}': {}", .reason.explanation())]
pub struct Gap {
    /// The secret.
    pub secret: SecretName,
    /// The declared operations.
    pub operations: Operations,
    /// The reason to deny the use.
    pub reason: DenyReason,
}

/// An error of joining grants to a capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapabilityError {
    /// Two grants name the same secret.
    #[error("two grants name the secret '{0}'")]
    AmbiguousGrant(SecretName),
}

impl Capability {
    /// Joins the declared, granted and permitted secrets of a skill from `now` on. The declared
    /// names must be unique, as in a [`Declaration`](crate::Declaration).
    ///
    /// # Errors
    ///
    /// [`CapabilityError::AmbiguousGrant`] if two grants name the same secret.
    pub fn new(
        declared: &[DeclaredSecret],
        grants: &[Grant],
        catalog: &Arc<Catalog>,
        skill: &SkillDigest,
        now: Instant,
    ) -> Result<Self, CapabilityError> {
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
                (Some(_), Some(permitted)) if !permitted.is_for(skill) => Err(DenyReason::NotPermitted),
                (Some(grant), Some(permitted)) => Ok(Permit::join(index, declared, grant, permitted, now)),
            };
            (declared.name.clone(), entry)
        };
        let entries = declared.iter().enumerate().map(join).collect();
        let only_sealed = grants.iter().filter(|grant| grant.is_only_sealed());
        let only_sealed =
            only_sealed.map(|grant| (grant.secret().clone(), grant.terms().destinations().to_vec())).collect();
        Ok(Self { entries, only_sealed, catalog: catalog.clone() })
    }

    /// Decides about a use at the time `now`.
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
        if !has_operation {
            return Decision::Denied(DenyReason::Operation);
        }
        if let Some(reason) = permit.key_denial(access) {
            return Decision::Denied(reason);
        }
        if !permit.versions.covers(access.version) {
            return Decision::Denied(DenyReason::Version);
        }
        if let Purpose::Seal(target, placement) = access.purpose {
            if permit.destination(target).is_none() {
                return Decision::Denied(DenyReason::Destination);
            }
            if !placement.is_some_and(|placement| permit.lets(placement)) {
                return Decision::Denied(DenyReason::Placement);
            }
        }
        if permit.expires.is_some_and(|end| end <= now) {
            return Decision::Expired;
        }
        Decision::Allowed(permit)
    }

    /// Returns the gaps of the required secrets, in declaration order.
    pub fn gaps<'a>(&'a self, declared: &'a [DeclaredSecret]) -> impl Iterator<Item = Gap> + 'a {
        declared.iter().filter(|declared| !declared.optional).filter_map(|declared| {
            let reason = match self.entries.get(&declared.name) {
                None => DenyReason::Undeclared,
                Some(Err(reason)) => *reason,
                Some(Ok(permit)) if !permit.operations.contains_all(declared.terms.operations()) => {
                    DenyReason::Operation
                }
                Some(Ok(permit)) if declared.terms.signing().is_some() && permit.signature.is_none() => {
                    DenyReason::Signing
                }
                Some(Ok(_)) => return None,
            };
            Some(Gap { secret: declared.name.clone(), operations: declared.terms.operations(), reason })
        })
    }

    /// Returns the permit of a secret, if it is declared, granted and permitted.
    pub fn permit(&self, name: &SecretName) -> Option<&Permit> {
        self.entries.get(name)?.as_ref().ok()
    }

    /// Returns the secrets that a request to this target must carry, possibly with duplicates. The
    /// task may lack the right to use them.
    ///
    /// Only the host decides: servers differ in how they read a path, a method or a port.
    pub fn required_secrets<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a SecretName> {
        let covers =
            |destinations: &[Destination]| destinations.iter().any(|destination| destination.matches_host(target));
        let granted = self.only_sealed.iter().filter(move |(_, to)| covers(to)).map(|(name, _)| name);
        let permitted = self.catalog.iter().filter(|(_, entry)| entry.only_sealed);
        granted.chain(permitted.filter(move |(_, entry)| covers(entry.terms.destinations())).map(|(name, _)| name))
    }

    /// Returns all destinations of the catalog, of the grants and of the declaration.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let permitted = self.catalog.iter().flat_map(|(_, entry)| entry.terms.destinations());
        let joined = self.entries.values().filter_map(|entry| entry.as_ref().ok());
        permitted.chain(joined.flat_map(|permit| permit.destinations.iter().flatten()))
    }

    /// Returns the secrets with at least one operation, in arbitrary order.
    pub fn permits(&self) -> impl Iterator<Item = (&SecretName, &Permit)> {
        let permitted = self.entries.iter().filter_map(|(name, entry)| Some((name, entry.as_ref().ok()?)));
        permitted.filter(|(_, permit)| !permit.operations.is_empty())
    }

    /// Returns the number of declared secrets, which exceeds every [`Permit::index`].
    pub fn declared(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if the author or the operator named the secret, so that records may name it.
    pub fn is_listed(&self, name: &SecretName) -> bool {
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
            // An expiry that cannot be represented is no limit.
            expires: grant.expires_in().and_then(|length| now.checked_add(length)),
            provider: permitted.provider.clone(),
            reference: permitted.reference.clone(),
            scope: permitted.scope.clone(),
            ttl: permitted.ttl,
            stale: permitted.stale,
            rotation: permitted.rotation,
            when_leaked: permitted.when_leaked,
            signature: Signature::join(terms.map(Terms::signing)),
            signs_tokens: terms.iter().any(|terms| matches!(terms.signing(), Some(Signing::Jwt(_)))),
            destinations: terms.map(|terms| terms.destinations().to_vec()),
            placements: terms.map(|terms| terms.placements().to_vec()),
        }
    }

    /// Returns the reason to deny a use because of the kind of key.
    fn key_denial(&self, access: &Access<'_>) -> Option<DenyReason> {
        match (access.purpose, access.derived) {
            (Purpose::Sign | Purpose::SignJwt | Purpose::Refresh, true) => Some(DenyReason::Operation),
            (Purpose::Sign, false) if self.signature != Some(Signature::Hmac) => Some(DenyReason::Signing),
            (Purpose::SignJwt, false) if !matches!(self.signature, Some(Signature::Jwt(_))) => {
                Some(DenyReason::Signing)
            }
            (Purpose::Placeholder | Purpose::Seal(..) | Purpose::Reveal, false) if self.signs_tokens => {
                Some(DenyReason::SigningKey)
            }
            _ => None,
        }
    }

    fn lets(&self, placement: &Placement) -> bool {
        self.placements.iter().all(|all| all.contains(placement))
    }

    /// Returns the granted destination of a request, if it is declared and permitted too.
    pub fn destination(&self, target: &Target) -> Option<&Destination> {
        let [declared, granted, permitted] =
            self.destinations.each_ref().map(|all| all.iter().find(|destination| destination.covers(target)));
        declared.and(permitted).and(granted)
    }
}
