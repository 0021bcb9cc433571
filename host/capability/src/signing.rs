//! Kinds and terms of signatures.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The kind of signature of a key. A key has one kind only, because a verifier could confuse the
/// two.
///
/// A declaration has `{ "hmac": true }` or `{ "jwt": { "audience": "…" } }`. It cannot set
/// lifetimes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Document")]
pub enum Signing {
    /// HMAC-SHA-256 of any message.
    #[default]
    Hmac,
    /// JSON Web Tokens (RFC 7519) on these terms.
    Jwt(JwtTerms),
}

/// The terms of tokens in a declaration, grant or catalog entry. Strings are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JwtTerms {
    /// The algorithm.
    pub algorithm: Option<JwtAlgorithm>,
    /// The header's `kid`, by which a verifier finds the key.
    #[serde(default, deserialize_with = "some_text")]
    pub key_id: Option<String>,
    /// The claim `iss`.
    #[serde(default, deserialize_with = "some_text")]
    pub issuer: Option<String>,
    /// The claim `sub`.
    #[serde(default, deserialize_with = "some_text")]
    pub subject: Option<String>,
    /// The claim `aud`.
    #[serde(default, deserialize_with = "some_text")]
    pub audience: Option<String>,
    /// The maximum lifetime of a token, in whole seconds.
    #[serde(skip)]
    pub max_ttl: Option<Duration>,
}

/// The supported signature algorithms of JSON Web Tokens (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// HMAC-SHA-256, with a key of 32 bytes or more.
    #[serde(rename = "HS256")]
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, with a key of 2,048 bits or more.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// An error that a document does not have exactly one kind of signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has one kind of signature: 'hmac = true', or 'jwt' with the terms of tokens")]
pub struct SigningError;

/// An error that a string is not an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an algorithm is one of 'HS256', 'RS256', 'ES256', 'EdDSA'")]
pub struct JwtAlgorithmError;

/// The joined kind of signature of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// HMAC-SHA-256.
    Hmac,
    /// JSON Web Tokens by this rule.
    Jwt(JwtRule),
}

/// The parts of a token that the host sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtRule {
    /// The algorithm.
    pub algorithm: JwtAlgorithm,
    /// The header's `kid`; `None` omits it.
    pub key_id: Option<String>,
    /// The claim `iss`; `None` omits it.
    pub issuer: Option<String>,
    /// The claim `sub`; `None` leaves it to the skill.
    pub subject: Option<String>,
    /// The claim `aud`; `None` omits it.
    pub audience: Option<String>,
    /// The maximum lifetime of a token.
    pub max_ttl: Duration,
}

impl fmt::Display for Signing {
    /// Formats `hmac`, or `jwt` with the terms of tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Jwt(terms) = self else { return f.write_str("hmac") };
        f.write_str("jwt")?;
        let algorithm = terms.algorithm.map(JwtAlgorithm::as_str);
        let terms = [
            ("alg", algorithm),
            ("kid", terms.key_id.as_deref()),
            ("iss", terms.issuer.as_deref()),
            ("sub", terms.subject.as_deref()),
            ("aud", terms.audience.as_deref()),
        ];
        terms
            .into_iter()
            .filter_map(|(claim, value)| Some((claim, value?)))
            .try_for_each(|(claim, value)| write!(f, " {claim}={value}"))
    }
}

impl JwtAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// Returns the algorithm's name in tokens (RFC 7518, 3.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for JwtAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JwtAlgorithm {
    type Err = JwtAlgorithmError;

    fn from_str(text: &str) -> Result<Self, JwtAlgorithmError> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or(JwtAlgorithmError)
    }
}

impl JwtRule {
    /// The default maximum lifetime of a token.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(10 * 60);
    /// The upper bound of any lifetime of a token.
    pub const LONGEST_TTL: Duration = Duration::from_secs(60 * 60);

    /// Joins the terms of declaration, grant and catalog. Returns `None` if two of them contradict
    /// each other, if neither grant nor catalog names the algorithm, or if only the declaration
    /// sets a term.
    fn join(terms: [&JwtTerms; 3]) -> Option<Self> {
        let ttls = terms.iter().filter_map(|terms| terms.max_ttl);
        Some(Self {
            algorithm: *agreed(terms, |terms| terms.algorithm.as_ref())??,
            key_id: agreed(terms, |terms| terms.key_id.as_ref())?.cloned(),
            issuer: agreed(terms, |terms| terms.issuer.as_ref())?.cloned(),
            subject: agreed(terms, |terms| terms.subject.as_ref())?.cloned(),
            audience: agreed(terms, |terms| terms.audience.as_ref())?.cloned(),
            max_ttl: ttls.min().unwrap_or(Self::DEFAULT_TTL).min(Self::LONGEST_TTL),
        })
    }
}

