//! HashiCorp Vault's API as a backend, served by Vault and OpenBao.
//!
//! - A reference is `MOUNT/PATH`, or `MOUNT/PATH#FIELD` for one field: [`Mounts::reference`]. The
//!   value of a string field is its bytes; other JSON stays verbatim. Without a field, the value is
//!   the whole object.
//! - Versions of KV version 2 are the server's numbers. KV version 1 has none: its version is a
//!   keyed hash of the value, as for `.env` files. A planned deletion limits the TTL.
//! - The provider has one token, from one of five [`Auth`] methods. It renews the token at two
//!   thirds of its TTL, and replaces it before it expires. After a denied request, it checks the
//!   token and logs in again if the token has expired.
//! - [`list_secrets`](far_core::provider::SecretProvider::list_secrets) checks the configured
//!   references by their metadata, or by listing their folder. Vault cannot list everything that a
//!   token may read.
//! - The database and PKI engines issue dynamic secrets, with a separate child token for each
//!   owner. Leases are journaled before they are used, so that the next process revokes the leases
//!   of a killed one: [`Vault::open_with_lease_journal`].
//! - All tasks share the password of a static role. Its version is the time of its last rotation.
//!
//! # Limits
//!
//! Other engines with leases are not supported: such a response is rejected. All KV reads use the
//! same token. Redirects are not followed: standby servers must forward requests, which is their
//! default.
//!
//! # Security
//!
//! Tokens and values are in [`SecretBytes`](far_core::memory::SecretBytes). Response bodies are in
//! buffers that are zeroed when dropped, and parsed by borrowing. The buffers of the HTTP and TLS
//! libraries are not zeroed; a binary's [`WipingAllocator`](far_core::memory::WipingAllocator)
//! overwrites them when they are freed. A connection serves one request. No error contains a part
//! of a body or the URL.

mod access;
mod address;
mod client;
mod credential;
mod dynamic;
mod error;
#[doc(hidden)]
pub mod internal;
mod kv;
mod lease_journal;
mod login;
mod member;
mod metadata;
mod path;
mod provider;
mod response;
mod server;
mod session;
mod static_role;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use far_core::provider::{ProviderError, Reference};
use far_core::single_flight::{SharedAnswer, SingleFlight};
use far_core::{ProviderId, VersionSelector};
use reqwest::header::HeaderValue;

pub use self::address::{Address, AddressError};
pub use self::credential::{CredentialError, CredentialProblem};
pub use self::dynamic::LeaseRecoveryReport;
pub use self::error::VaultError;
pub use self::lease_journal::LeaseJournalConfig;
pub use self::login::{Auth, SERVICE_ACCOUNT_TOKEN, SecretId};
pub use self::path::{Engine, Mounts, VaultPathError};

use self::access::Access;
use self::client::Client;
use self::dynamic::Dynamic;
use self::lease_journal::LeaseJournal;
use self::login::Login;
use self::server::{Server, SharedRead};
use self::session::Session;
use crate::network::http::{self, Tls};
use crate::network::{Metrics, NegativeCache, RetryLayer, Settings};
use crate::version::{RandomError, VersionHasher};

/// The configuration of a [`Vault`] provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultConfig {
    /// The address of the server.
    pub address: Address,
    /// The namespace; `None` means the root namespace.
    pub namespace: Option<String>,
    /// The file with trusted authorities, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The trusted authorities, in PEM, if `ca_file` is `None`. If both are `None`, the platform's
    /// apply.
    pub authorities: Option<Vec<u8>>,
    /// The auth method.
    pub auth: Auth,
    /// The mounted secrets engines.
    pub mounts: Mounts,
    /// The policies of child tokens. If empty, a child token has the policies of the provider's own
    /// token.
    pub child_policies: Vec<String>,
}

/// A Vault or OpenBao server as a backend. Requires a tokio runtime.
///
/// ```no_run
/// use far_core::ProviderId;
/// use far_providers::vault::{Address, Auth, Mounts, Vault, VaultConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mounts = Mounts::default();
/// let token = mounts.reference("kv/ci/github", Some("token"))?;
/// let config = VaultConfig {
///     address: Address::parse("https://vault.internal:8200")?,
///     namespace: None,
///     ca_file: None,
///     authorities: None,
///     auth: Auth::Token { file: "/run/credentials/far".into() },
///     mounts,
///     child_policies: Vec::new(),
/// };
/// let provider = Vault::open(ProviderId::parse("vault")?, config, vec![token])?;
/// # Ok(())
/// # }
/// ```
pub struct Vault {
    id: ProviderId,
    server: Arc<Server>,
}

