//! Claims against the rule of their key.

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
fn a_skill_says_the_rest_and_may_ask_for_less_time() {
    let fixed = |said: &str| Claims::fix(said, &rule(), NOW);
    assert_eq!(fixed("{}").unwrap().lives(), Duration::from_secs(600));
    for (said, lives) in [(NOW + 1, 1), (NOW + 600, 600)] {
        assert_eq!(fixed(&json!({ "exp": said }).to_string()).unwrap().lives(), Duration::from_secs(lives));
    }
    for said in ["", "[]", "null", "{", r#"{"a":1,"a":2}"#, "{} {}", "\u{0}"] {
        assert!(is_contradiction(&fixed(said)), "{said}");
    }
    for said in [
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
        assert!(is_contradiction(&fixed(&said.to_string())), "{said}");
    }
    assert!(fixed(r#"{ "sub": "anyone" }"#).is_ok());
    let rule = JwtRule { subject: Some("one".to_owned()), ..rule() };
    assert_eq!(
        Claims::fix(r#"{ "sub": "anyone" }"#, &rule, NOW),
        Err(ClaimsError::Contradiction(Contradiction::Fixed("sub")))
    );
    let huge = format!(r#"{{ "a": "{}" }}"#, "x".repeat(Claims::MAX_LEN));
    assert_eq!(Claims::fix(&huge, &rule, NOW), Err(ClaimsError::TooLarge));
}

/// Names of claims with the rule's answer.
const NAMES: &str = include_str!("../../tests/tables/claims.json");

#[test]
fn claim_names_pass_as_the_table_says() {
    let names: BTreeMap<String, Vec<String>> = serde_json::from_str(NAMES).unwrap();
    for name in &names["refused"] {
        // Whatever it says, of the same or of another type.
        for value in [json!("app"), json!("admin"), json!(NOW), json!(null), json!({ "iss": "app" })] {
            let said = json!({ name: value }).to_string();
            assert!(is_contradiction(&Claims::fix(&said, &rule(), NOW)), "{said}");
        }
    }
    for name in &names["taken"] {
        let said = json!({ name: { "ISS": "any", "i\u{17f}s": 1 } }).to_string();
        assert!(Claims::fix(&said, &rule(), NOW).is_ok(), "{said}");
    }
}

#[test]
fn escaped_claim_names_are_read_as_the_verifier_does() {
    for said in [
        r#"{ "\u0069ss": "other" }"#,
        r#"{ "\u0049ss": "app" }"#,
        r#"{ "i\u017fs": "app" }"#,
        r#"{ "\u0069\u0053s": 1 }"#,
    ] {
        assert!(is_contradiction(&Claims::fix(said, &rule(), NOW)), "{said}");
    }
    assert!(Claims::fix(r#"{ "\u0069ss": "app" }"#, &rule(), NOW).is_ok(), "the claim itself");
    for said in [r#"{ "iss": "app", "\u0069ss": "app" }"#, r#"{ "iss": "app", "Iss": "other" }"#] {
        assert!(is_contradiction(&Claims::fix(said, &rule(), NOW)), "{said}");
    }
}

#[test]
fn subject_is_imitated_where_it_is_fixed() {
    let fixed = JwtRule { subject: Some("one".to_owned()), ..rule() };
    for name in ["Sub", "SUB", "s_u_b"] {
        let said = json!({ name: "one" }).to_string();
        assert!(is_contradiction(&Claims::fix(&said, &fixed, NOW)), "{name}");
        assert!(Claims::fix(&said, &rule(), NOW).is_ok(), "{name}");
    }
}

#[test]
fn contradiction_names_broken_rule() {
    let name = |name: &str| ClaimName(name.to_owned());
    for (said, expected) in [
        ("[]", Contradiction::Malformed),
        (r#"{ "a": 1, "a": 1 }"#, Contradiction::Malformed),
        (r#"{ "a b": 1 }"#, Contradiction::Name(name("a b"))),
        (r#"{ "ISS": 1 }"#, Contradiction::Imitation { name: name("ISS"), claim: "iss" }),
        (r#"{ "iss": "other" }"#, Contradiction::Fixed("iss")),
        (r#"{ "nbf": 1 }"#, Contradiction::Fixed("nbf")),
        (r#"{ "exp": 1 }"#, Contradiction::Expiry),
    ] {
        assert_eq!(Claims::fix(said, &rule(), NOW), Err(ClaimsError::Contradiction(expected)), "{said}");
    }
}

#[test]
fn claim_error_hides_guest_text() {
    let error = Claims::fix(r#"{ "can ary": 1 }"#, &rule(), NOW).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("can"));
}
