//! Violations, with help for the skill's author.

use std::fmt;

use far_capability::{Contradiction, Placement, Target};

use super::DeclaredSecret;
use crate::secrets::Operation;

/// A use of a secret that the skill may not make. The displayed message ends with help.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// The secret's name, as the skill passed it.
    pub secret: String,
    /// The attempted operation, or `None` for a handle, which needs any operation.
    pub operation: Option<Operation>,
    /// The rule that denies the use.
    pub reason: Reason,
    help: String,
}

/// Rules that deny a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The name is not a valid secret name.
    InvalidName,
    /// The version is not valid.
    InvalidVersion,
    /// The skill did not declare the secret.
    Undeclared,
    /// The task was not granted the secret.
    Ungranted,
    /// The declaration or the grant lacks the operation.
    Operation,
    /// The grant excludes the version.
    Version,
    /// No declared destination covers the request, or the request uses plain http.
    Destination,
    /// A placeholder is in a part of the request that is not a declared placement. Without declared
    /// placements, only the `authorization` header is one.
    Placement,
    /// The key is for another kind of signature.
    Signing,
    /// The skill tried to send or reveal a key that signs tokens.
    SigningKey,
    /// The claims are not valid, or contradict the declaration.
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
            Self::Placement => "the placeholder is in a part of the request that is not a granted placement",
            Self::Signing => "this kind of signature was not declared and granted",
            Self::SigningKey => "a key that signs tokens cannot be sent or revealed",
            Self::Claims => "the claims are invalid or contradict the declaration",
        }
    }
}

impl Denial {
    /// `placement` is the placeholder's position, if it is the whole value of a possible placement.
    pub(super) fn placement(declared: &DeclaredSecret, placement: Option<&Placement>) -> Self {
        let methods = methods(declared.placements);
        let help = match placement {
            Some(placement) => {
                format!("{methods}, or declare the placement in skill.json: \"placements\": [\"{placement}\"]")
            }
            None => format!("{methods}, as the whole value"),
        };
        Self::new(declared.name, Some(Operation::Seal), Reason::Placement, help)
    }

    pub(super) fn destination(declared: &DeclaredSecret, target: &Target) -> Self {
        let help = if target.is_https() {
            let destination = target.to_destination();
            format!(
                "the declared destinations are {}; declare this one in skill.json: \"destinations\": [{destination:?}]",
                listed(declared.destinations)
            )
        } else {
            "send the request over https: a secret cannot be sent over plain http".to_owned()
        };
        Self::new(declared.name, Some(Operation::Seal), Reason::Destination, help)
    }

    pub(super) fn invalid_name(name: &str, operation: Option<Operation>) -> Self {
        let help = "a name has 1 to 128 of a-z, 0-9, '.', '_', '-' and '/', starts and ends with a letter or a digit, \
                    and contains no '..' and no '//'";
        Self::new(name, operation, Reason::InvalidName, help)
    }

    pub(super) fn invalid_version(name: &str) -> Self {
        Self::new(name, None, Reason::InvalidVersion, "a version has 1 to 128 visible ASCII characters")
    }

    pub(super) fn undeclared(name: &str, operation: Option<Operation>) -> Self {
        let declaration = declaration(name, &[operation.unwrap_or(Operation::Sign)]);
        // A request for a handle does not name an operation.
        let with = if operation.is_none() { ", with the operations that the skill performs" } else { "" };
        Self::new(name, operation, Reason::Undeclared, format!("declare it in skill.json{with}: {declaration}"))
    }

    pub(super) fn ungranted(declared: &DeclaredSecret, operation: Option<Operation>) -> Self {
        let name = declared.name;
        let optional = if declared.optional {
            "; or call `secrets::list` to find out if an optional secret is granted"
        } else {
            ""
        };
        let help = format!(
            "set a value: Host::secret({name:?}, …), and on the command line --grant {name}:{}{optional}",
            list(declared.operations)
        );
        Self::new(name, operation, Reason::Ungranted, help)
    }

