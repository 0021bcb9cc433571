//! HTTP as a backend is spoken to: TLS by rustls, nothing of the environment, bodies within bounds and wiped.

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

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);
/// What is taken for a body whose length is not told, to begin with.
const FIRST: usize = 16 * 1024;

/// Who the backend must be, and who the client says that it is.
#[derive(Default)]
pub(crate) struct Tls {
    /// The authorities that the backend's certificate is of; the platform's if none.
    pub(crate) authorities: Option<Vec<CertificateDer<'static>>>,
    /// The client's own certificate, with the chain to its authority, and its key.
    pub(crate) identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpSetupError {
    /// The authorities hold no certificate, or one that cannot be parsed.
    #[error("there is no certificate in the authorities, or one that cannot be read")]
    Certificates,
    /// TLS could not be set up with these certificates, or those of the platform.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The client could not be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// Parses certificates in PEM, at least one.
///
/// # Errors
///
/// [`HttpSetupError::Certificates`] if there is none, or one that cannot be parsed.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, HttpSetupError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    parsed.ok().filter(|all| !all.is_empty()).ok_or(HttpSetupError::Certificates)
}

/// A client of connections for one request each. It follows no redirect, asks no proxy, and sends nothing twice by itself.
///
/// # Security
///
/// A connection's buffers keep what was sent and received last, in memory that is not locked, until it ends: one that waited for
/// another request would keep a secret that no task has any more. A later connection is shorter, by TLS's resumption.
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
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(HttpSetupError::Client)
}

/// Reads a body as a whole, into memory that is wiped.
///
/// # Errors
///
/// `TooLarge` beyond `most` bytes, of which no more are read; `Unavailable` or `Timeout` if it does not come to its end.
pub(crate) async fn body(mut response: Response, most: usize) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let told = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if told.is_some_and(|length| length > most) {
        return Err(ProviderError::TooLarge);
    }
    let mut body = Zeroizing::new(Vec::with_capacity(told.unwrap_or(FIRST)));
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        let length = body.len().saturating_add(chunk.len());
        if length > most {
            return Err(ProviderError::TooLarge);
        }
        if length > body.capacity() {
            // A vector that grows by itself leaves a copy behind.
            let mut larger = Zeroizing::new(Vec::with_capacity(length.saturating_mul(2).min(most)));
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What the client's own error comes to. The error itself goes no further: it has the URL, at least.
pub(crate) fn failure(error: &reqwest::Error) -> ProviderError {
    if error.is_timeout() { ProviderError::Timeout } else { ProviderError::Unavailable }
}