impl Signature {
    /// Joins the kinds of declaration, grant and catalog. Returns `None` if they disagree.
    pub(super) fn join(signing: [Option<&Signing>; 3]) -> Option<Self> {
        match signing {
            [Some(Signing::Hmac), Some(Signing::Hmac), Some(Signing::Hmac)] => Some(Self::Hmac),
            [Some(Signing::Jwt(declared)), Some(Signing::Jwt(granted)), Some(Signing::Jwt(permitted))] => {
                JwtRule::join([declared, granted, permitted]).map(Self::Jwt)
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    hmac: Option<bool>,
    jwt: Option<JwtTerms>,
}

impl TryFrom<Document> for Signing {
    type Error = SigningError;

    fn try_from(document: Document) -> Result<Self, SigningError> {
        match (document.hmac, document.jwt) {
            (Some(true), None) => Ok(Self::Hmac),
            (None, Some(terms)) => Ok(Self::Jwt(terms)),
            _ => Err(SigningError),
        }
    }
}

fn some_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(D::Error::custom("expected a non-empty string")) } else { Ok(Some(text)) }
}

/// Returns the common value of grant and catalog. Returns `None` if they contradict each other, or
/// if the declaration has another value.
fn agreed<'a, T: PartialEq>(
    [declared, granted, permitted]: [&'a JwtTerms; 3],
    get: impl Fn(&'a JwtTerms) -> Option<&'a T>,
) -> Option<Option<&'a T>> {
    let (granted, permitted) = (get(granted), get(permitted));
    let agreed = granted.or(permitted);
    let contradicted = permitted.is_some() && permitted != agreed;
    let added = get(declared).is_some_and(|declared| agreed != Some(declared));
    (!contradicted && !added).then_some(agreed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(issuer: &str) -> JwtTerms {
        JwtTerms { issuer: Some(issuer.to_owned()), ..JwtTerms::default() }
    }

    fn permitted() -> JwtTerms {
        let algorithm = Some(JwtAlgorithm::Rs256);
        JwtTerms { algorithm, max_ttl: Some(Duration::from_secs(300)), ..issued("app") }
    }

    #[test]
    fn join_keeps_terms_and_shortest_ttl() {
        let short = JwtTerms { max_ttl: Some(Duration::from_secs(60)), ..issued("app") };
        let rule = JwtRule::join([&JwtTerms::default(), &short, &permitted()]).unwrap();
        assert_eq!((rule.algorithm, rule.issuer.as_deref()), (JwtAlgorithm::Rs256, Some("app")));
        assert_eq!((rule.max_ttl, rule.audience), (Duration::from_secs(60), None));
        let long = JwtTerms { max_ttl: Some(Duration::from_secs(1 << 40)), ..permitted() };
        assert_eq!(JwtRule::join([&long, &long, &long]).unwrap().max_ttl, JwtRule::LONGEST_TTL);
    }

    #[test]
    fn contradicting_terms_do_not_join() {
        let empty = JwtTerms::default();
        assert_eq!(JwtRule::join([&empty, &issued("other"), &permitted()]), None);
        assert_eq!(JwtRule::join([&empty, &issued("app"), &empty]), None, "the algorithm is missing");
        let other = JwtTerms { algorithm: Some(JwtAlgorithm::Hs256), ..JwtTerms::default() };
        assert_eq!(JwtRule::join([&other, &empty, &permitted()]), None);
        let adds = JwtTerms { audience: Some("https://billing.example".to_owned()), ..JwtTerms::default() };
        assert_eq!(JwtRule::join([&adds, &empty, &permitted()]), None, "a declaration cannot add a term");
        assert_eq!(JwtRule::join([&adds, &adds, &permitted()]).unwrap().audience, adds.audience);
        assert!(JwtRule::join([&issued("app"), &empty, &permitted()]).is_some(), "a declaration may repeat a term");
    }

    #[test]
    fn kinds_of_signature_must_be_equal() {
        let jwt = Signing::Jwt(permitted());
        assert_eq!(Signature::join([Some(&Signing::Hmac); 3]), Some(Signature::Hmac));
        assert!(matches!(Signature::join([Some(&jwt); 3]), Some(Signature::Jwt(_))));
        assert_eq!(Signature::join([Some(&jwt), Some(&Signing::Hmac), Some(&jwt)]), None);
        assert_eq!(Signature::join([Some(&Signing::Hmac), Some(&Signing::Hmac), Some(&jwt)]), None);
        assert_eq!(Signature::join([Some(&jwt), None, Some(&jwt)]), None);
    }

    #[test]
    fn algorithm_names_round_trip() {
        for algorithm in JwtAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        for text in ["none", "", "hs256", "HS512", "RS256 "] {
            assert_eq!(text.parse::<JwtAlgorithm>(), Err(JwtAlgorithmError), "{text}");
        }
    }
}
