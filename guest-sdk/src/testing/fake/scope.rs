//! The capability of a run: the real host's check (`far_capability`), applied to the test's
//! declaration and grants.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Instant;

use far_capability::{
    Access, Capability, Catalog, CatalogEntry, Decision, DeclaredSecret as HostDeclaredSecret, DenyReason, Grant,
    JwtAlgorithm, JwtRule, JwtTerms, Operation as HostOperation, Operations, Permit, Purpose, Reference, SecretName,
    Signature, Signing, SkillDigest, Target, Terms, Version, VersionRule, VersionSelector,
};

use super::plan::{Plan, SecretPlan};
use super::{Algorithm, Declaration, DeclaredSecret, Denial, Jwt};
use crate::secrets::{Error, Operation};

/// The destination in a grant of `seal` if the declaration has none.
const NOWHERE: &str = "https://nowhere.invalid";

/// The capability of a run.
pub(super) struct Scope {
    declaration: Declaration,
    declared: Vec<HostDeclaredSecret>,
    capability: Capability,
}

impl Scope {
    /// Combines the test's declaration and grants. The catalog permits everything declared.
    ///
    /// # Panics
    ///
    /// Panics if the real host would reject the declaration.
    #[expect(clippy::panic, reason = "an invalid test fails")]
    pub(super) fn new(plan: &Plan) -> Self {
        match Self::join(plan) {
            Ok(scope) => scope,
            Err(problem) => panic!("the host would reject the declaration: {problem}"),
        }
    }

    fn join(plan: &Plan) -> Result<Self, String> {
        let (mut declared, mut grants, mut catalog) = (Vec::new(), Vec::new(), Catalog::new());
        for secret in plan.declaration.secrets {
            let mut add = || -> Result<(), Box<dyn StdError>> {
                let secret = declare(secret)?;
                let permitted = permit(&secret.terms)?;
                let planned = plan.secrets.get(secret.name.as_str());
                if let Some(planned) = planned {
                    grants.extend(grant(&secret.name, &permitted, planned)?);
                }
                let only_sealed = planned.is_some_and(|planned| planned.only_sealed);
                catalog.insert(secret.name.clone(), entry(&secret.name, permitted, only_sealed)?)?;
                declared.push(secret);
                Ok(())
            };
            add().map_err(|problem| format!("'{}': {problem}", secret.name))?;
        }
        let (digest, catalog) = (SkillDigest::of(b"a skill's test"), Arc::new(catalog));
        let capability = Capability::new(&declared, &grants, &catalog, &digest, Instant::now());
        let capability = capability.map_err(|problem| problem.to_string())?;
        Ok(Self { declaration: plan.declaration, declared, capability })
    }

    /// Returns the denial for the first required secret that is not granted as declared.
    pub(super) fn refusal(&self) -> Option<Denial> {
        let gap = self.capability.gaps(&self.declared).next()?;
        let permitted = self.operations(&gap.secret);
        let lacking = gap.operations.iter().find(|operation| !permitted.contains(*operation));
        let access =
            Access { secret: &gap.secret, version: &VersionSelector::Current, purpose: Purpose::Get, derived: false };
        Some(self.denial(&access, lacking.filter(|_| gap.reason == DenyReason::Operation), gap.reason))
    }

    /// Runs the host's check. An expired grant is an error that the skill can handle.
    pub(super) fn check(&self, access: &Access<'_>) -> Result<Result<(), Error>, Denial> {
        match self.capability.check(access, Instant::now()) {
            Decision::Allowed(_) => Ok(Ok(())),
            Decision::Expired => Ok(Err(Error::Expired)),
            Decision::Denied(reason) => Err(self.denial(access, access.purpose.operation(), reason)),
        }
    }

    /// Returns the rule for the tokens that a key signs, if it may sign any.
    pub(super) fn jwt_rule(&self, name: &SecretName) -> Option<&JwtRule> {
        match self.capability.permit(name)?.signature.as_ref()? {
            Signature::Jwt(rule) => Some(rule),
            Signature::Hmac => None,
        }
    }

    /// Returns the permitted secrets, sorted by name.
    pub(super) fn permits(&self) -> Vec<(&SecretName, &Permit)> {
        let mut permits: Vec<_> = self.capability.permits().collect();
        permits.sort_unstable_by_key(|(name, _)| *name);
        permits
    }

    /// Returns the secrets that a request must carry, even if they are not granted.
    pub(super) fn demanded(&self, target: &Target) -> Vec<SecretName> {
        self.capability.required_secrets(target).cloned().collect()
    }

    /// Returns true if the declaration names this algorithm.
    pub(super) fn declares(&self, name: &SecretName, algorithm: Algorithm) -> bool {
        let declared = self.declaration.get(name.as_str());
        declared.and_then(|declared| declared.jwt).is_some_and(|jwt| jwt.algorithm == Some(algorithm))
    }

    fn operations(&self, name: &SecretName) -> Operations {
        self.capability.permit(name).map_or(Operations::NONE, |permit| permit.operations)
    }

