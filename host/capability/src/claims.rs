//! What a token says.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::signing::JwtRule;
use crate::strict::Strict;

/// The claims of a token, as far as they are known to be what its rule says.
#[derive(Debug, PartialEq)]
pub struct Claims {
    all: Map<String, Value>,
    lives: Duration,
}

/// Why claims are not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// More than [`Claims::MAX_LEN`] bytes.
    #[error("the claims have more than {} bytes", Claims::MAX_LEN)]
    TooLarge,
    /// The claims contradict the rule, or a verifier could read them otherwise than the host.
    #[error("the claims say something else than the rule")]
    Contradiction(Contradiction),
}

/// The rule that claims break.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contradiction {
    /// The claims are not one JSON object with each key once.
    Malformed,
    /// The name of a claim has a character that no claim has.
    Name(ClaimName),
    /// A verifier could read a claim as a reserved one.
    Imitation {
        /// The name as the skill wrote it.
        name: ClaimName,
        /// The reserved claim.
        claim: &'static str,
    },
    /// A claim differs from the value that the host sets.
    Fixed(&'static str),
    /// `exp` is not a time between now and the longest lifetime of a token.
    Expiry,
}

/// The name of a claim as the skill wrote it. `Debug` hides it: no error of the host shows text of
/// a guest.
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
    /// The longest that a skill may say, in bytes.
    pub const MAX_LEN: usize = 16 * 1024;

    /// Takes what a skill wants to have signed, a JSON object, and sets what the rule fixes. `now` is in whole seconds since
    /// 1970.
    ///
    /// A skill may say what is set in any case, and may ask by `exp` for less time than it could have.
    ///
    /// # Errors
    ///
    /// [`ClaimsError`].
    pub fn fix(said: &str, rule: &JwtRule, now: u64) -> Result<Self, ClaimsError> {
        if said.len() > Self::MAX_LEN {
            return Err(ClaimsError::TooLarge);
        }
        let Ok(Strict(Value::Object(said))) = serde_json::from_str(said) else {
            return Err(Contradiction::Malformed.into());
        };
        said.keys().try_for_each(|name| check_name(name, rule))?;
        let mut claims = Self { all: said, lives: rule.max_ttl };
        // What is not named is not there, but for the subject.
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

    /// How long the token lives from when it was signed.
    pub fn lives(&self) -> Duration {
        self.lives
    }

    /// Returns the claims as JSON text.
    pub fn to_json(&self) -> String {
        Value::Object(self.all.clone()).to_string()
    }

    fn set(&mut self, claim: &'static str, value: Option<Value>) -> Result<(), Contradiction> {
        let said = self.all.remove(claim);
        if said.is_some() && said != value {
            return Err(Contradiction::Fixed(claim));
        }
        if let Some(value) = value {
            self.all.insert(claim.to_owned(), value);
        }
        Ok(())
    }

    fn set_end(&mut self, now: u64) -> Result<(), Contradiction> {
        let latest = now.saturating_add(self.lives.as_secs());
        let end = match self.all.remove("exp") {
            None => latest,
            Some(said) => {
                let said = said.as_u64().ok_or(Contradiction::Expiry)?;
                if !(now + 1..=latest).contains(&said) {
                    return Err(Contradiction::Expiry);
                }
                said
            }
        };
        self.lives = Duration::from_secs(end.saturating_sub(now));
        self.all.insert("exp".to_owned(), end.into());
        Ok(())
    }
}

/// Checks that no verifier reads a claim's name as another one.
fn check_name(name: &str, rule: &JwtRule) -> Result<(), Contradiction> {
    if !is_name(name) {
        return Err(Contradiction::Name(ClaimName(name.to_owned())));
    }
    match imitated(name, rule) {
        Some(claim) => Err(Contradiction::Imitation { name: ClaimName(name.to_owned()), claim }),
        None => Ok(()),
    }
}

/// Returns whether a claim's name has only characters of a URI (RFC 3986, 2.2 and 2.3), except for
/// `%` and brackets. All registered claims do (RFC 7519, 10.1).
///
/// No character of such a name is invisible, ends the name early, or escapes another character.
fn is_name(name: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte);
    !name.is_empty() && name.bytes().all(is_of_a_name)
}

/// Returns the reserved claim with the same letters as this name, in another case or with other
/// characters between or around them. Some verifiers read one in place of the other.
///
/// Go's `encoding/json` and .NET's readers ignore case. Readers of both can be configured to ignore
/// `-` and `_`.
fn imitated(name: &str, rule: &JwtRule) -> Option<&'static str> {
    let subject = rule.subject.is_some().then_some("sub");
    // An object's prototype answers for every claim that the object itself lacks.
    let prototype = (name == "__proto__").then_some("iss");
    let is_alike = |claim: &&str| {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
        name != *claim && letters.eq(claim.bytes())
    };
    prototype.or_else(|| ["iss", "aud", "exp", "nbf", "iat"].into_iter().chain(subject).find(is_alike))
}

#[cfg(test)]
mod tests;
