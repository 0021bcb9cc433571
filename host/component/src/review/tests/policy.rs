//! What a policy lets in.

use far_capability::Operation;

use super::{REVEAL, Skill};
use crate::review::{FindingId, Policy, SecretPattern, Severity, World, findings};

/// The rules that the skill goes beyond, each with what it is about.
fn beyond(policy: &Policy, skill: &Skill) -> Vec<(&'static str, String)> {
    let anatomy = skill.anatomy();
    let excesses = policy.excesses(&anatomy, &findings(&anatomy));
    excesses.into_iter().map(|excess| (excess.rule, excess.subject)).collect()
}

fn revealing() -> Skill {
    Skill::new().imports([REVEAL]).secrets(r#"{"name":"key","operations":["sign","reveal"],"reason":"r"}"#)
}

#[test]
fn a_rule_that_is_none_restricts_nothing() {
    assert_eq!(beyond(&Policy::default(), &revealing().imports(["a:b/c@1.0.0"])), []);
}

#[test]
fn findings_are_measured_by_severity_and_accepted_by_id() {
    let policy =
        |max, accept: &[FindingId]| Policy { max_severity: Some(max), accept: accept.to_vec(), ..Policy::default() };
    let key = || ("max-severity", "key".to_owned());
    assert_eq!(beyond(&policy(Severity::Medium, &[]), &revealing()), []);
    assert_eq!(beyond(&policy(Severity::Low, &[]), &revealing()), [key()]);
    assert_eq!(beyond(&policy(Severity::Low, &[FindingId::Reveal]), &revealing()), []);
    assert_eq!(beyond(&policy(Severity::Low, &[FindingId::LongText]), &revealing()), [key()]);
}

#[test]
fn worlds_operations_and_secrets_are_those_named() {
    let worlds = Policy { worlds: Some(vec![World::Skill]), ..Policy::default() };
    assert_eq!(beyond(&worlds, &Skill::new()), []);
    assert_eq!(beyond(&worlds, &revealing()), [("worlds", "the component".to_owned())]);
    let operations = Policy { operations: Some([Operation::Sign].into_iter().collect()), ..Policy::default() };
    assert_eq!(beyond(&operations, &Skill::new()), []);
    assert_eq!(beyond(&operations, &revealing()), [("operations", "key".to_owned())]);
    for (pattern, is_let) in [("key", true), ("k*", true), ("*", true), ("key2", false), ("key-*", false)] {
        let secrets = Policy { secrets: Some(vec![pattern.parse().unwrap()]), ..Policy::default() };
        assert_eq!(beyond(&secrets, &Skill::new()).is_empty(), is_let, "{pattern}");
    }
    let none = Policy { secrets: Some(Vec::new()), ..Policy::default() };
    assert_eq!(beyond(&none, &Skill::new()), [("secrets", "key".to_owned())]);
    assert_eq!(beyond(&none, &Skill::new().undeclared()), []);
}

#[test]
fn a_pattern_is_how_a_name_begins() {
    for text in ["", "Key", "*key", "k*y", "**", "-*", "a..*", "a//*"] {
        assert!(text.parse::<SecretPattern>().is_err(), "{text}");
    }
    for text in ["key", "ci/github-*", "a/*", "*"] {
        assert!(text.parse::<SecretPattern>().is_ok(), "{text}");
    }
}

#[test]
fn destinations_are_those_covered() {
    let sealing = |destination: &str| {
        let text = format!(r#"{{"name":"key","operations":["seal"],"destinations":["{destination}"],"reason":"r"}}"#);
        Skill::new().secrets(&text)
    };
    let policy = Policy { destinations: Some(vec!["https://*.example.com/v1".parse().unwrap()]), ..Policy::default() };
    assert_eq!(beyond(&policy, &Skill::new()), []);
    for destination in ["https://eu.example.com/v1/x", "GET https://*.example.com/v1"] {
        assert_eq!(beyond(&policy, &sealing(destination)), [], "{destination}");
    }
    for destination in ["https://eu.example.com", "https://eu.example.com:8443/v1", "https://a.eu.example.com/v1"] {
        assert_eq!(beyond(&policy, &sealing(destination)), [("destinations", "key".to_owned())], "{destination}");
    }
}
