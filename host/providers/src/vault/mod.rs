//! HashiCorp Vault's API as a backend: Vault itself, and OpenBao, which is the same API. Keys and values, of both kinds.
//!
//! - A secret is called `MOUNT/PATH`, or `MOUNT/PATH#FIELD` for one of several in it: [`Mounts::reference`]. Strings are
//!   given as their bytes, anything else as the JSON text that the server writes; without a field, the whole object is.
//! - Versions of the second kind are the server's numbers. The first kind has none, and keeps one value: its version is a
//!   keyed hash of that, as a `.env`'s is. A version whose deletion is planned lives no longer than until then.
//! - The provider has one token, from one of five [`Auth`] methods. It is renewed at two thirds of its time, replaced
//!   before it ends, and, if it ends early, logged in for once more before a refusal is believed.
//! - [`list_secrets`](far_core::provider::SecretProvider::list_secrets) looks for those that the provider was told of, by their metadata, or by
//!   their folder's list where only that may be read: a server has no list of what a token may read.
//! - Of engines of databases and of certificates, a secret is made for whoever holds it, with a token of theirs alone, and ended
//!   with them; what is made is written down first, so that a process that is killed leaves nothing that the next one does not
//!   end: [`Vault::open_with_ledger`].
//! - A password of a database's static role is there for all. Its version is the instant at which the server last replaced it.
//!
//! # What it does not do
//!
//! It makes no secrets of other engines: an answer that has a lease and is not such a secret is refused. It has one token for what
//! all tasks read of keys and values. It follows no redirect: a server that is not the active one passes requests on, as is its
//! default.
//!
//! # Security
//!
//! The token, and each value, is in [`SecretBytes`](far_core::memory::SecretBytes); bodies are in buffers that are wiped, and read by borrowing from
//! them. The buffers of the HTTP and TLS libraries are not: a binary's [`WipingAllocator`](far_core::memory::WipingAllocator)
//! overwrites them as they are freed, and a connection ends with its answer. No text of a body is in any error, nor is the URL.

mod access;
mod address;
mod answer;
mod client;
mod credential;
mod dynamic;
mod error;
#[doc(hidden)]
pub mod internal;
mod kv;
mod ledger;
mod login;
mod member;
mod metadata;
mod place;
mod provider;
mod server;
mod session;
mod static_role;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use far_core::provider::{ProviderError, Reference};
use far_core::single_flight::{Joined, SingleFlight};
use far_core::{ProviderId, VersionSelector};
use reqwest::header::HeaderValue;

pub use self::address::{Address, AddressError};
pub use self::credential::{CredentialError, CredentialProblem};
pub use self::dynamic::Recovered;
pub use self::error::VaultError;
pub use self::ledger::LedgerConfig;
pub use self::login::{Auth, SERVICE_ACCOUNT_TOKEN, SecretId};
pub use self::place::{Engine, Mounts, PlaceError};

use self::access::Access;
use self::client::Client;
use self::dynamic::Dynamic;
use self::ledger::Ledger;
use self::login::Login;
use self::server::{Answered, Server};
use self::session::Session;
use crate::network::http::{self, Tls};
use crate::network::{Absences, Metrics, Settings, Shell};
use crate::version::{NoRandom, Versions};

/// How a server is reached, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultConfig {
    /// Where it is.
    pub address: Address,
    /// Which of its namespaces.
    pub namespace: Option<String>,
    /// The file of authorities that its certificate is of, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The authorities, in PEM, where `ca_file` names none; the platform's if none.
    pub authorities: Option<Vec<u8>>,
    /// How the provider says who it is.
    pub auth: Auth,
    /// Which engine is mounted where.
    pub mounts: Mounts,
    /// Of the tokens with which secrets are made for tasks; the provider's own if none are named.
    pub child_policies: Vec<String>,
}

/// A Vault or OpenBao server as a backend. Must be called within a tokio runtime.
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
    /// Takes a configuration, and the secrets that it is known to be asked for. Reads the files that are named, which
    /// blocks the thread, and makes no request.
    ///
    /// # Errors
    ///
    /// [`VaultError`], by fault of whoever configured it: a file that is not there, or that others can read.
    pub fn open(id: ProviderId, config: VaultConfig, known: Vec<Reference>) -> Result<Self, VaultError> {
        Self::with_settings(id, config, known, None, Settings::default())
    }

    /// The same, with a ledger: without one, nothing is made for a task, since nobody would end what a process left that was killed.
    /// [`recover`](Self::recover) ends what earlier ones left.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`VaultError::Ledger`].
    pub fn open_with_ledger(
        id: ProviderId,
        config: VaultConfig,
        known: Vec<Reference>,
        ledger: &LedgerConfig,
    ) -> Result<Self, VaultError> {
        Self::with_settings(id, config, known, Some(ledger), Settings::default())
    }

    fn with_settings(
        id: ProviderId,
        config: VaultConfig,
        known: Vec<Reference>,
        ledger: Option<&LedgerConfig>,
        settings: Settings,
    ) -> Result<Self, VaultError> {
        config.auth.check()?;
        let namespace = config.namespace.as_deref().map(namespace).transpose()?;
        let http = http::client(tls(&config)?).map_err(VaultError::Tls)?;
        let ledger = ledger.map(|ledger| Ledger::open(ledger, &id, &config.address)).transpose();
        let versions = |kind| Versions::random(kind).map_err(|NoRandom| VaultError::Random);
        let leases = versions("lease")?;
        let ledger = ledger.map_err(VaultError::Ledger)?;
        let client = Arc::new(Client::new(http, config.address, namespace));
        let metrics = Arc::new(Metrics::default());
        let login = Login::new(config.auth, metrics.clone()).map_err(VaultError::AuthMount)?;
        let access = Arc::new(Access {
            session: Session::new(client.clone(), login, settings.deadline, metrics.clone()),
            client,
            shell: Shell::new(settings, metrics.clone()),
        });
        let dynamic =
            ledger.map(|ledger| Arc::new(Dynamic::new(access.clone(), ledger, leases, config.child_policies)));
        let server = Server {
            access,
            mounts: config.mounts,
            versions: versions("kv1")?,
            known,
            reads: SingleFlight::new(Err(ProviderError::Unavailable)),
            absences: Absences::new(settings.absence),
            metrics,
            dynamic,
        };
        Ok(Self { id, server: Arc::new(server) })
    }

    /// Ends what was made by processes that are no more, of the same agent, by a provider of the same name and address. Nothing if
    /// there is no ledger.
    pub async fn recover(&self) -> Recovered {
        match &self.server.dynamic {
            Some(dynamic) => dynamic.recover().await,
            None => Recovered::default(),
        }
    }

    /// Ends all that was made for whomever, and what could not be ended before: for a process that is about to end, and what its
    /// tasks shared.
    ///
    /// # Errors
    ///
    /// The first that there was; a later process's [`recover`](Self::recover) ends what is left.
    pub async fn close(&self) -> Result<(), ProviderError> {
        match &self.server.dynamic {
            Some(dynamic) => dynamic.end_all().await,
            None => Ok(()),
        }
    }

    /// What it did so far, in numbers: the counters of
    /// [`Server::Backend`](far_core::provider::Server::Backend).
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.server.metrics
    }

    async fn read(&self, reference: &Reference, version: &VersionSelector) -> Result<Arc<Answered>, ProviderError> {
        let key = (reference.clone(), version.clone());
        let server = self.server.clone();
        let read = || async move { server.read(key).await };
        let Joined { answer, shared } = self.server.reads.join((reference.clone(), version.clone()), read).await;
        if shared {
            self.server.metrics.shared.add();
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