    /// The declaration or the grant may lack the operation.
    pub(super) fn operation(declared: &DeclaredSecret, operation: Option<Operation>) -> Self {
        let name = declared.name;
        let mut operations = declared.operations.to_vec();
        let undeclared = operation.filter(|operation| !operations.contains(operation));
        operations.extend(undeclared);
        let help = match undeclared {
            Some(_) => format!("declare it in skill.json: {}", declaration(name, &operations)),
            None => {
                let granted: Vec<_> = operations.iter().map(|operation| format!("Operation::{operation:?}")).collect();
                format!(
                    "grant it: Host::granting({name:?}, &[{}]), and on the command line --grant {name}:{}",
                    granted.join(", "),
                    list(&operations)
                )
            }
        };
        Self::new(name, operation, Reason::Operation, help)
    }

    pub(super) fn version(name: &str, version: &str, operation: Option<Operation>) -> Self {
        let help = format!(
            "a grant covers only the current version by default: Host::granting_versions({name:?}, &[{version:?}]), and \
             'versions' in a task file"
        );
        Self::new(name, operation, Reason::Version, help)
    }

    pub(super) fn of_token(name: &str, operation: Option<Operation>) -> Self {
        let help = format!("a token is not a key: sign with the handle from secrets::get({name:?})");
        Self::new(name, operation, Reason::Operation, help)
    }

    pub(super) fn signing(declared: &DeclaredSecret) -> Self {
        let help = match declared.jwt {
            Some(_) => "this key signs tokens: call `signing::sign_jwt`",
            None => {
                "this key signs messages; to sign tokens instead, declare it in skill.json: \"signing\": { \
                 \"jwt\": { \"issuer\": \"…\", \"audience\": \"…\" } }"
            }
        };
        Self::new(declared.name, Some(Operation::Sign), Reason::Signing, help)
    }

    pub(super) fn signing_key(name: &str, operation: Option<Operation>) -> Self {
        let help = "sign a token with `signing::sign_jwt`, and send or reveal the token";
        Self::new(name, operation, Reason::SigningKey, help)
    }

    pub(super) fn claims(name: &str, contradiction: &Contradiction) -> Self {
        Self::new(name, Some(Operation::Sign), Reason::Claims, claims_help(contradiction))
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

/// Returns help for claims that the host does not sign.
fn claims_help(contradiction: &Contradiction) -> String {
    let declared =
        |key: &str| format!("leave it out, or set the declared value: {key:?} below \"signing\" in skill.json");
    let (claim, help) = match contradiction {
        Contradiction::Name(name) => {
            let help =
                "a claim's name contains only ASCII letters, digits and URI characters other than '%' and brackets";
            (name.as_str().escape_debug().to_string(), help.to_owned())
        }
        Contradiction::Imitation { name, claim } => {
            let help = "a verifier could confuse them; choose another name";
            return format!("the claim `{}` resembles `{claim}`: {help}", name.as_str());
        }
        Contradiction::Fixed(claim @ "iss") => ((*claim).to_owned(), declared("issuer")),
        Contradiction::Fixed(claim @ "aud") => ((*claim).to_owned(), declared("audience")),
        Contradiction::Fixed(claim) => {
            let help = match *claim {
                "sub" => {
                    "leave it out, or set the declared value; without \"subject\" in skill.json, the skill chooses it"
                }
                "nbf" => "leave it out: a token is valid from its signature on",
                _ => "leave it out: the host sets it",
            };
            ((*claim).to_owned(), help.to_owned())
        }
        Contradiction::Expiry => {
            ("exp".to_owned(), "leave it out, or set a time in whole seconds, at most ten minutes from now".to_owned())
        }
        _ => return "claims must be a JSON object with unique keys".to_owned(),
    };
    format!("the claim `{claim}`: {help}")
}

/// Returns the operation's name in declarations and grants.
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

/// Names the methods that insert a secret at its placements.
fn methods(placements: &[&str]) -> String {
    let method = |placement: &&str| match placement.split_once(':') {
        Some(("header", name)) => format!("`Request::header_secret({name:?}, …)`"),
        Some((_, name)) => format!("`Request::query_secret({name:?}, …)`"),
        None => "`Request::bearer` or `Request::basic`".to_owned(),
    };
    format!("insert the secret with {}", placements.iter().map(method).collect::<Vec<_>>().join(" or "))
}

fn listed(destinations: &[&str]) -> String {
    let quoted: Vec<_> = destinations.iter().map(|destination| format!("{destination:?}")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(" and ") }
}
