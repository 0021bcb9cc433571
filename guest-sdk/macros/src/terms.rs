//! What a declaration says of one secret: what is done with it, where it is sent, and what it signs.
//!
//! The rules are the host's (`far_core::capability`), as far as they can be told without a parser of URLs: of a destination,
//! and of a header for a secret, the host has more to say.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::document::Secret;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    Seal,
    Sign,
    Reveal,
    Refresh,
}

impl Secret {
    /// Whether what is said goes together.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let has = |operation| self.operations.contains(&operation);
        match (self.operations.is_empty(), has(Operation::Seal), self.destinations.is_empty()) {
            (true, ..) => return Err("has no operation: name at least one of `seal`, `sign`, `reveal` and `refresh`"),
            (_, true, true) => return Err("is sealed for nobody: name its `destinations`"),
            (_, false, false) => {
                return Err("has destinations, but not the operation `seal`, which alone sends it there");
            }
            _ => {}
        }
        if !self.destinations.iter().all(Destination::is_https) {
            return Err("has a destination over plain http: a secret is sent over https only");
        }
        match &self.placements {
            Some(_) if !has(Operation::Seal) => {
                Err("has placements, but not the operation `seal`, which alone puts it into requests")
            }
            Some(placements) if placements.is_empty() => {
                Err("names no placement: leave `placements` out to mean the authorization header")
            }
            _ if self.signing.is_some() && !has(Operation::Sign) => {
                Err("has `signing`, but not the operation `sign`, which alone signs with it")
            }
            _ => Ok(()),
        }
    }
}

/// Where a secret is sent.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Destination(pub(crate) String);

impl Destination {
    fn is_https(&self) -> bool {
        self.0.rsplit(' ').next().is_some_and(|address| address.starts_with("https://"))
    }
}

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (methods, address) = text.split_once(' ').map_or((None, &*text), |(methods, rest)| (Some(methods), rest));
        let is_method = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if !methods.is_none_or(|methods| methods.split(',').all(is_method)) {
            return Err(format!("`{text}` is no destination: its methods are upper-case letters, separated by `,`"));
        }
        let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            return Err(format!("`{text}` is no destination: write a URL such as `POST https://api.example.com/v1`"));
        }
        let authority = host.and_then(|host| host.split('/').next()).unwrap_or_default();
        if authority.contains('@') || address.contains(['?', '#']) {
            return Err(format!("`{text}` is no destination: it has no user, password, query or fragment"));
        }
        Ok(Self(text))
    }
}

/// Where in a request a secret stands.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Placement(pub(crate) String);

/// Headers that the host sets, or that say what others mean.
const NOT_FOR_SECRETS: [&str; 15] = [
    "far-client-certificate",
    "authorization",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl TryFrom<String> for Placement {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let in_header = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let in_query = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let wrong = match text.split_once(':') {
            None if ["authorization", "client-certificate"].contains(&&*text) => None,
            Some(("header", name)) if name.is_empty() || !name.bytes().all(in_header) => {
                Some("a header is named with a-z, 0-9 and `-`")
            }
            Some(("header", name)) if NOT_FOR_SECRETS.contains(&name) => {
                Some("the header is one that the host sets, or `authorization`, which is written without `header:`")
            }
            Some(("query", name)) if name.is_empty() || !name.bytes().all(in_query) => {
                Some("a query parameter is named with letters, digits, `-`, `.`, `_` and `~`")
            }
            Some(("header" | "query", _)) => None,
            _ => Some("write `authorization`, `header:NAME`, `query:NAME` or `client-certificate`"),
        };
        wrong.map_or_else(|| Ok(Self(text.clone())), |wrong| Err(format!("`{text}` is no placement: {wrong}")))
    }
}

/// What a key signs: one kind of signature, HMAC unless it is said.
#[derive(Debug, Deserialize)]
#[serde(try_from = "SigningDocument")]
pub(crate) enum Signing {
    Hmac,
    Jwt(Jwt),
}

/// What the author says of the tokens that are signed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Jwt {
    pub(crate) algorithm: Option<Algorithm>,
    #[serde(default, deserialize_with = "some_text")]
    pub(crate) key_id: Option<String>,
    #[serde(default, deserialize_with = "some_text")]
    pub(crate) issuer: Option<String>,
    #[serde(default, deserialize_with = "some_text")]
    pub(crate) subject: Option<String>,
    #[serde(default, deserialize_with = "some_text")]
    pub(crate) audience: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SigningDocument {
    hmac: Option<bool>,
    jwt: Option<Jwt>,
}

impl TryFrom<SigningDocument> for Signing {
    type Error = &'static str;

    fn try_from(document: SigningDocument) -> Result<Self, &'static str> {
        match (document.hmac, document.jwt) {
            (Some(true), None) => Ok(Self::Hmac),
            (None, Some(jwt)) => Ok(Self::Jwt(jwt)),
            _ => Err(
                "a key is for one kind of signature: write `{ \"hmac\": true }`, or `{ \"jwt\": { … } }` with what tokens say",
            ),
        }
    }
}

fn some_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(D::Error::custom("a text is empty: leave it out to say nothing")) } else { Ok(Some(text)) }
}
