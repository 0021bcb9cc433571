//! Signatures and tokens, with the keys of RFC 7515, A.1 to A.3, and RFC 8037, A.

use std::time::Duration;

use far_capability::{JwtAlgorithm, JwtRule};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use super::*;

const PKCS1: &[u8] = include_bytes!("keys/rsa-pkcs1.pem");
const PKCS8: &[u8] = include_bytes!("keys/rsa-pkcs8.pem");
const WEAK: &[u8] = include_bytes!("keys/rsa1024.pem");
const EC: &[u8] = include_bytes!("keys/ec-pkcs8.pem");
const SEC1: &[u8] = include_bytes!("keys/ec-sec1.pem");
const ED: &[u8] = include_bytes!("keys/ed.pem");

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

fn signed(algorithm: JwtAlgorithm, key: &[u8], message: &str) -> Vec<u8> {
    SigningKey::parse(algorithm, key).unwrap().sign(message.as_bytes()).unwrap().to_vec()
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn signatures_match_rfc_vectors() {
    let key = decoded("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = signed(JwtAlgorithm::Hs256, &key, &format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{claims}"));
    assert_eq!(signature, decoded("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "RFC 7515, A.1");

    let expected = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9\
                    uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB\
                    _eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq\
                    Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    for key in [PKCS1, PKCS8] {
        let signature = signed(JwtAlgorithm::Rs256, key, &format!("eyJhbGciOiJSUzI1NiJ9.{claims}"));
        assert_eq!(signature, decoded(expected), "RFC 7515, A.2");
    }

    let signature = signed(JwtAlgorithm::EdDsa, ED, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(signature, decoded(expected), "RFC 8037, A.4");

    let public = [
        &[4],
        &decoded("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")[..],
        &decoded("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
    ];
    let signature = signed(JwtAlgorithm::Es256, EC, "message");
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public.concat());
    public.verify(b"message", &signature).unwrap();
}

#[test]
fn unsuitable_key_is_rejected() {
    let short = [7; 31];
    let cases = [
        (JwtAlgorithm::Hs256, &short[..]),
        (JwtAlgorithm::Rs256, &[7; 64]),
        (JwtAlgorithm::Rs256, b""),
        (JwtAlgorithm::Rs256, WEAK),
        (JwtAlgorithm::Rs256, EC),
        (JwtAlgorithm::Rs256, &PKCS1[..PKCS1.len() - 40]),
        (JwtAlgorithm::Es256, SEC1),
        (JwtAlgorithm::Es256, PKCS8),
        (JwtAlgorithm::Es256, ED),
        (JwtAlgorithm::EdDsa, EC),
        (JwtAlgorithm::EdDsa, PKCS1),
    ];
    for (algorithm, key) in cases {
        assert_eq!(SigningKey::parse(algorithm, key).err(), Some(KeyError::InvalidKey), "{algorithm}");
    }
}

#[test]
fn token_has_header_and_rule_claims() {
    let key = SigningKey::parse(JwtAlgorithm::Hs256, &[7; 32]).unwrap();
    let rule = JwtRule { audience: Some("api".to_owned()), ..rule() };
    let claims = Claims::new(r#"{ "scope": ["a"], "iss": "app" }"#, &rule, NOW).unwrap();
    let token = Jwt::sign(&key, Some("k1"), &claims).unwrap();
    let text = str::from_utf8(token.as_bytes()).unwrap();
    let parts: Vec<_> = text.split('.').collect();
    let json = |part: &str| serde_json::from_slice::<Value>(&decoded(part)).unwrap();
    assert_eq!(json(parts[0]), json!({ "alg": "HS256", "typ": "JWT", "kid": "k1" }));
    let expected = json!({ "scope": ["a"], "iss": "app", "aud": "api", "iat": NOW, "exp": NOW + 600 });
    assert_eq!(json(parts[1]), expected);
    assert_eq!((parts.len(), parts[2].as_bytes()), (3, token.signature()));
}

#[test]
fn claims_do_not_reach_header() {
    let key = SigningKey::parse(JwtAlgorithm::Hs256, &[7; 32]).unwrap();
    let input = r#"{ "alg": "none", "kid": "other", "typ": "at+jwt", "crit": ["b64"], "b64": false, "jwk": {} }"#;
    let claims = Claims::new(input, &rule(), NOW).unwrap();
    let token = Jwt::sign(&key, None, &claims).unwrap();
    let header = str::from_utf8(token.as_bytes()).unwrap().split('.').next().unwrap();
    assert_eq!(decoded(header), br#"{"alg":"HS256","typ":"JWT"}"#);
}

#[test]
fn all_has_every_key_error() {
    assert!(KeyError::ALL.into_iter().map(|error| error as usize).eq(0..=KeyError::SigningFailed as usize));
}
