//! Kinds of secrets, with the default scope and operations of each (ADR-0023 R1).

use far_core::capability::{Operation, Operations, Scope};

use crate::config::reader::{Value, nearest};
use crate::config::terms;
use crate::messages::config::ConfigError;

/// The kind of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretKind {
    /// A token for GitHub's API.
    GitHubToken,
    /// A key for a container registry.
    RegistryKey,
    /// A key for the API of a third party.
    ApiKey,
    /// The identity of the agent: a key that signs tokens, or a client certificate.
    AgentIdentity,
    /// A token for one of the company's own tools.
    InternalToolToken,
    /// The private key of a GitHub App, exchanged for installation tokens.
    GitHubApp,
    /// The secret of an OAuth 2.0 client, exchanged for access tokens.
    OAuth2,
}

/// The names in configurations.
const NAMES: [(&str, SecretKind); 7] = [
    ("github-token", SecretKind::GitHubToken),
    ("registry-key", SecretKind::RegistryKey),
    ("api-key", SecretKind::ApiKey),
    ("agent-identity", SecretKind::AgentIdentity),
    ("internal-tool-token", SecretKind::InternalToolToken),
    ("github-app", SecretKind::GitHubApp),
    ("oauth2-client-credentials", SecretKind::OAuth2),
];

/// Returns the name, the default scope and the default operation of each kind.
pub(crate) fn kinds() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    NAMES.iter().map(|(name, kind)| {
        let operation = kind.operations().iter().next().map_or("", Operation::as_str);
        (*name, kind.scope().as_str(), operation)
    })
}

impl SecretKind {
    pub(super) fn read(value: &Value<'_>) -> Result<Self, ConfigError> {
        let text = terms::text(value)?;
        let names = || NAMES.iter().map(|(name, _)| *name);
        NAMES.iter().find(|(name, _)| *name == &*text).map(|(_, kind)| *kind).ok_or_else(|| {
            let help = nearest(&text, names()).map_or_else(
                || format!("use one of '{}'", names().collect::<Vec<_>>().join("', '")),
                |near| format!("did you mean '{near}'?"),
            );
            value.invalid("unknown kind of secret", Some(help))
        })
    }

    /// Returns the default scope.
    pub(super) fn scope(self) -> Scope {
        match self {
            Self::GitHubToken | Self::InternalToolToken | Self::GitHubApp | Self::OAuth2 => Scope::Task,
            Self::ApiKey => Scope::Skill,
            Self::RegistryKey => Scope::Agent,
            Self::AgentIdentity => Scope::Node,
        }
    }

    /// Returns the default operations.
    pub(super) fn operations(self) -> Operations {
        match self {
            Self::AgentIdentity => [Operation::Sign].into_iter().collect(),
            _ => [Operation::Seal].into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::far_toml::tests::{parse, refused};

    fn entry(kind: &str, more: &str) -> String {
        format!(
            "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[tools.build]\nskills = ['sha256:{}']\n[secrets.a]\nprovider \
             = 'dev'\nkind = '{kind}'\n{more}\n",
            "0".repeat(64)
        )
    }

    /// Returns scope and operations of the only secret.
    fn of(text: &str) -> (Scope, Vec<&'static str>) {
        let far = parse(text).unwrap();
        let (_, entry) = far.catalog.iter().next().unwrap();
        (entry.scope.clone(), entry.terms.operations().iter().map(Operation::as_str).collect())
    }

    #[test]
    fn kind_sets_defaults() {
        let to = "destinations = ['https://a.example']";
        for (kind, scope) in [
            ("github-token", Scope::Task),
            ("registry-key", Scope::Agent),
            ("api-key", Scope::Skill),
            ("internal-tool-token", Scope::Task),
        ] {
            assert_eq!(of(&entry(kind, to)), (scope, vec!["seal"]), "{kind}");
        }
        let jwt = "signing = { jwt = { algorithm = 'RS256' } }";
        assert_eq!(of(&entry("agent-identity", jwt)), (Scope::Node, vec!["sign"]));
    }

    #[test]
    fn file_overrides_defaults() {
        let other = "scope = 'task'\noperations = ['reveal']";
        assert_eq!(of(&entry("registry-key", other)), (Scope::Task, vec!["reveal"]));
        let tool = Scope::Tool("build".parse().unwrap());
        let shared = "tool = 'build'\ndestinations = ['https://a.example']";
        assert_eq!(of(&entry("registry-key", shared)), (tool, vec!["seal"]));
    }

    #[test]
    fn invalid_kind_is_refused() {
        assert!(refused(&entry("github-tokn", "")).contains("did you mean 'github-token'?"));
        assert!(refused(&entry("agent-identity", "")).contains("set 'signing' or 'placements'"));
        assert!(
            refused(&entry("agent-identity", "signing = { hmac = true }\nonly-sealed = true"))
                .contains("no destinations to restrict")
        );
        assert!(refused(&entry("key", "")).contains("use one of 'github-token', 'registry-key'"));
        assert!(refused(&entry("github-token", "")).contains("'seal' without a destination"));
        assert!(refused(&entry("api-key", "tool = 'builds'")).contains("did you mean 'build'?"));
        assert!(refused(&entry("api-key", "scope = 'tool'")).contains("set 'tool' to one of [tools]"));
        assert!(refused(&entry("api-key", "scope = 'task'\ntool = 'build'")).contains("remove one of the two"));
        let skills = format!("tool = 'build'\nskills = ['sha256:{}']", "1".repeat(64));
        assert!(refused(&entry("api-key", &skills)).contains("the skills of the tool may use the secret"));
    }
}
