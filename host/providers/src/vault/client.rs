//! Requests to the server, and what its status says.

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

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Proxies that are asked to ask for it refuse requests that a browser was tricked into.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
/// The largest body that is read. A value has 64 KiB at most, of which JSON may make six times as much; there may be others in
/// the secret.
const MAX_BODY: usize = 1024 * 1024;

/// A token, as requests carry it.
#[derive(Clone)]
pub(super) struct Token(Arc<SecretBytes>);

/// A client of one server.
pub(super) struct Client {
    http: reqwest::Client,
    address: Address,
    namespace: Option<HeaderValue>,
}

/// What is asked.
pub(super) struct Ask<'a> {
    method: Method,
    path: &'a str,
    token: Option<&'a Token>,
    body: Option<Zeroizing<Vec<u8>>>,
}

/// A status and a body.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    retry_after: Option<Duration>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Token {
    /// A token of visible ASCII.
    ///
    /// # Errors
    ///
    /// None if it has anything else in it: a line's end would begin another header.
    pub(super) fn new(bytes: SecretBytes) -> Option<Self> {
        let fits = !bytes.expose().is_empty() && bytes.expose().iter().all(u8::is_ascii_graphic);
        fits.then(|| Self(Arc::new(bytes)))
    }

    pub(super) fn is_same(&self, other: &[u8]) -> bool {
        self.0.expose() == other
    }

    /// The header, which is the locked memory itself and no copy of it.
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

impl<'a> Ask<'a> {
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

    /// Takes texts, as one JSON object.
    pub(super) fn with(mut self, members: &[(&str, &str)]) -> Self {
        // Enough for every text to be escaped whole: memory that moved would leave a copy.
        let enough = members.iter().map(|(name, text)| 6 * (name.len() + text.len()) + 6).sum::<usize>() + 2;
        let mut body = Zeroizing::new(Vec::with_capacity(enough));
        body.push(b'{');
        for (index, (name, text)) in members.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            // Nothing that is written to memory fails.
            let _ = serde_json::to_writer(&mut *body, name);
            body.push(b':');
            let _ = serde_json::to_writer(&mut *body, text);
        }
        body.push(b'}');
        self.body = Some(body);
        self
    }

    /// Takes anything that is no secret.
    pub(super) fn with_json(mut self, json: &serde_json::Value) -> Self {
        self.body = Some(Zeroizing::new(json.to_string().into_bytes()));
        self
    }
}

impl Client {
    pub(super) fn new(http: reqwest::Client, address: Address, namespace: Option<HeaderValue>) -> Self {
        Self { http, address, namespace }
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Timeout` or `TooLarge`: what kept an answer from being there, whatever its status.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, ProviderError> {
        let url = self.address.of(ask.path).ok_or(ProviderError::Unsupported)?;
        let mut request = self.http.request(ask.method, url).header(REQUEST, HeaderValue::from_static("true"));
        // What concerns the server as a whole is asked where the whole is.
        if let Some(namespace) = self.namespace.as_ref().filter(|_| ask.path != HEALTH) {
            request = request.header(NAMESPACE, namespace.clone());
        }
        if let Some(token) = ask.token {
            request = request.header(TOKEN, token.header()?);
        }
        if let Some(body) = ask.body {
            let json = HeaderValue::from_static("application/json");
            request = request.header(CONTENT_TYPE, json).body(Bytes::from_owner(body));
        }
        let response = request.send().await.map_err(|error| http::failure(&error))?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
        Ok(Reply { status, retry_after, body: http::body(response, MAX_BODY).await? })
    }

    /// Asks for what there is to ask without a token: whether the server is up and open.
    ///
    /// # Errors
    ///
    /// `Sealed`, or `Unavailable` for one that was never initialised. A server that does not say is taken to be well.
    pub(super) async fn health(&self) -> Result<(), ProviderError> {
        match self.ask(Ask::get(HEALTH)).await?.status.as_u16() {
            501 => Err(ProviderError::Unavailable),
            503 => Err(ProviderError::Sealed),
            // 429, 472 and 473 are of servers that stand by: they pass on what they are asked.
            _ => Ok(()),
        }
    }
}

const HEALTH: &str = "sys/health";

impl Reply {
    /// A reply without a header.
    pub(super) fn new(status: StatusCode, body: &[u8]) -> Self {
        Self { status, retry_after: None, body: Zeroizing::new(body.to_vec()) }
    }

    /// What the status says, where it has one meaning for every path. That there is nothing is each path's own.
    ///
    /// # Errors
    ///
    /// Any of [`ProviderError`].
    pub(super) fn ok(self) -> Result<Self, ProviderError> {
        match self.status.as_u16() {
            200 | 204 => Ok(self),
            _ => Err(self.refusal()),
        }
    }

    /// The error that the status is.
    pub(super) fn refusal(&self) -> ProviderError {
        match self.status.as_u16() {
            401 => ProviderError::Unauthenticated,
            403 => ProviderError::Denied,
            405 => ProviderError::Unsupported,
            413 => ProviderError::TooLarge,
            429 => ProviderError::Throttled { retry_after: self.retry_after },
            503 => ProviderError::Sealed,
            // A server that is behind, one that sends on to another, one that failed.
            412 | 300..=399 | 500..=599 => ProviderError::Unavailable,
            _ => ProviderError::Invalid,
        }
    }
}

/// A time in seconds, which is how the server writes it; a day at most.
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
    fn a_token_is_one_visible_word() {
        assert!(token(b"hvs.CAESI-a_b").is_some());
        for text in [&b""[..], b"a\n", b"a\r\nX-Evil: 1", b"a b", b"a\0", b"\xc3\xa9", b"a\x7f"] {
            assert!(token(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_tokens_header_is_its_own_memory_and_is_not_shown() {
        let token = token(b"canary-token").unwrap();
        let header = token.header().unwrap();
        assert_eq!(header.as_bytes().as_ptr(), token.0.expose().as_ptr());
        assert!(header.is_sensitive() && !format!("{header:?}").contains("canary"));
    }

    #[test]
    fn texts_are_escaped_in_place() {
        let ask = Ask::post("x").with(&[("a", "\"\n\u{1}"), ("b\\", "")]);
        let body = ask.body.unwrap();
        assert_eq!(&**body, br#"{"a":"\"\n\u0001","b\\":""}"#);
        assert_eq!(&**Ask::post("x").with(&[]).body.unwrap(), b"{}");
        let all = "\u{1}".repeat(100);
        let body = Ask::post("x").with(&[(&all, &all)]).body.unwrap();
        assert!(body.capacity() < body.len() + 10 && body.len() > 1200, "taken once");
    }

    #[test]
    fn a_time_to_wait_is_seconds_and_a_day_at_most() {
        let of = |text: &'static str| seconds(&HeaderValue::from_static(text)).map(|time| time.as_secs());
        assert_eq!((of("0"), of("3"), of("18446744073709551615")), (Some(0), Some(3), Some(86_400)));
        for text in ["", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999999999"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn a_status_has_one_meaning() {
        let of = |status| {
            let status = StatusCode::from_u16(status).unwrap();
            let retry_after = Some(Duration::from_secs(3));
            Reply { status, retry_after, body: Zeroizing::default() }.ok().err()
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
