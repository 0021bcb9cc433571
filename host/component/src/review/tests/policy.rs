//! Policies and their violations.

use far_capability::Operation;

use super::{REVEAL, Skill};
use crate::review::{FindingId, Policy, SecretPattern, Severity, World, findings};

/// Returns the violated rules with their subjects.
fn violations(policy: &Policy, skill: &Skill) -> Vec<(&'static str, String)> {
    let summary = skill.summary();
    let violations = policy.violations(&summary, &findings(&summary));
    violations.into_iter().map(|violation| (violation.rule, violation.subject)).collect()
}

fn revealing() -> Skill {
    Skill::new().imports([REVEAL]).secrets(r#"{"name":"key","operations":["sign","reveal"],"reason":"r"}"#)
}

#[test]
fn absent_rule_restricts_nothing() {
    assert_eq!(violations(&Policy::default(), &revealing().imports(["a:b/c@1.0.0"])), []);
}

#[test]
fn findings_are_accepted_by_severity_or_id() {
    let policy =
        |max, accept: &[FindingId]| Policy { max_severity: Some(max), accept: accept.to_vec(), ..Policy::default() };
    let key = || ("max-severity", "key".to_owned());
    assert_eq!(violations(&policy(Severity::Medium, &[]), &revealing()), []);
    assert_eq!(violations(&policy(Severity::Low, &[]), &revealing()), [key()]);
    assert_eq!(violations(&policy(Severity::Low, &[FindingId::Reveal]), &revealing()), []);
    assert_eq!(violations(&policy(Severity::Low, &[FindingId::LongText]), &revealing()), [key()]);
}

#[test]
fn unlisted_terms_are_violations() {
    let worlds = Policy { worlds: Some(vec![World::Skill]), ..Policy::default() };
    assert_eq!(violations(&worlds, &Skill::new()), []);
    assert_eq!(violations(&worlds, &revealing()), [("worlds", "the component".to_owned())]);
    let operations = Policy { operations: Some([Operation::Sign].into_iter().collect()), ..Policy::default() };
    assert_eq!(violations(&operations, &Skill::new()), []);
    assert_eq!(violations(&operations, &revealing()), [("operations", "key".to_owned())]);
    for (pattern, is_accepted) in [("key", true), ("k*", true), ("*", true), ("key2", false), ("key-*", false)] {
        let secrets = Policy { secrets: Some(vec![pattern.parse().unwrap()]), ..Policy::default() };
        assert_eq!(violations(&secrets, &Skill::new()).is_empty(), is_accepted, "{pattern}");
    }
    let none = Policy { secrets: Some(Vec::new()), ..Policy::default() };
    assert_eq!(violations(&none, &Skill::new()), [("secrets", "key".to_owned())]);
    assert_eq!(violations(&none, &Skill::new().undeclared()), []);
}

#[test]
fn pattern_is_name_or_prefix() {
    for text in ["", "Key", "*key", "k*y", "**", "-*", "a..*", "a//*"] {
        assert!(text.parse::<SecretPattern>().is_err(), "{text}");
    }
    for text in ["key", "ci/github-*", "a/*", "*"] {
        assert!(text.parse::<SecretPattern>().is_ok(), "{text}");
    }
}

#[test]
fn uncovered_destinations_are_violations() {
    let sealing = |destination: &str| {
        let text = format!(r#"{{"name":"key","operations":["seal"],"destinations":["{destination}"],"reason":"r"}}"#);
        Skill::new().secrets(&text)
    };
    let policy = Policy { destinations: Some(vec!["https://*.example.com/v1".parse().unwrap()]), ..Policy::default() };
    assert_eq!(violations(&policy, &Skill::new()), []);
    for destination in ["https://eu.example.com/v1/x", "GET https://*.example.com/v1"] {
        assert_eq!(violations(&policy, &sealing(destination)), [], "{destination}");
    }
    for destination in ["https://eu.example.com", "https://eu.example.com:8443/v1", "https://a.eu.example.com/v1"] {
        assert_eq!(violations(&policy, &sealing(destination)), [("destinations", "key".to_owned())], "{destination}");
    }
}
