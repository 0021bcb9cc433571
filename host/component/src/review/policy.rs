//! What a team lets into its repository without asking: the decision; the file is read elsewhere.

use std::str::FromStr;

use far_capability::{DeclaredSecret, Destination, NameError, Operations, SecretName};

use super::anatomy::{Anatomy, World};
use super::finding::{Finding, FindingId, Severity};

/// What a component may be. A rule that is none restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The gravest severity of findings that are not accepted by id.
    pub max_severity: Option<Severity>,
    /// Findings that are accepted whatever their severity.
    pub accept: Vec<FindingId>,
    /// The worlds that it may be of.
    pub worlds: Option<Vec<World>>,
    /// The operations that it may declare.
    pub operations: Option<Operations>,
    /// The secrets that it may declare.
    pub secrets: Option<Vec<SecretPattern>>,
    /// Where it may declare to send secrets: each declared destination is covered by these.
    pub destinations: Option<Vec<Destination>>,
}

/// Which secrets: one by name, or all whose names begin so, written `begin*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPattern {
    /// The secret of this name.
    Exact(SecretName),
    /// Those that begin with this text.
    Prefix(String),
}

impl SecretPattern {
    /// Whether it is about the secret.
    pub fn covers(&self, name: &SecretName) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.as_str().starts_with(prefix),
        }
    }
}

impl FromStr for SecretPattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let Some(prefix) = text.strip_suffix('*') else { return SecretName::parse(text).map(Self::Exact) };
        // What a name may begin with is what some name begins with.
        SecretName::parse(&format!("{prefix}a"))?;
        Ok(Self::Prefix(prefix.to_owned()))
    }
}

/// One way in which a component is more than a policy lets it be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The rule, as its key in a policy file.
    pub rule: &'static str,
    /// What it is about. Author's text: escape it wherever it is shown.
    pub subject: String,
    /// What the policy does not let it do. May quote the author: escape it too.
    pub message: String,
}

impl Policy {
    /// The ways in which a component is more than the policy lets it be; none if the policy is met.
    pub fn excesses(&self, anatomy: &Anatomy, findings: &[Finding]) -> Vec<Excess> {
        let mut excesses: Vec<Excess> = findings.iter().filter_map(|finding| self.of_finding(finding)).collect();
        let world = anatomy.world();
        if self.worlds.as_ref().is_some_and(|worlds| !worlds.contains(&world)) {
            excesses.push(excess("worlds", "the component", format!("is of the world '{}'", world.as_str())));
        }
        for secret in anatomy.declaration.iter().flat_map(|declaration| &declaration.secrets) {
            self.of_secret(secret, &mut excesses);
        }
        excesses
    }

    fn of_finding(&self, finding: &Finding) -> Option<Excess> {
        let max = self.max_severity?;
        let is_let = finding.severity() <= max || self.accept.contains(&finding.id);
        let message = || format!("{} finding '{}': {}", finding.severity(), finding.id, finding.message);
        (!is_let).then(|| excess("max-severity", &finding.subject, message()))
    }

    fn of_secret(&self, secret: &DeclaredSecret, excesses: &mut Vec<Excess>) {
        let name = secret.name.as_str();
        if self.secrets.as_ref().is_some_and(|secrets| !secrets.iter().any(|pattern| pattern.covers(&secret.name))) {
            excesses.push(excess("secrets", name, "is not among the secrets of the policy".to_owned()));
        }
        if let Some(allowed) = self.operations {
            let beyond = secret.terms.operations().iter().filter(|operation| !allowed.contains(*operation));
            excesses.extend(beyond.map(|operation| excess("operations", name, format!("declares '{operation}'"))));
        }
        if let Some(allowed) = &self.destinations {
            let beyond = secret.terms.destinations().iter().filter(|destination| !destination.is_within(allowed));
            excesses.extend(beyond.map(|destination| {
                excess("destinations", name, format!("may be sent to {destination}, which no destination covers"))
            }));
        }
    }
}

fn excess(rule: &'static str, subject: &str, message: String) -> Excess {
    Excess { rule, subject: subject.to_owned(), message }
}
