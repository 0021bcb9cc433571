//! Why something is a violation, and what the skill's author can do about it.

use std::fmt;

use far_capability::{Contradiction, Placement, Target};

use super::DeclaredSecret;
use crate::secrets::Operation;

/// What a skill may not do with a secret. Shown, it names the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// The secret's name, as the skill gave it.
    pub secret: String,
    /// The operation that was tried; none for a handle, which needs any.
    pub operation: Option<Operation>,
    /// Which rule stands against it.
    pub reason: Reason,
    help: String,
}

/// Which rule stands against a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The text is not a secret's name.
    InvalidName,
    /// The text is not a version.
    InvalidVersion,
    /// The skill's declaration does not have the secret.
    Undeclared,
    /// The task was not granted it.
    Ungranted,
    /// The declaration or the grant lacks the operation.
    Operation,
    /// The grant excludes the version.
    Version,
    /// The declaration has no destination that covers the request, or the request is plain http.
    Destination,
    /// A stand-in stood elsewhere in a request than where it is declared, which is the `authorization` header if nothing else is.
    Placement,
    /// The key is for another kind of signature.
    Signing,
    /// A key that signs tokens was to be sent or shown itself.
    SigningKey,
    /// The claims to be signed are none, or say something else than what is declared.
    Claims,
}

impl Reason {
    fn explanation(self) -> &'static str {
        match self {
            Self::InvalidName => "the name is not a valid secret name",
            Self::InvalidVersion => "the version is not a valid version",
            Self::Undeclared => "the skill did not declare the secret",
            Self::Ungranted => "the task was not granted the secret",
            Self::Operation => "the operation was not declared and granted",
            Self::Version => "the grant does not cover the version",
            Self::Destination => "the destination was not declared and granted",
            Self::Placement => "a sealed token stood in a part of a request where the grant does not let it stand",
            Self::Signing => "this kind of signature was not declared and granted",
            Self::SigningKey => "a key that signs tokens is itself neither sent nor shown",
            Self::Claims => "the claims to be signed are none, or differ from what is declared",
        }
    }
}

impl Denial {
    /// `place` is where the stand-in stood, if it was the whole of something that could be a placement.
    pub(super) fn placement(declared: &DeclaredSecret, place: Option<&Placement>) -> Self {
        let declare = |place: &Placement| format!("declare the place in skill.json: \"placements\": [\"{place}\"]");
        let help = match place {
            Some(place) => format!("{}; {}", ways(declared.placements), declare(place)),
            None => format!("{}, where it is the whole value", ways(declared.placements)),
        };
        Self::new(declared.name, Some(Operation::Seal), Reason::Placement, help)
    }

    pub(super) fn destination(declared: &DeclaredSecret, target: &Target) -> Self {
        let help = if target.is_https() {
            let wanted = target.to_destination();
            format!(
                "it may go to {}; declare where it is sent in skill.json: \"destinations\": [{wanted:?}]",
                listed(declared.destinations)
            )
        } else {
            "send the request over https: a secret never goes over plain http".to_owned()
        };
        Self::new(declared.name, Some(Operation::Seal), Reason::Destination, help)
    }

    pub(super) fn invalid_name(name: &str, operation: Option<Operation>) -> Self {
        let help = "a name has 1 to 128 of a-z, 0-9, '.', '_', '-' and '/', starts and ends with a letter or a digit, and has \
                    no '..' and no '//'";
        Self::new(name, operation, Reason::InvalidName, help)
    }

    pub(super) fn invalid_version(name: &str) -> Self {
        Self::new(name, None, Reason::InvalidVersion, "a version has 1 to 128 visible ASCII characters")
    }

    pub(super) fn undeclared(name: &str, operation: Option<Operation>) -> Self {
        let declaration = declaration(name, &[operation.unwrap_or(Operation::Sign)]);
        // A handle says nothing of what it is for.
        let with = if operation.is_none() { ", with the operations that it needs" } else { "" };
        Self::new(name, operation, Reason::Undeclared, format!("declare it in skill.json{with}: {declaration}"))
    }

    pub(super) fn ungranted(declared: &DeclaredSecret, operation: Option<Operation>) -> Self {
        let name = declared.name;
        let otherwise = if declared.optional { "; or ask `secrets::list` before what is optional" } else { "" };
        let help = format!(
            "give it a value: Host::secret({name:?}, …), and on the command line --grant {name}:{}{otherwise}",
            list(declared.operations)
        );
        Self::new(name, operation, Reason::Ungranted, help)
    }

    /// What is in the way may be the declaration or the grant.
    pub(super) fn operation(declared: &DeclaredSecret, operation: Option<Operation>) -> Self {
        let name = declared.name;
        let mut wanted = declared.operations.to_vec();
        let undeclared = operation.filter(|operation| !wanted.contains(operation));
        wanted.extend(undeclared);
        let help = match undeclared {
            Some(_) => format!("declare it in skill.json: {}", declaration(name, &wanted)),
            None => {
                let granted: Vec<_> = wanted.iter().map(|operation| format!("Operation::{operation:?}")).collect();
                format!(
                    "grant it: Host::granting({name:?}, &[{}]), and on the command line --grant {name}:{}",
                    granted.join(", "),
                    list(&wanted)
                )
            }
        };
        Self::new(name, operation, Reason::Operation, help)
    }

