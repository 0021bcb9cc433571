//! Kinds of secrets, and what is usual for each (ADR-0023 R1): who shares a value, and what is done with it.

use far_core::capability::{Operation, Operations, Scope};

use crate::config::reader::{Value, nearest};
use crate::config::terms;
use crate::messages::config::ConfigError;

/// What a secret is, to whoever issued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A token for GitHub's API.
    GitHubToken,
    /// A key for a container registry.
    RegistryKey,
    /// A key for the API of a third party.
    ApiKey,
    /// What the agent itself shows: a key that signs tokens, or a certificate.
    AgentIdentity,
    /// A token for one of the company's own tools.
    InternalToolToken,
    /// A GitHub App's private key, for which GitHub gives tokens.
    GitHubApp,
    /// An OAuth 2.0 client's secret, for which its authorization server gives tokens.
    OAuth2,
}

/// Names, as configurations have them.
const NAMES: [(&str, Kind); 7] = [
    ("github-token", Kind::GitHubToken),
    ("registry-key", Kind::RegistryKey),
    ("api-key", Kind::ApiKey),
    ("agent-identity", Kind::AgentIdentity),
    ("internal-tool-token", Kind::InternalToolToken),
    ("github-app", Kind::GitHubApp),
    ("oauth2-client-credentials", Kind::OAuth2),
];

impl Kind {
    pub(super) fn read(value: &Value<'_>) -> Result<Self, ConfigError> {
        let text = terms::text(value)?;
        let names = || NAMES.iter().map(|(name, _)| *name);
        NAMES.iter().find(|(name, _)| *name == &*text).map(|(_, kind)| *kind).ok_or_else(|| {
            let help = nearest(&text, names()).map_or_else(
                || format!("it is one of '{}'", names().collect::<Vec<_>>().join("', '")),
                |near| format!("did you mean '{near}'?"),
            );
            value.invalid("not a kind of secret", Some(help))
        })
    }

    /// Who shares a value where nothing else is said.
    pub(super) fn scope(self) -> Scope {
        match self {
            Self::GitHubToken | Self::InternalToolToken | Self::GitHubApp | Self::OAuth2 => Scope::Task,
            Self::ApiKey => Scope::Skill,
            Self::RegistryKey => Scope::Agent,
            Self::AgentIdentity => Scope::Node,
        }
    }

    /// What is done with it where nothing else is said.
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

    /// Scope and operations of the one secret.
    fn of(text: &str) -> (Scope, Vec<&'static str>) {
        let far = parse(text).unwrap();
        let (_, entry) = far.catalog.iter().next().unwrap();
        (entry.scope.clone(), entry.terms.operations().iter().map(Operation::as_str).collect())
    }

    #[test]
    fn a_kind_says_what_is_usual() {
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
    fn the_file_says_it_otherwise() {
        let other = "scope = 'task'\noperations = ['reveal']";
        assert_eq!(of(&entry("registry-key", other)), (Scope::Task, vec!["reveal"]));
        let tool = Scope::Tool("build".parse().unwrap());
        let shared = "tool = 'build'\ndestinations = ['https://a.example']";
        assert_eq!(of(&entry("registry-key", shared)), (tool, vec!["seal"]));
    }

    #[test]
    fn mistakes_are_told() {
        assert!(refused(&entry("github-tokn", "")).contains("did you mean 'github-token'?"));
        assert!(refused(&entry("agent-identity", "")).contains("say which, by 'signing' or 'placements'"));
        assert!(
            refused(&entry("agent-identity", "signing = { hmac = true }\nonly-sealed = true"))
                .contains("there are none")
        );
        assert!(refused(&entry("key", "")).contains("it is one of 'github-token', 'registry-key'"));
        assert!(refused(&entry("github-token", "")).contains("'seal' without a destination"));
        assert!(refused(&entry("api-key", "tool = 'builds'")).contains("did you mean 'build'?"));
        assert!(refused(&entry("api-key", "scope = 'tool'")).contains("name one of [tools] by 'tool'"));
        assert!(refused(&entry("api-key", "scope = 'task'\ntool = 'build'")).contains("leave one of the two out"));
        let skills = format!("tool = 'build'\nskills = ['sha256:{}']", "1".repeat(64));
        assert!(refused(&entry("api-key", &skills)).contains("the tool's skills are those"));
    }
}
