//! HTTP requests to the server, and the mapping of response statuses to errors.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use zeroize::Zeroizing;

use super::Address;
use crate::network::http;

const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE_HEADER: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Vault and its proxies can require this header as protection against request forgery.
const REQUEST_HEADER: HeaderName = HeaderName::from_static("x-vault-request");
/// The largest accepted body. JSON escapes may take six bytes per byte of a 64 KiB value, and the
/// secret may have further fields.
const MAX_BODY: usize = 1024 * 1024;

/// A Vault token.
#[derive(Clone)]
pub(super) struct Token(Arc<SecretBytes>);

/// The HTTP client of one server.
pub(super) struct Client {
    http: reqwest::Client,
    address: Address,
    namespace: Option<HeaderValue>,
}

/// A request.
pub(super) struct Request<'a> {
    method: Method,
    path: &'a str,
    token: Option<&'a Token>,
    body: Option<Zeroizing<Vec<u8>>>,
}

/// A response: status and body.
pub(super) struct Response {
    pub(super) status: StatusCode,
    retry_after: Option<Duration>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Token {
    /// Creates a token. Returns `None` unless all characters are visible ASCII: a line break would
    /// begin another header.
    pub(super) fn new(bytes: SecretBytes) -> Option<Self> {
        let fits = !bytes.expose().is_empty() && bytes.expose().iter().all(u8::is_ascii_graphic);
        fits.then(|| Self(Arc::new(bytes)))
    }

    pub(super) fn is_same(&self, other: &[u8]) -> bool {
        self.0.expose() == other
    }

    /// Returns the header value, which borrows the locked memory instead of copying it.
    fn header(&self) -> Result<HeaderValue, ProviderError> {
        struct Owner(Arc<SecretBytes>);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                self.0.expose()
            }
        }
        let bytes = Bytes::from_owner(Owner(self.0.clone()));
        let mut header = HeaderValue::from_maybe_shared(bytes).map_err(|_| ProviderError::Unauthenticated)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl<'a> Request<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, token: None, body: None }
    }

    pub(super) fn post(path: &'a str) -> Self {
        Self { method: Method::POST, path, token: None, body: None }
    }

    pub(super) fn with_token(mut self, token: &'a Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Sets the body to a JSON object of strings.
    pub(super) fn with_strings(mut self, members: &[(&str, &str)]) -> Self {
        // Room for every character to be escaped: a buffer that reallocates leaves a copy behind.
        let enough = members.iter().map(|(name, text)| 6 * (name.len() + text.len()) + 6).sum::<usize>() + 2;
        let mut body = Zeroizing::new(Vec::with_capacity(enough));
        body.push(b'{');
        for (index, (name, text)) in members.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            // Writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut *body, name);
            body.push(b':');
            let _ = serde_json::to_writer(&mut *body, text);
        }
        body.push(b'}');
        self.body = Some(body);
        self
    }

    /// Sets a body that contains no secret.
    pub(super) fn with_json(mut self, json: &serde_json::Value) -> Self {
        self.body = Some(Zeroizing::new(json.to_string().into_bytes()));
        self
    }
}

