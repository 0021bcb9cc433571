//! A backend of one's own: a service with a JSON interface over HTTPS.
//!
//! `http_json URL SKILL GRANT INPUT` runs a skill with one secret of the service at the URL, whose answers are
//! `{ "version": "7", "data": "aHVudGVyMg==", "ttl": 60 }` to `GET /secrets/NAME/versions/latest`, or to that of a version,
//! and `{ "names": ["NAME"] }` to `GET /secrets`.

#![expect(clippy::print_stdout, reason = "this is a command line")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::decoded_len_estimate;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use far_core::memory::SecretBytes;
use far_core::provider::{Fetched, HowGone, ProviderError, Reference, Refreshed, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_runtime::{Catalog, End, Grant, Runtime, Task, memory, pal};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The largest answer: a value of the largest size, in base64, and what is around it.
const ANSWER_MAX: usize = SecretBytes::MAX_LEN * 2;

/// The service as a backend.
///
/// # Security
///
/// A value is copied from the answer into memory that is wiped, and decoded from there into locked memory. The HTTP client's
/// own buffers, and TLS's, are neither: they are freed when the connection is closed, which is after each answer if the client
/// keeps none, and are overwritten then only if the program's allocator is [`memory::WipingAllocator`].
pub struct HttpJson {
    id: ProviderId,
    base: Url,
    client: Client,
}

/// A secret. The value borrows from the answer, so that there is no other copy of it.
#[derive(Deserialize)]
struct Answer<'a> {
    version: String,
    data: &'a str,
    ttl: Option<u64>,
}

#[derive(Deserialize)]
struct Names {
    names: Vec<String>,
}

impl HttpJson {
    /// Returns the service at this URL as the backend of this name.
    pub fn new(id: ProviderId, base: Url, client: Client) -> Self {
        Self { id, base, client }
    }

    async fn get(&self, path: &[&str]) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| ProviderError::Invalid)?.pop_if_empty().extend(path);
        // An error of the client's has the URL in it, and goes no further.
        let mut response = self.client.get(url).send().await.map_err(|_| ProviderError::Unavailable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(ProviderError::NotFound),
            StatusCode::GONE => return Err(ProviderError::VersionGone(HowGone::Destroyed)),
            StatusCode::UNAUTHORIZED => return Err(ProviderError::Unauthenticated),
            StatusCode::FORBIDDEN => return Err(ProviderError::Denied),
            StatusCode::TOO_MANY_REQUESTS => return Err(ProviderError::Throttled { retry_after: None }),
            _ => return Err(ProviderError::Unavailable),
        }
        // Of the whole size from the beginning: growing would leave copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(ANSWER_MAX));
        while let Some(chunk) = response.chunk().await.map_err(|_| ProviderError::Unavailable)? {
            if chunk.len() > ANSWER_MAX - body.len() {
                return Err(ProviderError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads one version.
    async fn read(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        let version = match version {
            VersionSelector::Current => "latest",
            VersionSelector::Exactly(version) => version.as_str(),
        };
        let body = self.get(&["secrets", reference.as_str(), "versions", version]).await?;
        let answer: Answer<'_> = serde_json::from_slice(&body).map_err(|_| ProviderError::Invalid)?;
        let version = Version::parse(&answer.version).map_err(|_| ProviderError::Invalid)?;
        let mut value = Zeroizing::new(vec![0; decoded_len_estimate(answer.data.len())]);
        let length = BASE64_STANDARD.decode_slice(answer.data, &mut value).map_err(|_| ProviderError::Invalid)?;
        let value = SecretBytes::copy_of(value.get(..length).unwrap_or_default())?;
        Ok(Fetched::new(value, version).with_ttl(answer.ttl.map(Duration::from_secs)))
    }
}

#[async_trait]
impl SecretProvider for HttpJson {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        self.read(reference, version).await
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        let body = self.get(&["secrets"]).await?;
        let answer: Names = serde_json::from_slice(&body).map_err(|_| ProviderError::Invalid)?;
        Ok(answer.names.iter().map(|name| Reference::new(name)).collect())
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError> {
        let current = self.read(reference, &VersionSelector::Current).await?;
        Ok(if current.version == *known { Refreshed::Unchanged } else { Refreshed::Changed(current) })
    }
}

/// Returns a runtime over the service, of whose secrets a task gets what this grant says.
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

/// Returns a client for backends: it keeps no connection, and follows no redirect.
pub fn client() -> reqwest::ClientBuilder {
    // Said once for each process: which implementation of cryptography TLS uses.
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
