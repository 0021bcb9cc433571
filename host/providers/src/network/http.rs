//! The HTTP client of all network backends: TLS by rustls, no proxy settings from the environment,
//! and bounded bodies that are zeroed when dropped.

use std::sync::Arc;
use std::time::Duration;

use far_core::provider::ProviderError;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use zeroize::Zeroizing;

/// The connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The initial capacity for a body without a `Content-Length`.
const INITIAL_CAPACITY: usize = 16 * 1024;

/// The TLS identities: trusted authorities and the client's own certificate.
#[derive(Default)]
pub(crate) struct Tls {
    /// The trusted authorities; `None` means the platform's.
    pub(crate) authorities: Option<Vec<CertificateDer<'static>>>,
    /// The client certificate with its chain, and its key.
    pub(crate) identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// An error that prevents the HTTP client from being created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpSetupError {
    /// The authorities contain no certificate, or an invalid one.
    #[error("the authorities contain no certificate, or an invalid one")]
    Certificates,
    /// TLS rejected these certificates, or those of the platform.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP library failed.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Parses one or more certificates in PEM.
///
/// # Errors
///
/// [`HttpSetupError::Certificates`] if `pem` contains none, or an invalid one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, HttpSetupError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    parsed.ok().filter(|all| !all.is_empty()).ok_or(HttpSetupError::Certificates)
}

/// Creates a client that opens one connection per request. It follows no redirects, uses no proxy
/// and never retries.
///
/// # Security
///
/// The buffers of a connection hold the last request and response, in memory that is not locked. An
/// idle pooled connection would keep a secret after its task has ended. TLS session resumption
/// makes the next handshake shorter.
pub(crate) fn client(tls: Tls) -> Result<Client, HttpSetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(HttpSetupError::Tls)?;
    let builder = match tls.authorities {
        None => builder.with_platform_verifier().map_err(HttpSetupError::Tls)?,
        Some(authorities) => {
            let mut roots = RootCertStore::empty();
            for authority in authorities {
                roots.add(authority).map_err(HttpSetupError::Tls)?;
            }
            builder.with_root_certificates(roots)
        }
    };
    let config = match tls.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(HttpSetupError::Tls)?,
    };
    Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(HttpSetupError::Client)
}

/// Reads a whole body into memory that is zeroed when dropped.
///
/// # Errors
///
/// `TooLarge` for more than `limit` bytes, without reading the rest; `Unavailable` or `Timeout` if
/// the body is incomplete.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let content_length = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if content_length.is_some_and(|length| length > limit) {
        return Err(ProviderError::TooLarge);
    }
    let mut body = Zeroizing::new(Vec::with_capacity(content_length.unwrap_or(INITIAL_CAPACITY)));
    while let Some(chunk) = response.chunk().await.map_err(|error| provider_error(&error))? {
        let length = body.len().saturating_add(chunk.len());
        if length > limit {
            return Err(ProviderError::TooLarge);
        }
        if length > body.capacity() {
            // A vector that reallocates leaves a copy behind.
            let mut larger = Zeroizing::new(Vec::with_capacity(length.saturating_mul(2).min(limit)));
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Maps an error of the HTTP library. The error itself is dropped because it contains the URL.
pub(crate) fn provider_error(error: &reqwest::Error) -> ProviderError {
    if error.is_timeout() { ProviderError::Timeout } else { ProviderError::Unavailable }
}
