//! A GitHub App's installation token, for its private key.
//!
//! Source: GitHub's documentation, "Generating a JSON Web Token (JWT) for a GitHub App" and the REST API's "Create an installation
//! access token for an app".

use std::time::Duration;

use far_core::capability::{JwtAlgorithm, JwtRule};
use far_core::clock;
use far_core::jwt::{Claims, Jwt, SigningKey};
use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::Endpoint;
use super::call::{Ask, Issued, Issuer};
use crate::network::json;

/// Whose token, and for how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubApp {
    /// The API: `https://api.github.com`.
    pub api: Endpoint,
    /// The App's id, or its client id.
    pub app_id: String,
    /// The installation's id.
    pub installation: u64,
    /// The only repositories that the token is for, by name; all of the installation's if none.
    pub repositories: Vec<String>,
    /// The only permissions that it has, such as `issues` and `write`; all of the installation's if none.
    pub permissions: Vec<(String, String)>,
}

/// How far GitHub's clock may be behind.
const SKEW: u64 = 60;
/// The longest that GitHub takes.
const LIVES: Duration = Duration::from_secs(9 * 60 + SKEW);
/// A token that ends sooner is not worth handing out, and one is given up so much before its end.
const MARGIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    token: &'a RawValue,
    #[serde(borrow)]
    expires_at: &'a str,
}

impl GitHubApp {
    pub(super) async fn token(&self, issuer: &Issuer, key: &SecretBytes) -> Result<Issued, ProviderError> {
        answered(&issuer.ask(StatusCode::CREATED, || self.ask(key)).await?)
    }

    fn ask(&self, key: &SecretBytes) -> Result<Ask, ProviderError> {
        let jwt = self.jwt(key)?;
        let mut body = serde_json::Map::new();
        if !self.repositories.is_empty() {
            body.insert("repositories".to_owned(), json!(self.repositories));
        }
        if !self.permissions.is_empty() {
            let permissions = self.permissions.iter().map(|(name, level)| (name.clone(), json!(level)));
            body.insert("permissions".to_owned(), permissions.collect());
        }
        let installation = self.installation.to_string();
        Ok(Ask {
            url: self
                .api
                .below(&["app", "installations", &installation, "access_tokens"])
                .ok_or(ProviderError::Unsupported)?,
            authorization: Some(Zeroizing::new([b"Bearer ", jwt.as_bytes()].concat())),
            accept: "application/vnd.github+json",
            content_type: "application/json",
            body: Zeroizing::new(serde_json::Value::Object(body).to_string().into_bytes()),
        })
    }

    /// What shows that it is the App that asks.
    fn jwt(&self, key: &SecretBytes) -> Result<Jwt, ProviderError> {
        let rule = JwtRule {
            algorithm: JwtAlgorithm::Rs256,
            key_id: None,
            issuer: Some(self.app_id.clone()),
            subject: None,
            audience: None,
            max_ttl: LIVES,
        };
        let now = clock::unix_time();
        let claims = Claims::fix("{}", &rule, now.saturating_sub(SKEW)).map_err(|_| ProviderError::Invalid)?;
        let key = SigningKey::parse(rule.algorithm, key.expose()).map_err(|_| ProviderError::Invalid)?;
        Jwt::sign(&key, None, &claims).map_err(|_| ProviderError::Invalid)
    }
}

/// Reads the body of an answer with an installation access token.
///
/// # Errors
///
/// `Invalid` for anything but a token that is good for longer than the margin.
pub(super) fn answered(body: &[u8]) -> Result<Issued, ProviderError> {
    if !json::is_object(body) {
        return Err(ProviderError::Invalid);
    }
    // The library's error may have a piece of the text in it.
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| ProviderError::Invalid)?;
    let expires_at: Timestamp = answer.expires_at.parse().map_err(|_| ProviderError::Invalid)?;
    let left = expires_at.duration_since(clock::wall_time());
    let left = Duration::try_from(left).ok().and_then(|left| left.checked_sub(MARGIN));
    let ttl = left.filter(|left| !left.is_zero()).ok_or(ProviderError::Invalid)?;
    Ok(Issued { value: json::string(answer.token)?, ttl: Some(ttl) })
}
