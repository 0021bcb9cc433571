//! Tokens and the keys that sign them. Each case names the rule of the real host that it covers.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{get, violation};
use crate::secrets::{Error as SecretError, Secret};
use crate::signing::JwtError;
use crate::testing::{Algorithm, Declaration, DeclaredSecret, Host, Jwt, Operation, Reason, Use};
use crate::{Error, reveal, sealed, secrets, signing};

const KEY: &str = "a key of at least thirty-two bytes";
const APP: Jwt = Jwt::new().algorithm(Algorithm::Rs256).key_id("k1").issuer("app").audience("api");
const ALL: &[Operation] = &[Operation::Sign, Operation::Seal, Operation::Reveal];

const DECLARATION: Declaration = Declaration {
    secrets: &[
        DeclaredSecret::new("app", ALL).destinations(&["https://a.example"]).jwt(APP),
        DeclaredSecret::new("plain", &[Operation::Sign]).jwt(Jwt::new().algorithm(Algorithm::Hs256)),
        DeclaredSecret::new("subject", &[Operation::Sign]).jwt(Jwt::new().subject("one")),
        DeclaredSecret::new("hmac", &[Operation::Sign]),
    ],
};

fn host() -> Host {
    Host::new(DECLARATION)
        .secret("app", "no key of RS256")
        .secret("plain", KEY)
        .secret("subject", "")
        .secret("hmac", "k")
}

fn token(claims: &Value) -> Result<Secret, Error> {
    Ok(signing::sign_jwt(&get("app")?, claims)?)
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn token_has_header_and_host_claims() {
    let mut text = String::new();
    let skill = |()| {
        let token = token(&json!({ "scope": ["a"], "iss": "app" }))?;
        text = String::from_utf8(reveal::reveal(&token)?.expose().to_vec()).unwrap();
        Ok((token.name(), token.version(), token.expires_in().map(|time| time.as_secs())))
    };
    let host = host().secret_version("app", "7", "no key of RS256");
    assert_eq!(host.run(skill, ()), Ok(("app".to_owned(), "7".to_owned(), Some(600))));
    assert_eq!(host.uses(), [Use::get("app"), Use::sign_jwt("app"), Use::reveal("app")]);

    let (signed, signature) = text.rsplit_once('.').unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(b"no key of RS256").unwrap().chain_update(signed).finalize();
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), *mac.into_bytes(), "any algorithm is HMAC-SHA-256");
    let parts = signed.split('.').map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap());
    let [header, claims]: [Value; 2] = parts.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
    let iat = claims["iat"].as_u64().unwrap();
    assert!(unix_time() - iat < 60);
    assert_eq!(claims, json!({ "scope": ["a"], "iss": "app", "aud": "api", "iat": iat, "exp": iat + 600 }));
    assert_eq!(host.claims(), [claims.to_string()]);
}

#[test]
fn skill_can_shorten_token_lifetime() {
    let skill = |()| Ok(token(&json!({ "exp": unix_time() + 60 }))?.expires_in().unwrap().as_secs());
    let seconds = host().run(skill, ()).unwrap();
    assert!((50..=60).contains(&seconds), "{seconds}");
}

#[test]
fn contradicting_claims_are_violation() {
    // `Claims::new`.
    let now = unix_time();
    let cases = [
        ("app", json!({ "iss": "other" }), "`iss`"),
        ("app", json!({ "iss": null }), "`iss`"),
        ("app", json!({ "aud": ["api"] }), "`aud`"),
        ("plain", json!({ "iss": "undeclared" }), "`iss`"),
        ("subject", json!({ "sub": "two" }), "`sub`"),
        ("app", json!({ "iat": now - 100 }), "`iat`"),
        ("app", json!({ "nbf": now }), "`nbf`"),
        ("app", json!({ "exp": now + 700 }), "`exp`"),
        ("app", json!({ "exp": now - 1 }), "`exp`"),
        ("app", json!({ "exp": "soon" }), "`exp`"),
        ("app", json!(["iss"]), "a JSON object"),
        ("app", json!(null), "a JSON object"),
    ];
    for (name, claims, text) in cases {
        let host = host();
        let denial = violation(host.run(|()| Ok(signing::sign_jwt(&get(name)?, &claims).map(drop)?), ()).err());
        assert_eq!((&*denial.secret, denial.operation, denial.reason), (name, Some(Operation::Sign), Reason::Claims));
        assert!(denial.to_string().contains(text), "{claims}: {denial}");
        assert_eq!(host.uses(), [Use::get(name)]);
    }
}

/// far-capability has the rules of claim names, and their tests.
#[test]
fn ambiguous_claim_name_is_violation() {
    for (name, text) in [("ISS", "`ISS` resembles `iss`"), ("is\u{200b}s", "the claim `is\\u{200b}s`: a claim's name")]
    {
        let denial = violation(host().run(|()| token(&json!({ name: "app" })).map(drop), ()).err());
        assert_eq!(denial.reason, Reason::Claims);
        assert!(denial.to_string().contains(text), "{denial}");
    }
    assert_eq!(host().run(|()| token(&json!({ "https://a.example/role": 1 })).map(drop), ()), Ok(()));
}

