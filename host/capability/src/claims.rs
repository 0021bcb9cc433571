//! Claims of tokens.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::signing::JwtRule;
use crate::strict::Strict;

/// Claims that comply with the rule of their key.
#[derive(Debug, PartialEq)]
pub struct Claims {
    all: Map<String, Value>,
    lifetime: Duration,
}

/// An error that rejects claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// The claims have more than [`Claims::MAX_LEN`] bytes.
    #[error("the claims have more than {} bytes", Claims::MAX_LEN)]
    TooLarge,
    /// The claims contradict the rule, or a verifier could read them differently.
    #[error("the claims contradict the rule")]
    Contradiction(Contradiction),
}

/// The rule that claims break.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contradiction {
    /// The claims are not one JSON object with each key once.
    Malformed,
    /// The name of a claim has an invalid character.
    Name(ClaimName),
    /// A verifier could read a claim as a reserved one.
    Imitation {
        /// The guest-supplied name.
        name: ClaimName,
        /// The reserved claim.
        claim: &'static str,
    },
    /// A claim differs from the value that the host sets.
    Fixed(&'static str),
    /// `exp` is not a time between now and the longest lifetime of a token.
    Expiry,
}

/// A guest-supplied name of a claim. `Debug` hides it, because no error of the host shows
/// guest-supplied strings.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimName(String);

impl ClaimName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimName").finish_non_exhaustive()
    }
}

impl From<Contradiction> for ClaimsError {
    fn from(contradiction: Contradiction) -> Self {
        Self::Contradiction(contradiction)
    }
}

impl Claims {
    /// The maximum length of the skill's JSON, in bytes.
    pub const MAX_LEN: usize = 16 * 1024;

    /// Parses the claims of a skill, a JSON object, and sets the claims of the rule. `now` is in
    /// seconds since 1970.
    ///
    /// A skill may repeat the value of a fixed claim, and may shorten the lifetime by `exp`.
    ///
    /// # Errors
    ///
    /// [`ClaimsError`], by fault of the skill.
    pub fn new(json: &str, rule: &JwtRule, now: u64) -> Result<Self, ClaimsError> {
        if json.len() > Self::MAX_LEN {
            return Err(ClaimsError::TooLarge);
        }
        let Ok(Strict(Value::Object(all))) = serde_json::from_str(json) else {
            return Err(Contradiction::Malformed.into());
        };
        all.keys().try_for_each(|name| check_name(name, rule))?;
        let mut claims = Self { all, lifetime: rule.max_ttl };
        // Only the subject is free if the rule does not set it.
        claims.set("iss", rule.issuer.as_deref().map(Value::from))?;
        claims.set("aud", rule.audience.as_deref().map(Value::from))?;
        if let Some(subject) = &rule.subject {
            claims.set("sub", Some(subject.as_str().into()))?;
        }
        claims.set("nbf", None)?;
        claims.set("iat", Some(now.into()))?;
        claims.set_end(now)?;
        Ok(claims)
    }

    /// Returns the lifetime of the token from its signature.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Returns the claims as JSON text.
    pub fn to_json(&self) -> String {
        Value::Object(self.all.clone()).to_string()
    }

    fn set(&mut self, claim: &'static str, value: Option<Value>) -> Result<(), Contradiction> {
        let requested = self.all.remove(claim);
        if requested.is_some() && requested != value {
            return Err(Contradiction::Fixed(claim));
        }
        if let Some(value) = value {
            self.all.insert(claim.to_owned(), value);
        }
        Ok(())
    }

    fn set_end(&mut self, now: u64) -> Result<(), Contradiction> {
        let latest = now.saturating_add(self.lifetime.as_secs());
        let end = match self.all.remove("exp") {
            None => latest,
            Some(requested) => {
                let requested = requested.as_u64().ok_or(Contradiction::Expiry)?;
                if !(now + 1..=latest).contains(&requested) {
                    return Err(Contradiction::Expiry);
                }
                requested
            }
        };
        self.lifetime = Duration::from_secs(end.saturating_sub(now));
        self.all.insert("exp".to_owned(), end.into());
        Ok(())
    }
}

/// Checks that no verifier confuses a claim's name with a reserved one.
fn check_name(name: &str, rule: &JwtRule) -> Result<(), Contradiction> {
    if !is_name(name) {
        return Err(Contradiction::Name(ClaimName(name.to_owned())));
    }
    match imitated(name, rule) {
        Some(claim) => Err(Contradiction::Imitation { name: ClaimName(name.to_owned()), claim }),
        None => Ok(()),
    }
}

/// Reports whether a claim's name has only characters of a URI (RFC 3986, 2.2 and 2.3), except for
/// `%` and brackets. All registered claims comply (RFC 7519, 10.1).
///
/// Such a name has no invisible character, no terminator and no escape.
fn is_name(name: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte);
    !name.is_empty() && name.bytes().all(is_valid)
}

/// Returns the reserved claim that some verifiers may confuse with this name: one with the same
/// letters, in another case or with other characters between or around them.
///
/// Go's `encoding/json` and .NET's readers ignore case. Both can be configured to ignore `-` and
/// `_`.
fn imitated(name: &str, rule: &JwtRule) -> Option<&'static str> {
    let subject = rule.subject.is_some().then_some("sub");
    // In JavaScript, a prototype supplies every claim that the object lacks.
    let prototype = (name == "__proto__").then_some("iss");
    let is_alike = |claim: &&str| {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
        name != *claim && letters.eq(claim.bytes())
    };
    prototype.or_else(|| ["iss", "aud", "exp", "nbf", "iat"].into_iter().chain(subject).find(is_alike))
}

#[cfg(test)]
mod tests;
