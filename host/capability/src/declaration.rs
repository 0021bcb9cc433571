//! Declarations of skills.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

use crate::destination::Destination;
use crate::identity::SkillName;
use crate::name::SecretName;
use crate::operation::Operations;
use crate::placement::Placement;
use crate::signing::Signing;
use crate::strict::Strict;
use crate::terms::{Terms, TermsError};

/// A skill's declaration. Its strings are the author's: escape them for display.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// The skill's name.
    pub name: SkillName,
    /// The skill's version, for display. The digest identifies the skill.
    pub version: String,
    /// The skill's description, for display.
    pub description: String,
    /// The JSON Schema of the input, if it is declared.
    pub input_schema: Option<Value>,
    /// The declared secrets, with unique names.
    pub secrets: Vec<DeclaredSecret>,
}

/// A secret that a skill declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredSecret {
    /// The secret's name.
    pub name: SecretName,
    /// The declared operations and destinations.
    pub terms: Terms,
    /// The reason for the use, for display.
    pub reason: String,
    /// Set if the skill runs without the secret. A task without a required secret is refused.
    pub optional: bool,
}

/// An error of parsing a declaration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeclarationError {
    /// The document is larger than [`Declaration::MAX_LEN`].
    #[error("the declaration has more than {} bytes", Declaration::MAX_LEN)]
    TooLarge,
    /// The document is not valid JSON, has a duplicate key, or does not match the schema.
    #[error("the declaration is not valid")]
    Json(#[source] serde_json::Error),
    /// The terms of a secret are inconsistent.
    #[error("the declared secret '{secret}' {source}")]
    Terms {
        /// The secret.
        secret: SecretName,
        /// The inconsistency.
        source: TermsError,
    },
    /// A secret is declared twice.
    #[error("the secret '{0}' is declared twice")]
    Duplicate(SecretName),
}

impl Declaration {
    /// The maximum length of a document, in bytes.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Parses exactly one document, and rejects unknown and duplicate keys.
    ///
    /// # Errors
    ///
    /// [`DeclarationError`], by fault of the skill's author.
    pub fn parse(document: &[u8]) -> Result<Self, DeclarationError> {
        if document.len() > Self::MAX_LEN {
            return Err(DeclarationError::TooLarge);
        }
        let Strict(value) = serde_json::from_slice(document).map_err(DeclarationError::Json)?;
        if !has_objects(&value) {
            return Err(DeclarationError::Json(serde_json::Error::custom("expected an object, found a list")));
        }
        // Parsing the bytes again gives errors with positions.
        let document: Document = serde_json::from_slice(document).map_err(DeclarationError::Json)?;
        let mut secrets: Vec<DeclaredSecret> = Vec::with_capacity(document.secrets.len());
        let mut names = HashSet::with_capacity(document.secrets.len());
        for entry in document.secrets {
            let secret = entry.parse()?;
            if !names.insert(secret.name.clone()) {
                return Err(DeclarationError::Duplicate(secret.name));
            }
            secrets.push(secret);
        }
        Ok(Self {
            name: document.name,
            version: document.version,
            description: document.description,
            input_schema: document.input_schema,
            secrets,
        })
    }
}

/// Reports whether every struct of a document is an object. serde also accepts a list of fields.
fn has_objects(document: &Value) -> bool {
    let is_object = |value: &Value| value.is_null() || value.is_object();
    let is_secret = |secret: &Value| {
        let signing = secret.get("signing");
        let jwt = signing.and_then(|signing| signing.get("jwt"));
        secret.is_object() && signing.is_none_or(is_object) && jwt.is_none_or(is_object)
    };
    let secrets = document.get("secrets").and_then(Value::as_array);
    document.is_object() && secrets.is_none_or(|secrets| secrets.iter().all(is_secret))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    name: SkillName,
    version: String,
    description: String,
    input_schema: Option<Value>,
    #[serde(default)]
    secrets: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: SecretName,
    operations: Operations,
    #[serde(default)]
    destinations: Vec<Destination>,
    placements: Option<Vec<Placement>>,
    signing: Option<Signing>,
    reason: String,
    #[serde(default)]
    optional: bool,
}

