//! Signatures of messages and tokens in a run.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use far_capability::{Claims, ClaimsError, JwtRule, Purpose};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::plan::Value;
use super::run::{Handle, HandleId, Run};
use super::{Algorithm, Denial, Use};
use crate::bindings::tinkerbell::skill::secrets as wit;
use crate::secrets::Error;

/// The maximum length of a signed message, in bytes.
const MESSAGE_MAX: usize = 1 << 20;

/// The limit of tokens for a task.
const TOKENS_MAX: usize = 128;

/// The minimum length of an HS256 key, in bytes (RFC 7518, 3.2).
const HS256_KEY_MIN: usize = 32;

impl Run {
    pub(crate) fn sign(&mut self, id: HandleId, message: &[u8]) -> Result<Result<Vec<u8>, wit::Error>, Denial> {
        let fits = message.len() <= MESSAGE_MAX;
        let signed = self.use_value(id, Purpose::Sign, fits)?.and_then(|handle| {
            let signature = hmac_sha256(&handle.value.bytes, message)?;
            self.uses.push(Use::sign(handle.name.as_str()));
            Ok(signature)
        });
        Ok(signed.map_err(wit::Error::from))
    }

    /// Signs a token, which has its key's name and its own lifetime. The order is the broker's: the
    /// claims, then the use.
    pub(crate) fn sign_jwt(&mut self, id: HandleId, claims: &str) -> Result<Result<HandleId, wit::Error>, Denial> {
        let name = &self.handle(id).name;
        let rule = self.scope.jwt_rule(name).cloned();
        let claims = match rule.as_ref().map(|rule| Claims::new(claims, rule, unix_time())) {
            Some(Err(ClaimsError::Contradiction(contradiction))) => {
                return Err(Denial::claims(name.as_str(), &contradiction));
            }
            Some(Ok(claims)) => Some(claims),
            // Without a rule, the check of the use fails.
            Some(Err(ClaimsError::TooLarge)) | None => None,
        };
        let key = self.use_value(id, Purpose::SignJwt, claims.is_some())?;
        let signed = key.and_then(|key| match (&rule, claims) {
            (Some(rule), Some(claims)) => self.derive(key, rule, &claims),
            _ => Err(Error::TooLarge),
        });
        Ok(signed.map_err(wit::Error::from))
    }

    fn derive(&mut self, key: Handle, rule: &JwtRule, claims: &Claims) -> Result<HandleId, Error> {
        let is_short = key.value.bytes.len() < HS256_KEY_MIN;
        // The operator chooses the algorithm unless it is declared.
        if is_short && self.scope.declares(&key.name, Algorithm::Hs256) {
            return Err(Error::Unavailable { retry_after: None });
        }
        if self.claims.len() >= TOKENS_MAX {
            return Err(Error::Exhausted);
        }
        let payload = claims.to_json();
        let token = signed(&key.value.bytes, rule, &payload)?;
        self.claims.push(payload);
        self.uses.push(Use::sign_jwt(key.name.as_str()));
        let value = Value::new(key.value.version.clone(), token);
        Ok(self.insert(Handle { value, token_lifetime: Some(claims.lifetime()), ..key }))
    }
}

/// Encodes a token like the host, but always signs with HMAC-SHA-256, so that a test needs no key
/// of the algorithm.
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

/// Returns whole seconds since 1970.
fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
