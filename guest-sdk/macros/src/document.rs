//! The declaration as a document: what the host would refuse is refused here, while it can still be corrected.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::keys::is_there;
use crate::terms::{Destination, Operation, Placement, Signing};

/// A declaration, as far as it matters to the macros.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(rename = "name")]
    _name: Name,
    #[serde(rename = "version")]
    _version: String,
    #[serde(rename = "description")]
    _description: String,
    /// Whether it is there; null is the author's word for none.
    #[serde(default, rename = "input-schema", deserialize_with = "is_there")]
    pub(crate) has_input_schema: bool,
    #[serde(default)]
    pub(crate) secrets: Vec<Secret>,
}

/// One secret that the skill may ask for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secret {
    pub(crate) name: Name,
    pub(crate) operations: Vec<Operation>,
    #[serde(default)]
    pub(crate) destinations: Vec<Destination>,
    pub(crate) placements: Option<Vec<Placement>>,
    pub(crate) signing: Option<Signing>,
    #[serde(rename = "reason")]
    _reason: String,
    #[serde(default)]
    pub(crate) optional: bool,
}

impl Document {
    /// Reads one; an error says what is wrong, and where.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let document: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut names = BTreeSet::new();
        for secret in &document.secrets {
            let name = &secret.name.0;
            if !names.insert(name) {
                return Err(format!("the secret `{name}` is declared twice: name all its operations in one place"));
            }
            secret.check().map_err(|problem| format!("the secret `{name}` {problem}"))?;
        }
        Ok(document)
    }
}

/// The name of a skill or a secret.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(pub(crate) String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let ends = ends(name.chars().next()) && ends(name.chars().next_back());
        if name.len() <= 128 && name.chars().all(known) && ends && !name.contains("..") && !name.contains("//") {
            return Ok(Self(name));
        }
        Err(format!(
            "`{name}` is no name: a name has 1 to 128 of a-z, 0-9, `.`, `_`, `-` and `/`, begins and ends with a \
             letter or a digit, and has no `..` and no `//`"
        ))
    }
}

/// Takes out the white space between the tokens of a JSON text that is known to be valid.
pub(crate) fn minified(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let kept = |c: &char| {
        let is_quote = *c == '"' && !escaped;
        escaped = in_string && *c == '\\' && !escaped;
        in_string ^= is_quote;
        in_string || !c.is_ascii_whitespace()
    };
    text.chars().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{ "name": "hook", "version": "1", "description": "d",
        "secrets": [{ "name": "a", "operations": ["sign"], "reason": "r" }] }"#;

    fn problem(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        Document::parse(&GOOD.replace(from, to)).expect_err("a wrong declaration")
    }

    #[test]
    fn a_declaration_is_read() {
        let document = Document::parse(GOOD).unwrap();
        assert_eq!(document.secrets[0].name.0, "a");
        assert_eq!(document.secrets[0].operations, [Operation::Sign]);
        assert!(!document.secrets[0].optional && !document.has_input_schema);
    }

    #[test]
    fn an_input_schema_of_null_is_one() {
        let document = Document::parse(&GOOD.replace("] }", r#"], "input-schema": null }"#));
        assert!(document.unwrap().has_input_schema);
    }

    #[test]
    fn what_the_host_refuses_is_refused() {
        let known =
            "expected one of `name`, `operations`, `destinations`, `placements`, `signing`, `reason`, `optional`";
        assert_eq!(problem("reason", "why"), format!("unknown field `why`, {known} at line 2 column 64"));
        assert_eq!(
            problem("sign", "view"),
            "unknown variant `view`, expected one of `seal`, `sign`, `reveal`, `refresh` at line 2 column 56"
        );
        assert_eq!(
            problem(r#""name": "a""#, r#""name": "a", "name": "b""#),
            "duplicate field `name` at line 2 column 41"
        );
        assert_eq!(problem(r#""d","#, r#""d""#), "expected `,` or `}` at line 2 column 9");
        assert_eq!(problem("] }", "] } x"), "trailing characters at line 2 column 79");
        assert_eq!(problem(r#""version": "1", "#, ""), "missing field `version` at line 2 column 77");
        assert_eq!(
            problem(r#"] }"#, r#"], "input-schema": { "a": [{ "b": 1, "b": 2 }] } }"#),
            "duplicate field `b` at line 2 column 119"
        );
        let once = r#"{ "name": "a", "operations": ["sign"], "reason": "r" }"#;
        assert_eq!(
            problem(once, &format!("{once}, {once}")),
            "the secret `a` is declared twice: name all its operations in one place"
        );
    }

    /// One entry of `secrets`, what the host says of it, and what is said here; nothing where it is taken.
    #[derive(Deserialize)]
    struct Row {
        secret: serde_json::Value,
        here: Option<String>,
    }

    #[test]
    fn the_host_and_this_crate_say_alike() {
        // `host/core/tests/declarations.rs` reads the same table.
        let rows: Vec<Row> = serde_json::from_str(include_str!("../tests/declarations.json")).unwrap();
        for Row { mut secret, here } in rows {
            secret["name"] = "a".into();
            secret["reason"] = "r".into();
            let document = serde_json::json!({ "name": "s", "version": "1", "description": "d", "secrets": [secret] });
            let said = Document::parse(&document.to_string()).err();
            let said = said.as_deref().map(|said| said.split(" at line ").next().unwrap_or(said));
            assert_eq!(said, here.as_deref(), "{document}");
        }
    }

    #[test]
    fn a_name_is_one_to_the_host() {
        for name in ["", "A", "-a", "a-", "a b", "a..b", "a//b", "ä", &"a".repeat(129)] {
            assert!(Name::try_from(name.to_owned()).is_err(), "{name}");
        }
        for name in ["a", "0", "team/db.main_1", &"a".repeat(128)] {
            assert!(Name::try_from(name.to_owned()).is_ok(), "{name}");
        }
    }

    #[test]
    fn white_space_in_strings_stays() {
        assert_eq!(minified("{ \"a \\\" b\" :\n [ \"\\\\\" , 1 ]\t}\r\n"), r#"{"a \" b":["\\",1]}"#);
    }
}