impl Client {
    pub(super) fn new(http: reqwest::Client, address: Address, namespace: Option<HeaderValue>) -> Self {
        Self { http, address, namespace }
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Timeout` or `TooLarge` if no complete response arrived. A response of any
    /// status is not an error here.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Response, ProviderError> {
        let url = self.address.url(request.path).ok_or(ProviderError::Unsupported)?;
        let mut builder =
            self.http.request(request.method, url).header(REQUEST_HEADER, HeaderValue::from_static("true"));
        // `sys/health` exists only in the root namespace.
        if let Some(namespace) = self.namespace.as_ref().filter(|_| request.path != HEALTH) {
            builder = builder.header(NAMESPACE_HEADER, namespace.clone());
        }
        if let Some(token) = request.token {
            builder = builder.header(TOKEN_HEADER, token.header()?);
        }
        if let Some(body) = request.body {
            let json = HeaderValue::from_static("application/json");
            builder = builder.header(CONTENT_TYPE, json).body(Bytes::from_owner(body));
        }
        let response = builder.send().await.map_err(|error| http::provider_error(&error))?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
        Ok(Response { status, retry_after, body: http::body(response, MAX_BODY).await? })
    }

    /// Checks without a token that the server is initialized and unsealed.
    ///
    /// # Errors
    ///
    /// `Sealed`; `Unavailable` for an uninitialized server. Any other status counts as healthy.
    pub(super) async fn health(&self) -> Result<(), ProviderError> {
        match self.send(Request::get(HEALTH)).await?.status.as_u16() {
            501 => Err(ProviderError::Unavailable),
            503 => Err(ProviderError::Sealed),
            // 429, 472 and 473 come from standby servers, which forward requests.
            _ => Ok(()),
        }
    }
}

const HEALTH: &str = "sys/health";

impl Response {
    /// Creates a response without headers, for fuzzing.
    pub(super) fn new(status: StatusCode, body: &[u8]) -> Self {
        Self { status, retry_after: None, body: Zeroizing::new(body.to_vec()) }
    }

    /// Maps the status to a result. A 404 depends on the path, so each caller handles it.
    ///
    /// # Errors
    ///
    /// Any of [`ProviderError`].
    pub(super) fn ok(self) -> Result<Self, ProviderError> {
        match self.status.as_u16() {
            200 | 204 => Ok(self),
            _ => Err(self.error()),
        }
    }

    /// Returns the error that matches the status.
    pub(super) fn error(&self) -> ProviderError {
        match self.status.as_u16() {
            401 => ProviderError::Unauthenticated,
            403 => ProviderError::Denied,
            405 => ProviderError::Unsupported,
            413 => ProviderError::TooLarge,
            429 => ProviderError::Throttled { retry_after: self.retry_after },
            503 => ProviderError::Sealed,
            // A stale replica, a redirect, or a server error.
            412 | 300..=399 | 500..=599 => ProviderError::Unavailable,
            _ => ProviderError::Invalid,
        }
    }
}

/// Parses a `Retry-After` in seconds, at most one day.
fn seconds(header: &HeaderValue) -> Option<Duration> {
    let seconds: u64 = header.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(24 * 60 * 60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &[u8]) -> Option<Token> {
        Token::new(SecretBytes::copy_of(text).unwrap())
    }

    #[test]
    fn token_is_visible_ascii() {
        assert!(token(b"hvs.CAESI-a_b").is_some());
        for text in [&b""[..], b"a\n", b"a\r\nX-Evil: 1", b"a b", b"a\0", b"\xc3\xa9", b"a\x7f"] {
            assert!(token(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn token_header_borrows_locked_memory() {
        let token = token(b"canary-token").unwrap();
        let header = token.header().unwrap();
        assert_eq!(header.as_bytes().as_ptr(), token.0.expose().as_ptr());
        assert!(header.is_sensitive() && !format!("{header:?}").contains("canary"));
    }

    #[test]
    fn json_body_is_allocated_once() {
        let request = Request::post("x").with_strings(&[("a", "\"\n\u{1}"), ("b\\", "")]);
        let body = request.body.unwrap();
        assert_eq!(&**body, br#"{"a":"\"\n\u0001","b\\":""}"#);
        assert_eq!(&**Request::post("x").with_strings(&[]).body.unwrap(), b"{}");
        let all = "\u{1}".repeat(100);
        let body = Request::post("x").with_strings(&[(&all, &all)]).body.unwrap();
        assert!(body.capacity() < body.len() + 10 && body.len() > 1200, "the buffer is allocated once");
    }

    #[test]
    fn retry_after_is_capped() {
        let of = |text: &'static str| seconds(&HeaderValue::from_static(text)).map(|time| time.as_secs());
        assert_eq!((of("0"), of("3"), of("18446744073709551615")), (Some(0), Some(3), Some(86_400)));
        for text in ["", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999999999"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn status_maps_to_error() {
        let of = |status| {
            let status = StatusCode::from_u16(status).unwrap();
            let retry_after = Some(Duration::from_secs(3));
            Response { status, retry_after, body: Zeroizing::default() }.ok().err()
        };
        assert_eq!((of(200), of(204)), (None, None));
        for (status, expected) in [
            (400, ProviderError::Invalid),
            (401, ProviderError::Unauthenticated),
            (403, ProviderError::Denied),
            (404, ProviderError::Invalid),
            (412, ProviderError::Unavailable),
            (429, ProviderError::Throttled { retry_after: Some(Duration::from_secs(3)) }),
            (307, ProviderError::Unavailable),
            (500, ProviderError::Unavailable),
            (502, ProviderError::Unavailable),
            (503, ProviderError::Sealed),
        ] {
            assert_eq!(of(status), Some(expected), "{status}");
        }
    }
}
