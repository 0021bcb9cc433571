//! The join of the three, and the check.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::{Catalog, CatalogEntry, Rotation, Scope, WhenLeaked};
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

/// What one task may use.
///
/// ```
/// use std::{sync::Arc, time::Instant};
/// use far_capability::{
///     Access, Capability, Catalog, Decision, Declaration, Grant, Purpose, SecretName, SkillDigest, VersionSelector,
/// };
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
/// let (version, purpose) = (&VersionSelector::Current, Purpose::Sign);
/// let access = Access { secret: &secret, version, purpose, derived: false };
/// assert!(matches!(capability.check(&access, Instant::now()), Decision::Allowed(_)));
/// let access = Access { purpose: Purpose::Reveal, ..access };
/// assert!(matches!(capability.check(&access, Instant::now()), Decision::Denied(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Capability {
    /// Every declared secret: what may be done with it, or which of the three stands against it.
    entries: HashMap<SecretName, Result<Permit, DenyReason>>,
    /// What was granted as the only credential for where it may be sent, declared or not.
    only_sealed: Vec<(SecretName, Vec<Destination>)>,
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
    /// How long beyond that it answers while its backend does not.
    pub stale: Duration,
    /// When another version takes its place.
    pub rotation: Option<Rotation>,
    /// What becomes of the task if it says the value.
    pub when_leaked: WhenLeaked,
    /// What it signs, if the three agree on that.
    pub signature: Option<Signature>,
    /// Whether one of the three takes it for a key of tokens: the skill's word alone does not make it anything else.
    signs_tokens: bool,
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
    /// Whether it is not with the secret itself, but with what was derived of it: a token that it signed.
    pub derived: bool,
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
    /// An HMAC by the host.
    Sign,
    /// A token, signed by the host.
    SignJwt,
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
            Self::Sign | Self::SignJwt => Some(Operation::Sign),
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
        if !has_operation {
            return Decision::Denied(DenyReason::Operation);
        }
        if let Some(reason) = permit.against_key(access) {
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

    /// What is in the way of those of the declared secrets that are required, in their order.
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

    /// What all three agree on for a secret; none if one of them lacks it.
    pub fn permit(&self, name: &SecretName) -> Option<&Permit> {
        self.entries.get(name)?.as_ref().ok()
    }

    /// The secrets that a request to this target must carry, whether or not the task may use them; one may be there twice. All
    /// that goes to a secret's hosts must: a path, a method or a port is one server's to read in its own way.
    pub fn demanded<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a SecretName> {
        let covers =
            |destinations: &[Destination]| destinations.iter().any(|destination| destination.is_of_host(target));
        let granted = self.only_sealed.iter().filter(move |(_, to)| covers(to)).map(|(name, _)| name);
        let permitted = self.catalog.iter().filter(|(_, entry)| entry.only_sealed);
        granted.chain(permitted.filter(move |(_, entry)| covers(entry.terms.destinations())).map(|(name, _)| name))
    }

    /// The destinations that the operator, the task's grants and the skill's declaration list, for secrets that the task may
    /// use and others.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let permitted = self.catalog.iter().flat_map(|(_, entry)| entry.terms.destinations());
        let joined = self.entries.values().filter_map(|entry| entry.as_ref().ok());
        permitted.chain(joined.flat_map(|permit| permit.destinations.iter().flatten()))
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

    /// What stands against a use for the kind of key that the secret is.
    fn against_key(&self, access: &Access<'_>) -> Option<DenyReason> {
        match (access.purpose, access.derived) {
            (Purpose::Sign | Purpose::SignJwt | Purpose::Refresh, true) => Some(DenyReason::Operation),
            (Purpose::Sign, false) if self.signature != Some(Signature::Hmac) => Some(DenyReason::Signing),
            (Purpose::SignJwt, false) if !matches!(self.signature, Some(Signature::Jwt(_))) => {
                Some(DenyReason::Signing)
            }
            (Purpose::Token | Purpose::Seal(..) | Purpose::Reveal, false) if self.signs_tokens => {
                Some(DenyReason::SigningKey)
            }
            _ => None,
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
