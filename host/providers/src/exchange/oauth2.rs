//! Access tokens of the OAuth 2.0 client credentials grant (RFC 6749, section 4.4).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::Endpoint;
use super::call::{IssuedToken, Issuer, TokenRequest};
use crate::network::json;

/// The client and the scope of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The authorization server's token endpoint.
    pub token_url: Endpoint,
    /// The client id.
    pub client_id: String,
    /// The scope: names separated by spaces; `None` means the server's default.
    pub scope: Option<String>,
    /// The client authentication method.
    pub auth: ClientAuth,
}

/// A client authentication method (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// The `authorization` header, with the `Basic` scheme.
    #[default]
    Basic,
    /// The request body.
    Body,
}

/// The characters that a form does not encode (RFC 3986, unreserved).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The part of the lifetime that is not handed out, in seconds.
const MARGIN: u64 = 30;

#[derive(Deserialize)]
struct TokenResponse<'a> {
    #[serde(borrow)]
    access_token: &'a RawValue,
    token_type: String,
    expires_in: Option<u64>,
}

impl ClientCredentials {
    pub(super) async fn token(&self, issuer: &Issuer, secret: &SecretBytes) -> Result<IssuedToken, ProviderError> {
        parse(&issuer.send(StatusCode::OK, || Ok(self.request(secret))).await?)
    }

    fn request(&self, secret: &SecretBytes) -> TokenRequest {
        let (client, secret) = (encoded(self.client_id.as_bytes()), encoded(secret.expose()));
        let scope = self.scope.iter().flat_map(|scope| [b"&scope=".to_vec(), encoded(scope.as_bytes()).to_vec()]);
        let mut body = Zeroizing::new(b"grant_type=client_credentials".to_vec());
        body.extend(scope.flatten());
        let authorization = match self.auth {
            ClientAuth::Basic => {
                let plain = Zeroizing::new([&client[..], b":", &secret].concat());
                let encoded = Zeroizing::new(STANDARD.encode(&*plain));
                Some(Zeroizing::new([b"Basic ", encoded.as_bytes()].concat()))
            }
            ClientAuth::Body => {
                body = Zeroizing::new([&body[..], b"&client_id=", &client, b"&client_secret=", &secret].concat());
                None
            }
        };
        TokenRequest {
            url: self.token_url.url(),
            authorization,
            accept: "application/json",
            content_type: "application/x-www-form-urlencoded",
            body,
        }
    }
}

/// Parses a token response.
///
/// # Errors
///
/// `Invalid` or `Unsupported` for anything but a bearer token that outlives the margin.
pub(super) fn parse(body: &[u8]) -> Result<IssuedToken, ProviderError> {
    if !json::is_object(body) {
        return Err(ProviderError::Invalid);
    }
    // The parser's error may quote the body.
    let response: TokenResponse<'_> = serde_json::from_slice(body).map_err(|_| ProviderError::Invalid)?;
    if !response.token_type.eq_ignore_ascii_case("bearer") {
        return Err(ProviderError::Unsupported);
    }
    let ttl = match response.expires_in {
        None => None,
        Some(seconds) => {
            let left = seconds.checked_sub(MARGIN).filter(|left| *left > 0).ok_or(ProviderError::Invalid)?;
            Some(Duration::from_secs(left))
        }
    };
    Ok(IssuedToken { value: json::string(response.access_token)?, ttl })
}

fn encoded(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    // Room for every byte to be encoded: a buffer that reallocates leaves a copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(3 * bytes.len()));
    percent_encode(bytes, FORM).for_each(|piece| text.extend_from_slice(piece.as_bytes()));
    text
}
