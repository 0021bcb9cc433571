//! The decisions of a review policy. The command line reads the policy file.

use std::str::FromStr;

use far_capability::{DeclaredSecret, Destination, NameError, Operations, SecretName};

use super::finding::{Finding, FindingId, Severity};
use super::summary::{ComponentSummary, World};

/// A review policy. An absent rule restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The highest severity of findings that are not accepted by id.
    pub max_severity: Option<Severity>,
    /// The findings that are accepted at any severity.
    pub accept: Vec<FindingId>,
    /// The accepted worlds.
    pub worlds: Option<Vec<World>>,
    /// The operations that may be declared.
    pub operations: Option<Operations>,
    /// The secrets that may be declared.
    pub secrets: Option<Vec<SecretPattern>>,
    /// The destinations that cover every declared destination.
    pub destinations: Option<Vec<Destination>>,
}

/// A pattern of secret names: a name, or a prefix followed by `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPattern {
    /// The secret with this name.
    Exact(SecretName),
    /// The secrets whose names begin with this string.
    Prefix(String),
}

impl SecretPattern {
    /// Returns true if the pattern matches the name.
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
        // A prefix is valid if some valid name begins with it.
        SecretName::parse(&format!("{prefix}a"))?;
        Ok(Self::Prefix(prefix.to_owned()))
    }
}

/// A violation of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyViolation {
    /// The rule: its key in a policy file.
    pub rule: &'static str,
    /// The subject: a secret, an import or the component. Untrusted text: escape it for display.
    pub subject: String,
    /// The refused property. Can quote untrusted text: escape it for display.
    pub message: String,
}

impl Policy {
    /// Lists the violations of the policy by a component with these findings.
    pub fn violations(&self, summary: &ComponentSummary, findings: &[Finding]) -> Vec<PolicyViolation> {
        let mut violations: Vec<PolicyViolation> =
            findings.iter().filter_map(|finding| self.check_finding(finding)).collect();
        let world = summary.world();
        if self.worlds.as_ref().is_some_and(|worlds| !worlds.contains(&world)) {
            violations.push(violation("worlds", "the component", format!("is of the world '{}'", world.as_str())));
        }
        for secret in summary.declaration.iter().flat_map(|declaration| &declaration.secrets) {
            self.check_secret(secret, &mut violations);
        }
        violations
    }

    fn check_finding(&self, finding: &Finding) -> Option<PolicyViolation> {
        let max = self.max_severity?;
        let is_accepted = finding.severity() <= max || self.accept.contains(&finding.id);
        let message = || format!("{} finding '{}': {}", finding.severity(), finding.id, finding.message);
        (!is_accepted).then(|| violation("max-severity", &finding.subject, message()))
    }

    fn check_secret(&self, secret: &DeclaredSecret, violations: &mut Vec<PolicyViolation>) {
        let name = secret.name.as_str();
        if self.secrets.as_ref().is_some_and(|secrets| !secrets.iter().any(|pattern| pattern.covers(&secret.name))) {
            violations.push(violation("secrets", name, "is not among the secrets of the policy".to_owned()));
        }
        if let Some(allowed) = self.operations {
            let beyond = secret.terms.operations().iter().filter(|operation| !allowed.contains(*operation));
            violations.extend(beyond.map(|operation| violation("operations", name, format!("declares '{operation}'"))));
        }
        if let Some(allowed) = &self.destinations {
            let beyond = secret.terms.destinations().iter().filter(|destination| !destination.is_within(allowed));
            violations.extend(beyond.map(|destination| {
                violation(
                    "destinations",
                    name,
                    format!("may be sent to {destination}, which the policy does not cover"),
                )
            }));
        }
    }
}

fn violation(rule: &'static str, subject: &str, message: String) -> PolicyViolation {
    PolicyViolation { rule, subject: subject.to_owned(), message }
}
