//! Installation access tokens of a GitHub App, issued for its private key.
//!
//! Sources: GitHub's documentation, "Generating a JSON Web Token (JWT) for a GitHub App", and the
//! REST API's "Create an installation access token for an app".

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
use super::call::{IssuedToken, Issuer, TokenRequest};
use crate::network::json;

/// The installation and the scope of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubApp {
    /// The base URL of the API: `https://api.github.com`.
    pub api: Endpoint,
    /// The App's id or client id.
    pub app_id: String,
    /// The installation id.
    pub installation: u64,
    /// The repositories that the token may access, by name; empty means all of the installation's.
    pub repositories: Vec<String>,
    /// The token's permissions, such as `issues` and `write`; empty means all of the
    /// installation's.
    pub permissions: Vec<(String, String)>,
}

/// The tolerated clock skew, in seconds.
const SKEW: u64 = 60;
/// The lifetime of the JWT. GitHub's maximum is 10 minutes.
const JWT_TTL: Duration = Duration::from_secs(9 * 60 + SKEW);
/// The part of the lifetime that is not handed out. A token that expires sooner is rejected.
const MARGIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct TokenResponse<'a> {
    #[serde(borrow)]
    token: &'a RawValue,
    #[serde(borrow)]
    expires_at: &'a str,
}

impl GitHubApp {
    pub(super) async fn token(&self, issuer: &Issuer, key: &SecretBytes) -> Result<IssuedToken, ProviderError> {
        parse(&issuer.send(StatusCode::CREATED, || self.request(key)).await?)
    }

    fn request(&self, key: &SecretBytes) -> Result<TokenRequest, ProviderError> {
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
        Ok(TokenRequest {
            url: self
                .api
                .join(&["app", "installations", &installation, "access_tokens"])
                .ok_or(ProviderError::Unsupported)?,
            authorization: Some(Zeroizing::new([b"Bearer ", jwt.as_bytes()].concat())),
            accept: "application/vnd.github+json",
            content_type: "application/json",
            body: Zeroizing::new(serde_json::Value::Object(body).to_string().into_bytes()),
        })
    }

    /// Signs the JWT that authenticates the App.
    fn jwt(&self, key: &SecretBytes) -> Result<Jwt, ProviderError> {
        let rule = JwtRule {
            algorithm: JwtAlgorithm::Rs256,
            key_id: None,
            issuer: Some(self.app_id.clone()),
            subject: None,
            audience: None,
            max_ttl: JWT_TTL,
        };
        let now = clock::unix_time();
        let claims = Claims::new("{}", &rule, now.saturating_sub(SKEW)).map_err(|_| ProviderError::Invalid)?;
        let key = SigningKey::parse(rule.algorithm, key.expose()).map_err(|_| ProviderError::Invalid)?;
        Jwt::sign(&key, None, &claims).map_err(|_| ProviderError::Invalid)
    }
}

/// Parses a response with an installation access token.
///
/// # Errors
///
/// `Invalid` for anything but a token that outlives the margin.
pub(super) fn parse(body: &[u8]) -> Result<IssuedToken, ProviderError> {
    if !json::is_object(body) {
        return Err(ProviderError::Invalid);
    }
    // The parser's error may quote the body.
    let response: TokenResponse<'_> = serde_json::from_slice(body).map_err(|_| ProviderError::Invalid)?;
    let expires_at: Timestamp = response.expires_at.parse().map_err(|_| ProviderError::Invalid)?;
    let left = expires_at.duration_since(clock::wall_time());
    let left = Duration::try_from(left).ok().and_then(|left| left.checked_sub(MARGIN));
    let ttl = left.filter(|left| !left.is_zero()).ok_or(ProviderError::Invalid)?;
    Ok(IssuedToken { value: json::string(response.token)?, ttl: Some(ttl) })
}
