//! An access token, for a client's secret: the client credentials grant of OAuth 2.0 (RFC 6749, 4.4).

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
use super::call::{Ask, Issued, Issuer};
use crate::network::json;

/// Whose token, and for how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The authorization server's token endpoint.
    pub token_url: Endpoint,
    /// The client's identifier.
    pub client_id: String,
    /// The scope, as the server has it: names with spaces between; the server's own choice if none.
    pub scope: Option<String>,
    /// How the client says who it is.
    pub auth: ClientAuth,
}

/// How a client says who it is (RFC 6749, 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// By the `authorization` header, with `Basic`.
    #[default]
    Basic,
    /// By the body.
    Body,
}

/// What a form leaves as it is (RFC 3986, unreserved).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A token is given up so much before its end.
const MARGIN: u64 = 30;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    access_token: &'a RawValue,
    token_type: String,
    expires_in: Option<u64>,
}

impl ClientCredentials {
    pub(super) async fn token(&self, issuer: &Issuer, secret: &SecretBytes) -> Result<Issued, ProviderError> {
        answered(&issuer.ask(StatusCode::OK, || Ok(self.ask(secret))).await?)
    }

    fn ask(&self, secret: &SecretBytes) -> Ask {
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
        Ask {
            url: self.token_url.url(),
            authorization,
            accept: "application/json",
            content_type: "application/x-www-form-urlencoded",
            body,
        }
    }
}

/// Reads the body of a token response.
///
/// # Errors
///
/// `Invalid` or `Unsupported` for anything but a bearer token that is good for longer than the margin.
pub(super) fn answered(body: &[u8]) -> Result<Issued, ProviderError> {
    if !json::is_object(body) {
        return Err(ProviderError::Invalid);
    }
    // The library's error may have a piece of the text in it.
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| ProviderError::Invalid)?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err(ProviderError::Unsupported);
    }
    let ttl = match answer.expires_in {
        None => None,
        Some(seconds) => {
            let left = seconds.checked_sub(MARGIN).filter(|left| *left > 0).ok_or(ProviderError::Invalid)?;
            Some(Duration::from_secs(left))
        }
    };
    Ok(Issued { value: json::string(answer.access_token)?, ttl })
}

fn encoded(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    // Enough for every byte to be encoded: memory that moved would leave a copy.
    let mut text = Zeroizing::new(Vec::with_capacity(3 * bytes.len()));
    percent_encode(bytes, FORM).for_each(|piece| text.extend_from_slice(piece.as_bytes()));
    text
}
