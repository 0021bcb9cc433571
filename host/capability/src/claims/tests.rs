//! Checks of claims against the rule of their key.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::signing::JwtAlgorithm;

const NOW: u64 = 1_700_000_000;

fn rule() -> JwtRule {
    JwtRule {
        algorithm: JwtAlgorithm::Hs256,
        key_id: None,
        issuer: Some("app".to_owned()),
        subject: None,
        audience: None,
        max_ttl: Duration::from_secs(600),
    }
}

fn is_contradiction(fixed: &Result<Claims, ClaimsError>) -> bool {
    matches!(fixed, Err(ClaimsError::Contradiction(_)))
}

#[test]
fn claims_comply_with_rule_and_lifetime() {
    let fixed = |input: &str| Claims::new(input, &rule(), NOW);
    assert_eq!(fixed("{}").unwrap().lifetime(), Duration::from_secs(600));
    for (input, lifetime) in [(NOW + 1, 1), (NOW + 600, 600)] {
        assert_eq!(fixed(&json!({ "exp": input }).to_string()).unwrap().lifetime(), Duration::from_secs(lifetime));
    }
    for input in ["", "[]", "null", "{", r#"{"a":1,"a":2}"#, "{} {}", "\u{0}"] {
        assert!(is_contradiction(&fixed(input)), "{input}");
    }
    for input in [
        json!({ "iss": "other" }),
        json!({ "iss": null }),
        json!({ "iss": ["app"] }),
        json!({ "aud": "anything" }),
        json!({ "iat": NOW - 1 }),
        json!({ "nbf": NOW }),
        json!({ "exp": NOW + 601 }),
        json!({ "exp": NOW }),
        json!({ "exp": NOW - 1 }),
        json!({ "exp": u64::MAX }),
        json!({ "exp": 1.5 }),
        json!({ "exp": (NOW + 5).to_string() }),
    ] {
        assert!(is_contradiction(&fixed(&input.to_string())), "{input}");
    }
    assert!(fixed(r#"{ "sub": "anyone" }"#).is_ok());
    let rule = JwtRule { subject: Some("one".to_owned()), ..rule() };
    assert_eq!(
        Claims::new(r#"{ "sub": "anyone" }"#, &rule, NOW),
        Err(ClaimsError::Contradiction(Contradiction::Fixed("sub")))
    );
    let huge = format!(r#"{{ "a": "{}" }}"#, "x".repeat(Claims::MAX_LEN));
    assert_eq!(Claims::new(&huge, &rule, NOW), Err(ClaimsError::TooLarge));
}

/// Names of claims by the expected result.
const NAMES: &str = include_str!("../../tests/tables/claims.json");

#[test]
fn claim_names_pass_as_table_says() {
    let names: BTreeMap<String, Vec<String>> = serde_json::from_str(NAMES).unwrap();
    for name in &names["refused"] {
        // Any value, of the same or of another type.
        for value in [json!("app"), json!("admin"), json!(NOW), json!(null), json!({ "iss": "app" })] {
            let input = json!({ name: value }).to_string();
            assert!(is_contradiction(&Claims::new(&input, &rule(), NOW)), "{input}");
        }
    }
    for name in &names["accepted"] {
        let input = json!({ name: { "ISS": "any", "i\u{17f}s": 1 } }).to_string();
        assert!(Claims::new(&input, &rule(), NOW).is_ok(), "{input}");
    }
}

#[test]
fn escaped_claim_names_are_decoded() {
    for input in [
        r#"{ "\u0069ss": "other" }"#,
        r#"{ "\u0049ss": "app" }"#,
        r#"{ "i\u017fs": "app" }"#,
        r#"{ "\u0069\u0053s": 1 }"#,
    ] {
        assert!(is_contradiction(&Claims::new(input, &rule(), NOW)), "{input}");
    }
    assert!(Claims::new(r#"{ "\u0069ss": "app" }"#, &rule(), NOW).is_ok(), "the claim itself");
    for input in [r#"{ "iss": "app", "\u0069ss": "app" }"#, r#"{ "iss": "app", "Iss": "other" }"#] {
        assert!(is_contradiction(&Claims::new(input, &rule(), NOW)), "{input}");
    }
}

#[test]
fn fixed_subject_rejects_imitation() {
    let fixed = JwtRule { subject: Some("one".to_owned()), ..rule() };
    for name in ["Sub", "SUB", "s_u_b"] {
        let input = json!({ name: "one" }).to_string();
        assert!(is_contradiction(&Claims::new(&input, &fixed, NOW)), "{name}");
        assert!(Claims::new(&input, &rule(), NOW).is_ok(), "{name}");
    }
}

#[test]
fn contradiction_names_broken_rule() {
    let name = |name: &str| ClaimName(name.to_owned());
    for (input, expected) in [
        ("[]", Contradiction::Malformed),
        (r#"{ "a": 1, "a": 1 }"#, Contradiction::Malformed),
        (r#"{ "a b": 1 }"#, Contradiction::Name(name("a b"))),
        (r#"{ "ISS": 1 }"#, Contradiction::Imitation { name: name("ISS"), claim: "iss" }),
        (r#"{ "iss": "other" }"#, Contradiction::Fixed("iss")),
        (r#"{ "nbf": 1 }"#, Contradiction::Fixed("nbf")),
        (r#"{ "exp": 1 }"#, Contradiction::Expiry),
    ] {
        assert_eq!(Claims::new(input, &rule(), NOW), Err(ClaimsError::Contradiction(expected)), "{input}");
    }
}

#[test]
fn claim_error_hides_guest_text() {
    let error = Claims::new(r#"{ "can ary": 1 }"#, &rule(), NOW).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("can"));
}