    /// Returns the violation, with help for the skill's author.
    fn denial(&self, access: &Access<'_>, operation: Option<HostOperation>, reason: DenyReason) -> Denial {
        let name = access.secret.as_str();
        let is_permitted = operation.is_some_and(|operation| self.operations(access.secret).contains(operation));
        let operation = operation.map(Operation::from);
        let Some(declared) = self.declaration.get(name) else { return Denial::undeclared(name, operation) };
        match (reason, access.purpose, access.version) {
            (DenyReason::Undeclared, ..) => Denial::undeclared(name, operation),
            (DenyReason::Operation, ..) if access.derived && is_permitted => Denial::of_token(name, operation),
            (DenyReason::Operation, ..) => Denial::operation(declared, operation),
            (DenyReason::Version, _, VersionSelector::Exactly(version)) => {
                Denial::version(name, version.as_str(), operation)
            }
            (DenyReason::Destination, Purpose::Seal(target, _), _) => Denial::destination(declared, target),
            (DenyReason::Placement, Purpose::Seal(_, placement), _) => Denial::placement(declared, placement),
            (DenyReason::Signing, ..) => Denial::signing(declared),
            (DenyReason::SigningKey, ..) => Denial::signing_key(name, operation),
            // The catalog permits everything declared.
            _ => Denial::ungranted(declared, operation),
        }
    }
}

/// Converts a declared secret like the host's reader of `skill.json`.
fn declare(secret: &DeclaredSecret) -> Result<HostDeclaredSecret, Box<dyn StdError>> {
    let operations: Operations = secret.operations.iter().copied().map(HostOperation::from).collect();
    let destinations = secret.destinations.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>()?;
    let mut terms = Terms::new(operations, destinations)?;
    if secret.placements != ["authorization"] {
        let placements = secret.placements.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>()?;
        terms = terms.with_placements(placements)?;
    }
    if let Some(jwt) = &secret.jwt {
        terms = terms.with_signing(Signing::Jwt(jwt.into()))?;
    }
    Ok(HostDeclaredSecret { name: secret.name.parse()?, terms, reason: String::new(), optional: secret.optional })
}

/// Returns the operator's terms: the declared ones, with an algorithm for tokens.
fn permit(declared: &Terms) -> Result<Terms, Box<dyn StdError>> {
    let terms = declared.clone();
    let Some(Signing::Jwt(tokens)) = declared.signing() else { return Ok(terms) };
    let algorithm = tokens.algorithm.or(Some(JwtAlgorithm::Hs256));
    Ok(terms.with_signing(Signing::Jwt(JwtTerms { algorithm, ..tokens.clone() }))?)
}

/// Returns the test's grant of a secret, if there is one.
fn grant(name: &SecretName, permitted: &Terms, planned: &SecretPlan) -> Result<Option<Grant>, Box<dyn StdError>> {
    let terms = match &planned.operations {
        _ if !planned.is_granted => return Ok(None),
        Some(operations) => {
            let mut operations: Operations = operations.iter().copied().map(HostOperation::from).collect();
            if operations.is_empty() {
                // A grant needs at least one operation: take one that the skill does not declare.
                let declared = permitted.operations();
                operations =
                    HostOperation::ALL.into_iter().rfind(|other| !declared.contains(*other)).into_iter().collect();
            }
            if operations.is_empty() {
                return Ok(None);
            }
            narrowed(permitted, operations)?
        }
        None => permitted.clone(),
    };
    // Skips invalid versions, which no skill can request.
    let versions = planned.versions.iter().filter_map(|version| Version::parse(version).ok()).collect();
    Ok(Some(Grant::new(name.clone(), terms).with_versions(VersionRule::Listed(versions))))
}

/// Returns the terms, limited to these operations.
fn narrowed(terms: &Terms, operations: Operations) -> Result<Terms, Box<dyn StdError>> {
    if !operations.contains(HostOperation::Seal) {
        return signing_as(Terms::new(operations, Vec::new())?, terms);
    }
    let destinations = match terms.destinations() {
        [] => vec![NOWHERE.parse()?],
        destinations => destinations.to_vec(),
    };
    let narrowed = Terms::new(operations, destinations)?.with_placements(terms.placements().to_vec())?;
    signing_as(narrowed, terms)
}

fn signing_as(narrowed: Terms, terms: &Terms) -> Result<Terms, Box<dyn StdError>> {
    match terms.signing() {
        Some(signing) if narrowed.operations().contains(HostOperation::Sign) => {
            Ok(narrowed.with_signing(signing.clone())?)
        }
        _ => Ok(narrowed),
    }
}

fn entry(name: &SecretName, terms: Terms, only_sealed: bool) -> Result<CatalogEntry, Box<dyn StdError>> {
    Ok(CatalogEntry::new("test".parse()?, Reference::named(name), terms).with_only_sealed(only_sealed))
}

impl From<&Jwt> for JwtTerms {
    fn from(tokens: &Jwt) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            algorithm: tokens.algorithm.map(JwtAlgorithm::from),
            key_id: text(tokens.key_id),
            issuer: text(tokens.issuer),
            subject: text(tokens.subject),
            audience: text(tokens.audience),
            max_ttl: None,
        }
    }
}

impl From<Algorithm> for JwtAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Hs256 => Self::Hs256,
            Algorithm::Rs256 => Self::Rs256,
            Algorithm::Es256 => Self::Es256,
            Algorithm::EdDsa => Self::EdDsa,
        }
    }
}

impl From<Operation> for HostOperation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Seal => Self::Seal,
            Operation::Sign => Self::Sign,
            Operation::Reveal => Self::Reveal,
            Operation::Refresh => Self::Refresh,
        }
    }
}

impl From<HostOperation> for Operation {
    fn from(operation: HostOperation) -> Self {
        match operation {
            HostOperation::Seal => Self::Seal,
            HostOperation::Sign => Self::Sign,
            HostOperation::Reveal => Self::Reveal,
            HostOperation::Refresh => Self::Refresh,
        }
    }
}
