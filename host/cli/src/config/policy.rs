//! The policy of `far inspect`.

use std::path::Path;

use far_component::review::{FindingId, Policy, SecretPattern, Severity, World};
use far_core::capability::{Operation, Operations};

use super::key::{Form, Key, Keys, NONE};
use super::reader::{Value, nearest};
use super::source::{Format, Source};
use super::terms;
use crate::messages::config::ConfigError;

const ROOT: Keys = Keys::new(&[
    Key::new(
        "max-severity",
        Form::OneOf(&["info", "low", "medium", "high"]),
        NONE,
        "The highest severity of a finding that is not a violation.",
    ),
    Key::new(
        "accept",
        Form::List("[finding ids](findings.md#findings)"),
        NONE,
        "Findings above `max-severity` that are not violations.",
    ),
    Key::new("worlds", Form::List("`skill` and `skill-revealing`"), "every world", "The permitted worlds."),
    Key::new(
        "operations",
        Form::List("`sign`, `reveal`, `refresh` and `seal`"),
        "every operation",
        "The permitted operations.",
    ),
    Key::new(
        "secrets",
        Form::List("names, or prefixes followed by `*`"),
        "every secret",
        "The permitted names of secrets.",
    ),
    Key::new("destinations", Form::List("destinations"), "every destination", "The permitted destinations."),
]);

/// The table, with its heading.
pub(crate) const TABLES: &[(&str, &Keys)] = &[("The file", &ROOT)];

/// Reads a policy.
///
/// # Errors
///
/// [`ConfigError`] if the author of the policy wrote an invalid file, the path is wrong, or the
/// policy has no rules.
pub(crate) fn read(path: &Path) -> Result<Policy, ConfigError> {
    of(&Source::read(path, Format::Toml)?)
}

fn of(source: &Source) -> Result<Policy, ConfigError> {
    let mut root = Value::root(source)?.table_of(&ROOT)?;
    let max_severity = root.take("max-severity").map(|value| value.read(str::parse::<Severity>)).transpose()?;
    let accept = root.take("accept");
    if let (Some(accept), None) = (&accept, max_severity) {
        let help = "set 'max-severity': 'accept' lists findings above it".to_owned();
        return Err(accept.invalid("has no effect without 'max-severity'", Some(help)));
    }
    let policy = Policy {
        max_severity,
        accept: accept.map(|value| value.list(|value| finding(&value))).transpose()?.unwrap_or_default(),
        worlds: root.take("worlds").map(worlds).transpose()?,
        operations: root.take("operations").map(operations).transpose()?,
        secrets: root
            .take("secrets")
            .map(|value| value.list(|value| value.read(str::parse::<SecretPattern>)))
            .transpose()?,
        destinations: root.take("destinations").map(terms::destinations).transpose()?,
    };
    if policy == Policy::default() {
        return Err(root.invalid("the policy has no rules: set at least one, such as 'max-severity'"));
    }
    Ok(policy)
}

fn finding(value: &Value<'_>) -> Result<FindingId, ConfigError> {
    let mut text = String::new();
    let parsed = value.read(|id| {
        id.clone_into(&mut text);
        Ok::<_, std::convert::Infallible>(id.parse::<FindingId>())
    })?;
    parsed.map_err(|error| {
        let near = nearest(&text, FindingId::TABLE.iter().map(|(_, name, _)| *name));
        let help = near.map_or_else(
            || "run 'far inspect' for the ids of findings".to_owned(),
            |near| format!("did you mean '{near}'?"),
        );
        value.invalid(error, Some(help))
    })
}

fn worlds(value: Value<'_>) -> Result<Vec<World>, ConfigError> {
    if value.is_empty_list() {
        let help = "omit 'worlds' to allow every world".to_owned();
        return Err(value.invalid("an empty list matches no component", Some(help)));
    }
    value.list(|value| value.read(str::parse::<World>))
}

fn operations(value: Value<'_>) -> Result<Operations, ConfigError> {
    Ok(value.list(|value| value.read(str::parse::<Operation>))?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::content::render;

    fn policy(text: &str) -> Result<Policy, ConfigError> {
        of(&Source::new(Path::new("policy.toml"), text.to_owned(), Format::Toml))
    }

    #[test]
    fn every_rule_is_read() {
        let policy = policy(
            "max-severity = 'low'\naccept = ['reveal', 'wildcard-host']\nworlds = ['skill']\noperations = ['sign']\n\
             secrets = ['github-*', 'key']\ndestinations = ['https://api.github.com/repos']\n",
        );
        let expected = Policy {
            max_severity: Some(Severity::Low),
            accept: vec![FindingId::Reveal, FindingId::WildcardHost],
            worlds: Some(vec![World::Skill]),
            operations: Some([Operation::Sign].into_iter().collect()),
            secrets: Some(vec!["github-*".parse().unwrap(), "key".parse().unwrap()]),
            destinations: Some(vec!["https://api.github.com/repos".parse().unwrap()]),
        };
        assert_eq!(policy.unwrap(), expected);
    }

    #[test]
    fn empty_list_permits_nothing() {
        let policy = policy("operations = []\nsecrets = []\ndestinations = []\n").unwrap();
        assert_eq!(policy.operations, Some(Operations::default()));
        assert_eq!((policy.secrets, policy.destinations), (Some(Vec::new()), Some(Vec::new())));
    }

    #[test]
    fn empty_or_invalid_policy_is_refused() {
        for (text, expected) in [
            ("", "the document: the policy has no rules"),
            ("worlds = []", "'worlds': an empty list matches no component\nhelp: omit 'worlds' to allow every world"),
            ("worlds = ['skil']", "'worlds[0]': a world is one of 'skill', 'skill-revealing', 'other'"),
            ("secrets = ['a/*b']", "'secrets[0]': "),
        ] {
            let error = render(&policy(text).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
