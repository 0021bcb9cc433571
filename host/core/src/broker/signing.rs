//! Signatures of messages and tokens with the secret behind a handle. A token is a secret itself.

use std::sync::Arc;
use std::time::Instant;

use far_capability::{DenyReason, JwtRule, LeakPolicy, Operation, Purpose, Signature};
use far_memory::{MemoryError, QuotaExceeded, SecretBytes};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::lifecycle::start_lifecycle;
use super::{AccessError, Handle, SecretError, Session};
use crate::clock;
use crate::clock::now;
use crate::jwt::{Claims, ClaimsError, Jwt, KeyError, SigningKey};
use crate::pal::{Completion, Event, HostReason, SecretLabel};
use crate::redaction::LearnError;
use crate::secret::Secret;

/// The maximum number of tokens of a task: redaction keeps data on each of them until the task
/// ends.
const DERIVED_MAX: usize = 128;

impl Session {
    /// The maximum length of a message, in bytes.
    pub const MESSAGE_MAX: usize = 1 << 20;

    /// Returns the HMAC-SHA-256 (RFC 2104) of a message under the secret behind a handle.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a handle whose grant lacks `sign`, or is for tokens, is a violation.
    pub async fn sign_hmac_sha256(&self, handle: &Handle, message: &[u8]) -> Result<[u8; 32], AccessError> {
        let fits = message.len() <= Self::MESSAGE_MAX;
        let key = self.use_value(handle, Purpose::Sign, Event::secret_signed, fits).await?;
        // Unreachable: HMAC accepts keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).map_err(|_| SecretError::TooLarge)?;
        mac.update(message);
        Ok(mac.finalize().into_bytes().into())
    }

    /// Signs a JSON Web Token (RFC 7519) of these claims with the secret behind a handle. The token
    /// is a secret with the name of its key. The key's grant decides where it may go.
    ///
    /// # Errors
    ///
    /// [`AccessError`]. A handle whose grant lacks `sign`, or is not for tokens, is a violation,
    /// and so are claims that contradict the grant.
    ///
    /// - [`SecretError::TooLarge`] for claims of more than 16 KiB.
    /// - [`SecretError::Exhausted`] for more than 128 tokens in one task.
    /// - [`SecretError::Unavailable`] for a secret that is not a valid key of the algorithm.
    pub async fn sign_jwt(&self, handle: &Handle, claims: &str) -> Result<Handle, AccessError> {
        let started = now();
        let rule = self.jwt_rule(handle);
        let claims = match rule.map(|rule| Claims::new(claims, rule, clock::unix_time())) {
            Some(Err(ClaimsError::Contradiction(_))) => {
                let label = SecretLabel::Listed(handle.name().clone());
                return Err(self.record_violation(label, Some(Operation::Sign), DenyReason::Claims).await);
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
        let failed = derived.as_ref().err().map(|error| error.kind);
        let completion = Completion::new(failed, now().duration_since(started));
        self.record(Event::secret_derived(&*handle.secret, completion)).await?;
        let derived = derived.map_err(|error| error.error)?;
        Ok(Handle::new(&self.subject, derived, handle.requested.clone()))
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
    ) -> Result<Arc<Secret>, DeriveError> {
        // Checked before any costly step: a guest may call this in a loop.
        if self.derived.lock().len() >= DERIVED_MAX {
            return Err(DeriveError { kind: "exhausted", error: SecretError::Exhausted });
        }
        let key = SigningKey::parse(rule.algorithm, key.expose())?;
        let jwt = Jwt::sign(&key, rule.key_id.as_deref(), claims)?;
        let value = SecretBytes::copy_of(jwt.as_bytes())?;
        let value = value.charged_to(&self.quota)?;
        let secret = Arc::new(handle.secret.derive(expiry_of(claims), value));
        let permit = self.context().capability.permit(handle.name());
        if permit.is_none_or(|permit| permit.when_leaked != LeakPolicy::Ignore) {
            // Only the signature: header and claims are not secret, and other tokens share them.
            self.redaction.learn(handle.name(), jwt.signature())?;
        }
        {
            let mut derived = self.derived.lock();
            // Checked under the lock: the end of the task wipes tokens under the same lock.
            self.ensure_unfinished()
                .map_err(|_| DeriveError { kind: HostReason::Ended.token(), error: SecretError::Expired })?;
            derived.push(Arc::downgrade(&secret));
        }
        start_lifecycle(&secret, &self.broker, None, &self.subject);
        Ok(secret)
    }
}

/// A failure to derive a token.
struct DeriveError {
    /// The token in the event.
    kind: &'static str,
    error: SecretError,
}

impl From<KeyError> for DeriveError {
    fn from(error: KeyError) -> Self {
        Self { kind: error.kind(), error: SecretError::Unavailable { retry_after: None } }
    }
}

impl From<MemoryError> for DeriveError {
    fn from(error: MemoryError) -> Self {
        let error = crate::provider::ProviderError::from(error);
        Self { kind: error.kind(), error: error.into() }
    }
}

impl From<QuotaExceeded> for DeriveError {
    fn from(_: QuotaExceeded) -> Self {
        Self { kind: HostReason::OverQuota.token(), error: SecretError::Exhausted }
    }
}

impl From<LearnError> for DeriveError {
    fn from(error: LearnError) -> Self {
        Self { kind: error.kind(), error: error.into() }
    }
}

/// Returns the expiry of a token, in monotonic time.
fn expiry_of(claims: &Claims) -> Instant {
    now() + claims.lifetime()
}
