//! Signatures of a run: of messages, and of tokens, which are secrets themselves.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use far_capability::{Claims, ClaimsError, JwtRule, Purpose};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::plan::Value;
use super::run::{Handle, Held, Run};
use super::{Algorithm, Denial, Use};
use crate::bindings::tinkerbell::skill::secrets as wit;
use crate::secrets::Error;

/// The longest message that is signed, in bytes.
const MESSAGE_MAX: usize = 1 << 20;

/// How many tokens a task may have signed.
const TOKENS_MAX: usize = 128;

/// The shortest key of HS256, in bytes (RFC 7518, 3.2).
const HS256_SHORTEST: usize = 32;

impl Run {
    pub(crate) fn sign(&mut self, held: Held, message: &[u8]) -> Result<Result<Vec<u8>, wit::Error>, Denial> {
        let fits = message.len() <= MESSAGE_MAX;
        let signed = self.use_value(held, Purpose::Sign, fits)?.and_then(|handle| {
            let signature = hmac_sha256(&handle.value.bytes, message)?;
            self.uses.push(Use::signed(handle.name.as_str()));
            Ok(signature)
        });
        Ok(signed.map_err(wit::Error::from))
    }

    /// A token is named like its key, and has an end of its own. The order is the broker's: claims, then the use.
    pub(crate) fn sign_jwt(&mut self, held: Held, claims: &str) -> Result<Result<Held, wit::Error>, Denial> {
        let name = &self.handle(held).name;
        let rule = self.scope.jwt_rule(name).cloned();
        let claims = match rule.as_ref().map(|rule| Claims::fix(claims, rule, unix_time())) {
            Some(Err(ClaimsError::Contradiction(contradiction))) => {
                return Err(Denial::claims(name.as_str(), &contradiction));
            }
            Some(Ok(claims)) => Some(claims),
            // Without a rule, the use is a violation.
            Some(Err(ClaimsError::TooLarge)) | None => None,
        };
        let key = self.use_value(held, Purpose::SignJwt, claims.is_some())?;
        let signed = key.and_then(|key| match (&rule, claims) {
            (Some(rule), Some(claims)) => self.derive(key, rule, &claims),
            _ => Err(Error::TooLarge),
        });
        Ok(signed.map_err(wit::Error::from))
    }

    fn derive(&mut self, key: Handle, rule: &JwtRule, claims: &Claims) -> Result<Held, Error> {
        let is_short = key.value.bytes.len() < HS256_SHORTEST;
        // The algorithm is the operator's to choose where it is not declared.
        if is_short && self.scope.declares(&key.name, Algorithm::Hs256) {
            return Err(Error::Unavailable { retry_after: None });
        }
        if self.claims.len() >= TOKENS_MAX {
            return Err(Error::Exhausted);
        }
        let claimed = claims.to_json();
        let token = signed(&key.value.bytes, rule, &claimed)?;
        self.claims.push(claimed);
        self.uses.push(Use::derived(key.name.as_str()));
        let value = Value::new(key.value.version.clone(), token);
        Ok(self.hold(Handle { value, lives: Some(claims.lives()), ..key }))
    }
}

/// Header and claims as the host writes them, and a signature that is HMAC-SHA-256 whatever the algorithm: a test's key need
/// be none.
fn signed(key: &[u8], rule: &JwtRule, claims: &str) -> Result<String, Error> {
    let mut header = json!({ "alg": rule.algorithm.as_str(), "typ": "JWT" });
    if let (Some(key_id), Some(header)) = (&rule.key_id, header.as_object_mut()) {
        header.insert("kid".to_owned(), key_id.as_str().into());
    }
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(hmac_sha256(key, text.as_bytes())?);
    Ok(format!("{text}.{signature}"))
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    // HMAC takes a key of any length.
    let mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::TooLarge)?;
    Ok(mac.chain_update(message).finalize().into_bytes().to_vec())
}

/// Whole seconds since 1970.
fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