#[test]
fn duplicate_claim_is_violation() {
    struct DuplicateClaim;

    impl serde::Serialize for DuplicateClaim {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([("scope", "read"), ("scope", "write")])
        }
    }

    let denial = violation(host().run(|()| Ok(signing::sign_jwt(&get("app")?, &DuplicateClaim).map(drop)?), ()).err());
    assert_eq!(denial.reason, Reason::Claims);
}

#[test]
fn undeclared_claim_is_set_by_skill() {
    let skill = |()| {
        let (app, subject) = (get("app")?, get("subject")?);
        signing::sign_jwt(&app, &json!({ "sub": "anyone" }))?;
        signing::sign_jwt(&subject, &json!({ "sub": "one" }))?;
        Ok(signing::sign_jwt(&subject, &json!({})).map(drop)?)
    };
    let host = host();
    assert_eq!(host.run(skill, ()), Ok(()));
    let subjects =
        host.claims().into_iter().map(|claims| serde_json::from_str::<Value>(&claims).unwrap()["sub"].clone());
    assert_eq!(subjects.collect::<Vec<_>>(), [json!("anyone"), json!("one"), json!("one")]);
}

#[test]
fn key_signs_one_kind_only() {
    type Call = fn() -> Result<(), Error>;

    // `Permit::key_denial`.
    let cases: [(&str, Call, Operation, Reason); 8] = [
        ("hmac", || Ok(signing::sign_jwt(&get("hmac")?, &json!({})).map(drop)?), Operation::Sign, Reason::Signing),
        ("app", || Ok(signing::hmac_sha256(&get("app")?, b"").map(drop)?), Operation::Sign, Reason::Signing),
        ("app", || Ok(sealed::token(&get("app")?).map(drop)?), Operation::Seal, Reason::SigningKey),
        ("app", || Ok(reveal::reveal(&get("app")?).map(drop)?), Operation::Reveal, Reason::SigningKey),
        ("plain", || Ok(reveal::reveal(&get("plain")?).map(drop)?), Operation::Reveal, Reason::Operation),
        (
            "app",
            || Ok(signing::sign_jwt(&token(&json!({}))?, &json!({})).map(drop)?),
            Operation::Sign,
            Reason::Operation,
        ),
        ("app", || Ok(signing::hmac_sha256(&token(&json!({}))?, b"").map(drop)?), Operation::Sign, Reason::Operation),
        ("app", || Ok(secrets::refresh("app").map(drop)?), Operation::Refresh, Reason::Operation),
    ];
    for (name, call, operation, reason) in cases {
        let denial = violation(host().run(|()| call(), ()).err());
        assert_eq!((&*denial.secret, denial.operation, denial.reason), (name, Some(operation), reason), "{denial}");
    }
}

#[test]
fn failed_token_signature_is_error() {
    let huge = json!({ "a": "x".repeat(16 * 1024) });
    let empty = json!({});
    let cases: [(&str, Host, &str, &Value, SecretError); 5] = [
        ("Claims::MAX_LEN", host(), "app", &huge, SecretError::TooLarge),
        ("Secret::value", host().fail_use("app", SecretError::Revoked), "app", &empty, SecretError::Revoked),
        ("Session::count_use", host().max_uses("app", 0), "app", &empty, SecretError::Exhausted),
        (
            "SigningKey::parse",
            host().secret("plain", "short"),
            "plain",
            &empty,
            SecretError::Unavailable { retry_after: None },
        ),
        (
            "length before the value's end",
            host().fail_use("app", SecretError::Expired),
            "app",
            &huge,
            SecretError::TooLarge,
        ),
    ];
    for (rule, host, name, claims, expected) in cases {
        let skill = |()| Ok(signing::sign_jwt(&get(name)?, claims).err() == Some(JwtError::Key(expected)));
        assert_eq!(host.run(skill, ()), Ok(true), "{rule}");
        assert_eq!(host.uses(), [Use::get(name)], "{rule}");
    }
    let unwritable = std::collections::BTreeMap::from([(vec![1], 1)]);
    let skill = |()| Ok(signing::sign_jwt(&get("app")?, &unwritable).err() == Some(JwtError::Claims));
    assert_eq!(host().run(skill, ()), Ok(true));
}

#[test]
fn tokens_per_task_are_limited() {
    // `signing::DERIVED_MAX`.
    let skill = |()| {
        let key = get("plain")?;
        (0..128).try_for_each(|_| signing::sign_jwt(&key, &json!({})).map(drop))?;
        Ok(signing::sign_jwt(&key, &json!({})).err() == Some(JwtError::Key(SecretError::Exhausted)))
    };
    assert_eq!(host().run(skill, ()), Ok(true));
}

#[test]
fn key_and_tokens_share_use_count() {
    let skill = |()| {
        let token = token(&json!({}))?;
        reveal::reveal(&token)?;
        assert_eq!(reveal::reveal(&token).err(), Some(SecretError::Exhausted));
        Ok(signing::sign_jwt(&get("app")?, &json!({})).is_err())
    };
    assert_eq!(host().max_uses("app", 2).run(skill, ()), Ok(true));
}
