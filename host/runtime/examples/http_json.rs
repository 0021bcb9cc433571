//! A custom backend: a service with a JSON interface over HTTPS.
//!
//! Usage: `http_json URL SKILL GRANT INPUT`. The service at the URL has two endpoints:
//!
//! - `GET /secrets/NAME/versions/VERSION`, with the version `latest` or a number, returns `{
//!   "version": "7", "data": "aHVudGVyMg==", "ttl": 60 }`.
//! - `GET /secrets` returns `{ "names": ["NAME"] }`.

#![expect(clippy::print_stdout, reason = "this is a command line")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::decoded_len_estimate;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use far_core::memory::SecretBytes;
use far_core::provider::{AbsenceReason, FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_runtime::{Catalog, End, Grant, Runtime, Task, memory, pal};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The largest response, in bytes: the largest value in base64, and the JSON around it.
const RESPONSE_MAX: usize = SecretBytes::MAX_LEN * 2;

/// A backend for the service.
///
/// # Security
///
/// A value is copied from the response into memory that is wiped, and decoded into locked memory.
/// The buffers of the HTTP client and of TLS are freed when the connection closes. They are wiped
/// only if the program's allocator is [`memory::WipingAllocator`]. So the client keeps no
/// connection.
pub struct HttpJson {
    id: ProviderId,
    base: Url,
    client: Client,
}

/// A secret. The value borrows from the response, which is its only copy.
#[derive(Deserialize)]
struct SecretResponse<'a> {
    version: String,
    data: &'a str,
    ttl: Option<u64>,
}

#[derive(Deserialize)]
struct ListResponse {
    names: Vec<String>,
}

impl HttpJson {
    /// Creates the backend for a service.
    pub fn new(id: ProviderId, base: Url, client: Client) -> Self {
        Self { id, base, client }
    }

    async fn get(&self, path: &[&str]) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| ProviderError::Invalid)?.pop_if_empty().extend(path);
        // The client's error contains the URL, so it is dropped.
        let mut response = self.client.get(url).send().await.map_err(|_| ProviderError::Unavailable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(ProviderError::NotFound),
            StatusCode::GONE => return Err(ProviderError::VersionGone(AbsenceReason::Destroyed)),
            StatusCode::UNAUTHORIZED => return Err(ProviderError::Unauthenticated),
            StatusCode::FORBIDDEN => return Err(ProviderError::Denied),
            StatusCode::TOO_MANY_REQUESTS => return Err(ProviderError::Throttled { retry_after: None }),
            _ => return Err(ProviderError::Unavailable),
        }
        // Allocated at full size: a buffer that grows leaves copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(RESPONSE_MAX));
        while let Some(chunk) = response.chunk().await.map_err(|_| ProviderError::Unavailable)? {
            if chunk.len() > RESPONSE_MAX - body.len() {
                return Err(ProviderError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads one version.
    async fn read(&self, reference: &Reference, version: &VersionSelector) -> Result<FetchedSecret, ProviderError> {
        let version = match version {
            VersionSelector::Current => "latest",
            VersionSelector::Exactly(version) => version.as_str(),
        };
        let body = self.get(&["secrets", reference.as_str(), "versions", version]).await?;
        let response: SecretResponse<'_> = serde_json::from_slice(&body).map_err(|_| ProviderError::Invalid)?;
        let version = Version::parse(&response.version).map_err(|_| ProviderError::Invalid)?;
        let mut value = Zeroizing::new(vec![0; decoded_len_estimate(response.data.len())]);
        let length = BASE64_STANDARD.decode_slice(response.data, &mut value).map_err(|_| ProviderError::Invalid)?;
        let value = SecretBytes::copy_of(value.get(..length).unwrap_or_default())?;
        Ok(FetchedSecret::new(value, version).with_ttl(response.ttl.map(Duration::from_secs)))
    }
}

#[async_trait]
impl SecretProvider for HttpJson {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(
        &self,
        reference: &Reference,
        version: &VersionSelector,
    ) -> Result<FetchedSecret, ProviderError> {
        self.read(reference, version).await
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        let body = self.get(&["secrets"]).await?;
        let response: ListResponse = serde_json::from_slice(&body).map_err(|_| ProviderError::Invalid)?;
        Ok(response.names.iter().map(|name| Reference::new(name)).collect())
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError> {
        let current = self.read(reference, &VersionSelector::Current).await?;
        Ok(if current.version == *known { RefreshOutcome::Unchanged } else { RefreshOutcome::Changed(current) })
    }
}

/// Creates a runtime that permits one grant, with secrets of the service.
pub fn runtime(
    base: Url,
    client: Client,
    grant: &Grant,
    sink: Arc<dyn pal::Sink>,
) -> Result<Arc<Runtime>, Box<dyn Error>> {
    let pal = pal::Pal::builder().required_sink(sink, Duration::from_secs(5)).build();
    let provider = HttpJson::new("service".parse()?, base, client);
    let catalog = Catalog::of_grants(std::slice::from_ref(grant), provider.id())?;
    Ok(Runtime::builder("my-agent".parse()?, pal).provider(Arc::new(provider)).catalog(catalog).build()?)
}

/// Creates a client for backends, without connection reuse and redirects.
pub fn client() -> reqwest::ClientBuilder {
    // Selects the cryptography provider of TLS, once per process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none()).no_proxy()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    memory::harden_process()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, skill, grant, input] = arguments.as_slice() else {
        return Err("usage: http_json URL SKILL GRANT INPUT".into());
    };
    let grant: Grant = grant.parse()?;
    let sink = pal::WriterSink::spawn(std::io::stderr(), pal::Format::JsonLines)?;
    let runtime = runtime(base.parse()?, client().build()?, &grant, sink)?;
    let skill = runtime.load(std::fs::read(skill)?).await?;
    let report = runtime.run(Task::new(&skill).with_grant(grant).with_input(input.as_bytes())).await;
    match report.end {
        End::Completed(output) => println!("{}", String::from_utf8(output)?),
        other => println!("{}", other.outcome().as_str()),
    }
    Ok(())
}
