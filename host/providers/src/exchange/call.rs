//! Requests to a token issuer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, StatusCode, Url};
use zeroize::Zeroizing;

use super::ExchangeError;
use crate::network::http::{self, Tls};
use crate::network::{Metrics, RetryLayer, Settings};

/// The maximum response size in bytes.
const MAX_BODY: usize = 64 * 1024;

/// An issued token and its TTL.
pub(super) struct IssuedToken {
    pub(super) value: SecretBytes,
    pub(super) ttl: Option<Duration>,
}

/// A client of a token issuer.
pub(super) struct Issuer {
    http: Client,
    retry: RetryLayer,
}

/// A token request. Built again for each attempt, because its buffers are zeroed after sending.
pub(super) struct TokenRequest {
    pub(super) url: Url,
    /// The `authorization` header.
    pub(super) authorization: Option<Zeroizing<Vec<u8>>>,
    pub(super) accept: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Issuer {
    pub(super) fn new(
        authorities: Option<&[u8]>,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ExchangeError> {
        let authorities = authorities.map(http::certificates).transpose().map_err(|_| ExchangeError::Authorities)?;
        let http = http::client(Tls { authorities, ..Tls::default() })?;
        Ok(Self { http, retry: RetryLayer::new(settings, metrics) })
    }

    /// Sends a request, with retries, and reads the response with the expected status.
    ///
    /// # Errors
    ///
    /// The error that matches any other status, or a failed request.
    pub(super) async fn send(
        &self,
        expected: StatusCode,
        request: impl Fn() -> Result<TokenRequest, ProviderError>,
    ) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        self.retry.call(|| async { self.attempt(expected, request()?).await }).await
    }

    async fn attempt(&self, expected: StatusCode, request: TokenRequest) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let mut builder = self
            .http
            .post(request.url)
            .header(USER_AGENT, HeaderValue::from_static("far"))
            .header(ACCEPT, HeaderValue::from_static(request.accept))
            .header(CONTENT_TYPE, HeaderValue::from_static(request.content_type))
            .body(Bytes::from_owner(request.body));
        if let Some(authorization) = request.authorization {
            let header = HeaderValue::from_maybe_shared(Bytes::from_owner(authorization));
            let mut header = header.map_err(|_| ProviderError::Invalid)?;
            header.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, header);
        }
        let response = builder.send().await.map_err(|error| http::provider_error(&error))?;
        let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
        match response.status() {
            status if status == expected => http::body(response, MAX_BODY).await,
            status => Err(status_error(status, retry_after)),
        }
    }
}

/// Maps a status to an error.
fn status_error(status: StatusCode, retry_after: Option<Duration>) -> ProviderError {
    match (status.as_u16(), retry_after) {
        (401, _) => ProviderError::Unauthenticated,
        // GitHub reports a rate limit as 403 with `Retry-After`.
        (429, _) | (403, Some(_)) => ProviderError::Throttled { retry_after },
        (403, None) => ProviderError::Denied,
        (404, _) => ProviderError::NotFound,
        (500..=599, _) => ProviderError::Unavailable,
        _ => ProviderError::Invalid,
    }
}

fn seconds(header: &HeaderValue) -> Option<Duration> {
    header.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