    pub(super) fn version(name: &str, version: &str, operation: Option<Operation>) -> Self {
        let help = format!(
            "a grant is for the current version alone: Host::granting_versions({name:?}, &[{version:?}]), and 'versions' in \
             a task file"
        );
        Self::new(name, operation, Reason::Version, help)
    }

    pub(super) fn of_token(name: &str, operation: Option<Operation>) -> Self {
        let help = format!("a token is no key: sign with what secrets::get({name:?}) gives");
        Self::new(name, operation, Reason::Operation, help)
    }

    pub(super) fn signing(declared: &DeclaredSecret) -> Self {
        let help = match declared.tokens {
            Some(_) => "a key is for one kind of signature, and this one signs tokens: `signing::sign_jwt` does",
            None => {
                "a key is for one kind of signature; to sign tokens, and no messages, declare it in skill.json: \"signing\": { \
                 \"jwt\": { \"issuer\": \"…\", \"audience\": \"…\" } }"
            }
        };
        Self::new(declared.name, Some(Operation::Sign), Reason::Signing, help)
    }

    pub(super) fn signing_key(name: &str, operation: Option<Operation>) -> Self {
        let help = "sign a token with it, by `signing::sign_jwt`, and use that in its place";
        Self::new(name, operation, Reason::SigningKey, help)
    }

    pub(super) fn claims(name: &str, contradiction: &Contradiction) -> Self {
        Self::new(name, Some(Operation::Sign), Reason::Claims, advice(contradiction))
    }

    fn new(secret: &str, operation: Option<Operation>, reason: Reason, help: impl Into<String>) -> Self {
        Self { secret: secret.to_owned(), operation, reason, help: help.into() }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}': {}; {}", self.secret.escape_debug(), self.reason.explanation(), self.help)
    }
}

/// Says what to do about claims that are not signed.
fn advice(contradiction: &Contradiction) -> String {
    let declared =
        |key: &str| format!("say what is declared, or nothing: {key:?} below \"signing\" in skill.json is for it");
    let (claim, advice) = match contradiction {
        Contradiction::Name(name) => {
            let advice = "a claim's name has ASCII letters, digits and characters of a URI, but for '%' and brackets";
            (name.as_str().escape_debug().to_string(), advice.to_owned())
        }
        Contradiction::Imitation { name, claim } => {
            let advice = "a verifier could read it as that; give it another name";
            return format!("the claim `{}` is like `{claim}`: {advice}", name.as_str());
        }
        Contradiction::Fixed(claim @ "iss") => ((*claim).to_owned(), declared("issuer")),
        Contradiction::Fixed(claim @ "aud") => ((*claim).to_owned(), declared("audience")),
        Contradiction::Fixed(claim) => {
            let advice = match *claim {
                "sub" => {
                    "say what is declared, or nothing; without \"subject\" in skill.json, it is the skill's to choose"
                }
                "nbf" => "leave it out: a token is valid from when it is signed",
                _ => "leave it out: the host sets it",
            };
            ((*claim).to_owned(), advice.to_owned())
        }
        Contradiction::Expiry => {
            ("exp".to_owned(), "leave it out, or say a time in whole seconds, at most ten minutes from now".to_owned())
        }
        _ => return "claims are a JSON object, with each key once".to_owned(),
    };
    format!("the claim `{claim}`: {advice}")
}

/// The operation's name in declarations and grants.
fn token(operation: Operation) -> &'static str {
    match operation {
        Operation::Seal => "seal",
        Operation::Sign => "sign",
        Operation::Reveal => "reveal",
        Operation::Refresh => "refresh",
    }
}

fn list(operations: &[Operation]) -> String {
    operations.iter().copied().map(token).collect::<Vec<_>>().join(",")
}

fn declaration(name: &str, operations: &[Operation]) -> String {
    let operations: Vec<_> = operations.iter().map(|operation| format!("{:?}", token(*operation))).collect();
    format!(r#"{{ "name": {name:?}, "operations": [{}], "reason": "…" }}"#, operations.join(", "))
}

/// How a secret is put where it may stand.
fn ways(placements: &[&str]) -> String {
    let way = |placement: &&str| match placement.split_once(':') {
        Some(("header", name)) => format!("`Request::header_secret({name:?}, …)`"),
        Some((_, name)) => format!("`Request::query_secret({name:?}, …)`"),
        None => "`Request::bearer` or `Request::basic`".to_owned(),
    };
    format!("put it into the request by {}", placements.iter().map(way).collect::<Vec<_>>().join(" or "))
}

fn listed(destinations: &[&str]) -> String {
    let quoted: Vec<_> = destinations.iter().map(|destination| format!("{destination:?}")).collect();
    if quoted.is_empty() { "nowhere".to_owned() } else { quoted.join(" and ") }
}