impl Entry {
    fn parse(self) -> Result<DeclaredSecret, DeclarationError> {
        let terms = Terms::new(self.operations, self.destinations).and_then(|terms| match self.placements {
            Some(placements) => terms.with_placements(placements),
            None => Ok(terms),
        });
        let terms = terms.and_then(|terms| match self.signing {
            Some(signing) => terms.with_signing(signing),
            None => Ok(terms),
        });
        match terms {
            Ok(terms) => Ok(DeclaredSecret { name: self.name, terms, reason: self.reason, optional: self.optional }),
            Err(source) => Err(DeclarationError::Terms { secret: self.name, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"name":"hook","version":"1.0.0","description":"d","secrets":[
        {"name":"hook-secret","operations":["sign"],"reason":"r"}]}"#;

    #[test]
    fn minimal_declaration_parses() {
        let declaration = Declaration::parse(MINIMAL.as_bytes()).unwrap();
        assert_eq!(declaration.secrets[0].name.as_str(), "hook-secret");
        assert!(!declaration.secrets[0].optional);
    }

    #[test]
    fn ambiguous_declaration_is_rejected() {
        let cases = [
            MINIMAL.replace(r#""description":"d""#, r#""description":"d","description":"e""#),
            MINIMAL.replace(r#""reason":"r""#, r#""reason":"r","reason":"s""#),
            MINIMAL.replace(r#""secrets""#, r#""input-schema":{"a":1,"a":2},"secrets""#),
            format!("{MINIMAL}{MINIMAL}"),
            format!("{MINIMAL} x"),
            MINIMAL.replace(r#""reason""#, r#""why""#),
            String::new(),
        ];
        for case in cases {
            assert!(matches!(Declaration::parse(case.as_bytes()), Err(DeclarationError::Json(_))), "{case}");
        }
    }

    #[test]
    fn list_for_object_is_rejected() {
        let cases = [
            r#"["hook","1.0.0","d",null,[]]"#.to_owned(),
            MINIMAL.replace(
                r#"{"name":"hook-secret","operations":["sign"],"reason":"r"}"#,
                r#"["a",["sign"],[],null,null,"r",false]"#,
            ),
            MINIMAL.replace(r#""reason""#, r#""signing":[true,null],"reason""#),
            MINIMAL.replace(r#""reason""#, r#""signing":{"jwt":["ES256"]},"reason""#),
        ];
        for case in cases {
            assert!(matches!(Declaration::parse(case.as_bytes()), Err(DeclarationError::Json(_))), "{case}");
        }
    }

    #[test]
    fn duplicate_or_unusable_secret_is_rejected() {
        let twice = MINIMAL.replace(
            r#""reason":"r"}"#,
            r#""reason":"r"},{"name":"hook-secret","operations":["reveal"],"reason":"r"}"#,
        );
        assert!(matches!(Declaration::parse(twice.as_bytes()), Err(DeclarationError::Duplicate(_))));
        for operations in ["[]", r#"["seal"]"#] {
            let case = MINIMAL.replace(r#"["sign"]"#, operations);
            assert!(matches!(Declaration::parse(case.as_bytes()), Err(DeclarationError::Terms { .. })), "{case}");
        }
    }

    #[test]
    fn signing_has_exactly_one_kind() {
        let signing = |signing: &str| {
            let case = MINIMAL.replace(r#""reason""#, &format!(r#""signing":{signing},"reason""#));
            Declaration::parse(case.as_bytes()).map(|declaration| declaration.secrets[0].terms.signing().cloned())
        };
        assert_eq!(signing(r#"{"hmac":true}"#).unwrap(), Some(Signing::Hmac));
        let Some(Signing::Jwt(jwt)) = signing(r#"{"jwt":{"algorithm":"ES256","audience":"api"}}"#).unwrap() else {
            panic!("not a JWT");
        };
        assert_eq!((jwt.audience.as_deref(), jwt.issuer), (Some("api"), None));
        for case in [
            r#"{"hmac":false}"#,
            r#"{"hmac":true,"jwt":{}}"#,
            "{}",
            r#"{"jwt":true}"#,
            r#"{"jwt":{"algorithm":"none"}}"#,
            r#"{"jwt":{"max-ttl":"1h"}}"#,
            r#"{"jwt":{"issuer":""}}"#,
        ] {
            assert!(matches!(signing(case), Err(DeclarationError::Json(_))), "{case}");
        }
        let sealed =
            MINIMAL.replace(r#"["sign"]"#, r#"["seal"],"destinations":["https://a.example"],"signing":{"hmac":true}"#);
        assert!(matches!(Declaration::parse(sealed.as_bytes()), Err(DeclarationError::Terms { .. })));
    }

    #[test]
    fn huge_or_deep_document_is_rejected() {
        let huge = vec![b' '; Declaration::MAX_LEN + 1];
        assert!(matches!(Declaration::parse(&huge), Err(DeclarationError::TooLarge)));
        let deep = "[".repeat(60_000);
        assert!(matches!(Declaration::parse(deep.as_bytes()), Err(DeclarationError::Json(_))));
    }
}
