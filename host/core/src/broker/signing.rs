//! Signatures with the secret behind a handle: of messages, and of tokens, which are secrets themselves.

use std::sync::Arc;
use std::time::Instant;

use far_capability::{DenyReason, JwtRule, Operation, Purpose, Signature, WhenLeaked};
use far_memory::{MemoryError, OverQuota, SecretBytes};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::life::end_in_time;
use super::{AccessError, Handle, SecretError, Session};
use crate::clock;
use crate::clock::now;
use crate::jwt::{Claims, ClaimsError, Jwt, KeyError, SigningKey};
use crate::pal::{Completion, Event, SecretLabel};
use crate::redaction::LearnError;
use crate::secret::Secret;

/// How many tokens a task may have signed: what redaction knows of each, it knows until the task ends.
const DERIVED_MAX: usize = 128;

impl Session {
    /// The longest message that is signed, in bytes.
    pub const MESSAGE_MAX: usize = 1 << 20;

    /// The HMAC-SHA-256 (RFC 2104) of a message under the secret behind a handle.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a handle whose grant lacks `sign`, or is for tokens, is a violation.
    pub async fn sign_hmac_sha256(&self, handle: &Handle, message: &[u8]) -> Result<[u8; 32], AccessError> {
        let fits = message.len() <= Self::MESSAGE_MAX;
        let key = self.use_value(handle, Purpose::Sign, Event::secret_signed, fits).await?;
        // HMAC takes a key of any length; the error cannot happen, and would say that the key is not usable.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).map_err(|_| SecretError::TooLarge)?;
        mac.update(message);
        Ok(mac.finalize().into_bytes().into())
    }

    /// A JSON Web Token (RFC 7519) of these claims, signed with the secret behind a handle: itself a secret, which is named
    /// like its key and may go where the key's grant says, until it ends.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a handle whose grant lacks `sign`, or is not for tokens, is a violation, and so are claims that
    /// differ from what the grant fixes. [`SecretError::TooLarge`] for claims of more than 16 KiB,
    /// [`SecretError::Exhausted`] for more than 128 tokens in one task, [`SecretError::Unavailable`] for a secret that is no
    /// key of the algorithm.
    pub async fn sign_jwt(&self, handle: &Handle, claims: &str) -> Result<Handle, AccessError> {
        let started = now();
        let rule = self.jwt_rule(handle);
        let claims = match rule.map(|rule| Claims::fix(claims, rule, clock::unix_time())) {
            Some(Err(ClaimsError::Contradiction(_))) => {
                let label = SecretLabel::Listed(handle.name().clone());
                return Err(self.violate(label, Some(Operation::Sign), DenyReason::Claims).await);
            }
            Some(Err(ClaimsError::TooLarge)) => None,
            Some(Ok(claims)) => Some(claims),
            // Without a rule, the use is a violation.
            None => None,
        };
        let key = self.use_value(handle, Purpose::SignJwt, Event::secret_signed, claims.is_some()).await?;
        let (Some(rule), Some(claims)) = (rule, claims) else { return Err(SecretError::TooLarge.into()) };
        let derived = self.derive(handle, rule, &claims, &key);
        drop(key);
        let failed = derived.as_ref().err().map(|failed| failed.token);
        let completion = Completion::new(failed, now().duration_since(started));
        self.record(Event::secret_derived(&*handle.secret, completion)).await?;
        let derived = derived.map_err(|failed| failed.told)?;
        Ok(Handle::new(&self.subject, derived, handle.asked_for.clone()))
    }

    fn jwt_rule(&self, handle: &Handle) -> Option<&JwtRule> {
        match self.context().capability.permit(handle.name())?.signature.as_ref()? {
            Signature::Jwt(rule) => Some(rule),
            Signature::Hmac => None,
        }
    }

    fn derive(
        &self,
        handle: &Handle,
        rule: &JwtRule,
        claims: &Claims,
        key: &SecretBytes,
    ) -> Result<Arc<Secret>, Failed> {
        // Before anything that costs: a guest may go on asking.
        if self.derived.lock().len() >= DERIVED_MAX {
            return Err(Failed { token: "exhausted", told: SecretError::Exhausted });
        }
        let key = SigningKey::parse(rule.algorithm, key.expose())?;
        let jwt = Jwt::sign(&key, rule.key_id.as_deref(), claims)?;
        let value = SecretBytes::copy_of(jwt.as_bytes())?;
        let value = value.charged_to(&self.quota)?;
        let secret = Arc::new(handle.secret.derive(lives_until(claims), value));
        let permit = self.context().capability.permit(handle.name());
        if permit.is_none_or(|permit| permit.when_leaked != WhenLeaked::Ignore) {
            // Not the whole: tokens of one key begin alike, and what is signed is the skill's own.
            self.redaction.learn(handle.name(), jwt.signature())?;
        }
        {
            let mut derived = self.derived.lock();
            // Under the lock: the end of the task takes it afterwards, and then wipes what is made here.
            self.ensure_unfinished().map_err(|_| Failed { token: "ended", told: SecretError::Expired })?;
            derived.push(Arc::downgrade(&secret));
        }
        end_in_time(&secret, &self.broker, None, &self.subject);
        Ok(secret)
    }
}

/// Why no token came of a signature.
struct Failed {
    /// Said in the event.
    token: &'static str,
    told: SecretError,
}

impl From<KeyError> for Failed {
    fn from(error: KeyError) -> Self {
        Self { token: error.kind(), told: SecretError::Unavailable { retry_after: None } }
    }
}

impl From<MemoryError> for Failed {
    fn from(error: MemoryError) -> Self {
        let error = crate::provider::ProviderError::from(error);
        Self { token: error.kind(), told: error.into() }
    }
}

impl From<OverQuota> for Failed {
    fn from(_: OverQuota) -> Self {
        Self { token: "over-quota", told: SecretError::Exhausted }
    }
}

impl From<LearnError> for Failed {
    fn from(error: LearnError) -> Self {
        Self { token: error.kind(), told: error.into() }
    }
}

/// The token's end, on the clock that secrets end by.
fn lives_until(claims: &Claims) -> Instant {
    now() + claims.lives()
}
