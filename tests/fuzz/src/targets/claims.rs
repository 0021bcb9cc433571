//! Claims of JSON Web Tokens.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use far_core::capability::{JwtAlgorithm, JwtRule};
use far_core::jwt::{Claims, Jwt, SigningKey};
use serde_json::{Map, Value};

use crate::canary::assert_clean;

pub(super) const TOKENS: &[&str] = &[
    "\"iss\":",
    "\"ISS\":",
    "\"i\u{17f}s\":",
    "\"aud\":",
    "\"sub\":",
    "\"exp\":1700000100",
    "\"iat\":",
    "\"nbf\":",
    "{",
    "}",
    ",",
    "\"app\"",
    "null",
    "\\u0073",
    "K4n4ry",
];

const NOW: u64 = 1_700_000_000;
const TTL: u64 = 600;
const RESERVED: [&str; 6] = ["iss", "sub", "aud", "exp", "nbf", "iat"];

/// Checks the token for claims of a skill: the first byte chooses the claims that the rule fixes.
pub fn claims(data: &[u8]) {
    let Some((&choice, requested)) = data.split_first() else { return };
    let Ok(requested) = str::from_utf8(requested) else { return };
    let fixed = |bit: u8, text: &str| (choice & bit != 0).then(|| text.to_owned());
    let rule = JwtRule {
        algorithm: JwtAlgorithm::Hs256,
        key_id: fixed(8, "key-1"),
        issuer: fixed(1, "app"),
        subject: fixed(2, "robot"),
        audience: fixed(4, "https://api.example.com"),
        max_ttl: Duration::from_secs(TTL),
    };
    let claims = match Claims::new(requested, &rule, NOW) {
        Ok(claims) => claims,
        Err(error) => return assert_clean(&error),
    };
    let key = SigningKey::parse(JwtAlgorithm::Hs256, &[7; 32]).expect("32 bytes are a key");
    let token = Jwt::sign(&key, rule.key_id.as_deref(), &claims).expect("the claims can be signed");
    let [header, payload, _] = parts(token.as_bytes());

    let key_id = rule.key_id.as_deref().map(Value::from);
    assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some("HS256"), Some("JWT")));
    assert_eq!((header.get("kid"), header.len()), (key_id.as_ref(), 2 + usize::from(key_id.is_some())));

    let claim = |name: &str| payload.get(name).and_then(Value::as_str);
    assert_eq!(claim("iss"), rule.issuer.as_deref());
    assert_eq!(claim("aud"), rule.audience.as_deref());
    assert!(rule.issuer.is_some() || !payload.contains_key("iss"));
    assert!(rule.audience.is_some() || !payload.contains_key("aud"));
    assert!(rule.subject.is_none() || claim("sub") == rule.subject.as_deref());
    assert_eq!(payload["iat"], NOW);
    let end = payload["exp"].as_u64().expect("a token has an end");
    assert!((NOW + 1..=NOW + TTL).contains(&end), "{payload:?}");
    assert_eq!(claims.lifetime(), Duration::from_secs(end - NOW));
    assert!(!payload.contains_key("nbf"));

    // A verifier that folds case uses the last of two claims.
    for name in payload.keys() {
        let folded = folded(name);
        let free = folded == "sub" && rule.subject.is_none();
        assert!(free || *name == folded || !RESERVED.contains(&folded.as_str()), "{name:?} is signed");
    }
    let claims_of_skill: Map<String, Value> = serde_json::from_str(requested).expect("accepted claims are an object");
    let free = claims_of_skill.iter().filter(|(name, value)| !RESERVED.contains(&name.as_str()) && is_exact(value));
    for (name, value) in free {
        assert_eq!(payload.get(name), Some(value), "{name:?}");
    }
}

/// Folds the case of a name, as far as it can become a reserved claim.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Returns true if a value survives a round trip; a fraction with many digits does not.
fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        _ => true,
    }
}

/// Returns the header and the payload of a token, without its signature.
fn parts(token: &[u8]) -> [Map<String, Value>; 3] {
    let token = str::from_utf8(token).expect("a token is ASCII");
    let parts: Vec<_> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    let part = |at: usize| {
        let json = URL_SAFE_NO_PAD.decode(parts[at]).expect("a part is base64url");
        serde_json::from_slice(&json).expect("a part is an object")
    };
    [part(0), part(1), Map::new()]
}