impl Vault {
    /// Creates a provider. `known` lists the configured references, for `list_secrets`. Reads the
    /// credential files, which blocks the thread, and sends no request.
    ///
    /// # Errors
    ///
    /// [`VaultError`] if the operator's configuration is invalid, such as a missing or
    /// world-readable credential file.
    pub fn open(id: ProviderId, config: VaultConfig, known: Vec<Reference>) -> Result<Self, VaultError> {
        Self::with_settings(id, config, known, None, Settings::default())
    }

    /// Creates a provider that issues dynamic secrets. The lease journal lets a later process
    /// revoke the leases of a killed one: [`recover`](Self::recover).
    ///
    /// # Errors
    ///
    /// The errors of [`open`](Self::open), and [`VaultError::LeaseJournal`].
    pub fn open_with_lease_journal(
        id: ProviderId,
        config: VaultConfig,
        known: Vec<Reference>,
        journal: &LeaseJournalConfig,
    ) -> Result<Self, VaultError> {
        Self::with_settings(id, config, known, Some(journal), Settings::default())
    }

    fn with_settings(
        id: ProviderId,
        config: VaultConfig,
        known: Vec<Reference>,
        journal: Option<&LeaseJournalConfig>,
        settings: Settings,
    ) -> Result<Self, VaultError> {
        config.auth.check()?;
        let namespace = config.namespace.as_deref().map(namespace).transpose()?;
        let http = http::client(tls(&config)?).map_err(VaultError::Tls)?;
        let journal = journal.map(|journal| LeaseJournal::open(journal, &id, &config.address)).transpose();
        let versions = |kind| VersionHasher::random(kind).map_err(|RandomError| VaultError::Random);
        let leases = versions("lease")?;
        let journal = journal.map_err(VaultError::LeaseJournal)?;
        let client = Arc::new(Client::new(http, config.address, namespace));
        let metrics = Arc::new(Metrics::default());
        let login = Login::new(config.auth, metrics.clone()).map_err(VaultError::AuthMount)?;
        let access = Arc::new(Access {
            session: Session::new(client.clone(), login, settings.deadline, metrics.clone()),
            client,
            retry: RetryLayer::new(settings, metrics.clone()),
        });
        let dynamic =
            journal.map(|journal| Arc::new(Dynamic::new(access.clone(), journal, leases, config.child_policies)));
        let server = Server {
            access,
            mounts: config.mounts,
            versions: versions("kv1")?,
            known,
            reads: SingleFlight::new(Err(ProviderError::Unavailable)),
            negative_cache: NegativeCache::new(settings.negative_ttl),
            metrics,
            dynamic,
        };
        Ok(Self { id, server: Arc::new(server) })
    }

    /// Revokes the leases of earlier processes of the same agent, provider name and address. Does
    /// nothing without a lease journal.
    pub async fn recover(&self) -> LeaseRecoveryReport {
        match &self.server.dynamic {
            Some(dynamic) => dynamic.recover().await,
            None => LeaseRecoveryReport::default(),
        }
    }

    /// Revokes the leases of all owners, and retries failed revocations. Call it before the process
    /// exits.
    ///
    /// # Errors
    ///
    /// The first error. The [`recover`](Self::recover) of a later process revokes the remaining
    /// leases.
    pub async fn close(&self) -> Result<(), ProviderError> {
        match &self.server.dynamic {
            Some(dynamic) => dynamic.shutdown().await,
            None => Ok(()),
        }
    }

    /// Returns the counters of [`ServerRole::Backend`](far_core::provider::ServerRole::Backend).
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.server.metrics
    }

    async fn read(&self, reference: &Reference, version: &VersionSelector) -> Result<Arc<SharedRead>, ProviderError> {
        let key = (reference.clone(), version.clone());
        let server = self.server.clone();
        let read = || async move { server.read(key).await };
        let SharedAnswer { answer, shared } = self.server.reads.join((reference.clone(), version.clone()), read).await;
        if shared {
            self.server.metrics.shared.increment();
        }
        answer
    }
}

fn namespace(text: &str) -> Result<HeaderValue, VaultError> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    HeaderValue::from_str(text).ok().filter(|_| fits).ok_or(VaultError::Namespace)
}

fn tls(config: &VaultConfig) -> Result<Tls, VaultError> {
    let authorities = match (&config.ca_file, &config.authorities) {
        (Some(path), _) => Some(credential::certificates(path)?),
        (None, Some(pem)) => Some(http::certificates(pem).map_err(VaultError::Tls)?),
        (None, None) => None,
    };
    let identity = match &config.auth {
        Auth::Certificate { cert_file, key_file, .. } => {
            Some((credential::certificates(cert_file)?, credential::key(key_file)?))
        }
        _ => None,
    };
    Ok(Tls { authorities, identity })
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
