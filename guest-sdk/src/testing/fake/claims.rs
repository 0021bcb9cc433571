//! What a token says (`far_core::jwt::Claims`).

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Jwt;

/// The longest claims that a skill may say, in bytes.
const LONGEST: usize = 16 * 1024;

/// How long a token lives at most where the operator does not say it.
const LIFETIME: Duration = Duration::from_mins(10);

/// The claims of a token, as JSON.
pub(super) struct Claims {
    pub(super) text: String,
    pub(super) lives: Duration,
}

/// Why claims are not signed.
#[derive(Debug)]
pub(super) enum ClaimsError {
    TooLarge,
    /// None, or something else than what is declared; says what to do.
    Contradiction(String),
}

impl Claims {
    /// What the skill says, with what is declared; `now` is in whole seconds since 1970.
    pub(super) fn fix(said: &str, tokens: &Jwt, now: u64) -> Result<Self, ClaimsError> {
        if said.len() > LONGEST {
            return Err(ClaimsError::TooLarge);
        }
        let Ok(Strict(Value::Object(mut all))) = serde_json::from_str(said) else {
            return Err(ClaimsError::Contradiction("claims are a JSON object, with each key once".to_owned()));
        };
        for name in all.keys() {
            if !is_name(name) {
                return Err(ClaimsError::Contradiction(format!(
                    "the claim `{}`: a claim's name has ASCII letters, digits and characters of a URI, but for '%' and brackets",
                    name.escape_debug()
                )));
            }
            if let Some(claim) = imitated(name, tokens) {
                let advice = "a verifier could read it as that; give it another name";
                return Err(ClaimsError::Contradiction(format!("the claim `{name}` is like `{claim}`: {advice}")));
            }
        }
        for (claim, key, declared) in [("iss", "issuer", tokens.issuer), ("aud", "audience", tokens.audience)] {
            let advice = format!("say what is declared, or nothing: {key:?} below \"signing\" in skill.json is for it");
            set(&mut all, claim, declared.map(Value::from), &advice)?;
        }
        if tokens.subject.is_some() {
            let advice =
                "say what is declared, or nothing; without \"subject\" in skill.json, it is the skill's to choose";
            set(&mut all, "sub", tokens.subject.map(Value::from), advice)?;
        }
        set(&mut all, "nbf", None, "leave it out: a token is valid from when it is signed")?;
        set(&mut all, "iat", Some(now.into()), "leave it out: the host sets it")?;
        let latest = now.saturating_add(LIFETIME.as_secs());
        let end = match all.get("exp") {
            None => latest,
            Some(said) => said.as_u64().filter(|said| (now + 1..=latest).contains(said)).ok_or_else(|| {
                let advice = "leave it out, or say a time in whole seconds, at most ten minutes from now";
                ClaimsError::Contradiction(format!("the claim `exp`: {advice}"))
            })?,
        };
        all.insert("exp".to_owned(), end.into());
        let lives = Duration::from_secs(end.saturating_sub(now));
        Ok(Self { text: Value::Object(all).to_string(), lives })
    }
}

/// Checks that a claim's name has only characters of a URI, but for `%` and brackets.
fn is_name(name: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte);
    !name.is_empty() && name.bytes().all(is_of_a_name)
}

/// The reserved claim that some verifiers read in place of this one.
fn imitated(name: &str, tokens: &Jwt) -> Option<&'static str> {
    let subject = tokens.subject.is_some().then_some("sub");
    let prototype = (name == "__proto__").then_some("iss");
    let is_alike = |claim: &&str| {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
        name != *claim && letters.eq(claim.bytes())
    };
    prototype.or_else(|| ["iss", "aud", "exp", "nbf", "iat"].into_iter().chain(subject).find(is_alike))
}

fn set(all: &mut Map<String, Value>, claim: &str, value: Option<Value>, advice: &str) -> Result<(), ClaimsError> {
    let said = all.remove(claim);
    if said.is_some() && said != value {
        return Err(ClaimsError::Contradiction(format!("the claim `{claim}`: {advice}")));
    }
    all.extend(value.map(|value| (claim.to_owned(), value)));
    Ok(())
}

/// JSON in which no object has a key twice, at any depth (`far_core::strict`).
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = map.next_entry::<String, _>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key is there twice"));
            }
        }
        Ok(object.into())
    }
}
