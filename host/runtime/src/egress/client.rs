//! HTTP clients. Each task has its own, so that tasks share no connection.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use far_core::capability::Destination;
use ipnet::IpNet;
use reqwest::redirect::Policy;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::address::Addresses;

/// The operator's settings for requests: destinations, networks, addresses of hosts, and
/// certificate authorities.
///
/// A request with a secret goes where the declaration, the grant and the catalog permit that
/// secret, whatever the destinations here. A request without a secret goes to a destination that
/// both these settings and the task contain.
///
/// ```
/// use far_runtime::Egress;
///
/// // Requests without a secret go to one API. Servers have public addresses, and certificates of
/// // the platform's authorities.
/// let egress = Egress::to(["https://api.example.com/".parse()?]);
/// // Servers in one private network are permitted too.
/// let egress = egress.with_network("10.20.0.0/16".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Egress {
    destinations: Vec<Destination>,
    networks: Vec<IpNet>,
    hosts: HashMap<String, Vec<SocketAddr>>,
    authorities: Option<Vec<CertificateDer<'static>>>,
}

/// Reasons why the settings for requests cannot be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressSetupError {
    /// The PEM text contains no certificate, or an invalid one.
    #[error("the PEM text contains no certificate, or an invalid one")]
    Certificate,
    /// The platform's certificate authorities cannot be loaded.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be created.
    #[error("the HTTP client could not be set up")]
    Client(#[source] reqwest::Error),
}

impl Egress {
    /// Creates settings without destinations: only requests with a secret are sent. Servers need a
    /// public address and a certificate of the platform's authorities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the settings of [`Egress::new`], with destinations of requests without a secret.
    pub fn to(destinations: impl IntoIterator<Item = Destination>) -> Self {
        Self { destinations: destinations.into_iter().collect(), ..Self::default() }
    }

    /// Adds a destination of requests without a secret.
    #[must_use]
    pub fn with_destination(mut self, destination: Destination) -> Self {
        self.destinations.push(destination);
        self
    }

    /// Permits addresses in a network.
    #[must_use]
    pub fn with_network(mut self, network: IpNet) -> Self {
        self.networks.push(network);
        self
    }

    /// Sets an address of a host, which is then not looked up. The address must be permitted, and a
    /// port other than 0 replaces the port of the scheme. Further calls for the same host add
    /// addresses. The server's certificate is still checked for the host's name.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.hosts.entry(host.into()).or_default().push(address);
        self
    }

    /// Replaces the platform's certificate authorities.
    ///
    /// # Errors
    ///
    /// [`EgressSetupError::Certificate`] if `pem` does not contain valid PEM certificates.
    pub fn with_authorities(mut self, pem: &[u8]) -> Result<Self, EgressSetupError> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let read = read.ok().filter(|all| !all.is_empty()).ok_or(EgressSetupError::Certificate)?;
        self.authorities = Some(read);
        Ok(self)
    }

    pub(crate) fn into_destinations(self) -> Vec<Destination> {
        self.destinations
    }

    pub(crate) fn build(&self) -> Result<Clients, EgressSetupError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(EgressSetupError::Tls)?;
        let tls = match &self.authorities {
            None => builder.with_platform_verifier().map_err(EgressSetupError::Tls)?.with_no_client_auth(),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in authorities {
                    roots.add(authority.clone()).map_err(|_| EgressSetupError::Certificate)?;
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        Ok(Clients { addresses: Addresses::new(&self.networks, &self.hosts), tls })
    }
}

/// A factory for HTTP clients.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(super) addresses: Addresses,
    tls: ClientConfig,
}

/// The number of servers whose TLS sessions a task resumes.
const SESSIONS: usize = 16;
/// The timeout of a connection attempt. The task's deadline limits the rest of a request.
const CONNECT: Duration = Duration::from_secs(10);

impl Clients {
    /// Creates a client with its own connections.
    ///
    /// # Errors
    ///
    /// The library's error, which these settings do not cause.
    pub(super) fn client(&self) -> io::Result<reqwest::Client> {
        self.client_of(self.tls.clone())
    }

    /// Creates a client for one request with a client certificate: a chain and its key, in PEM.
    ///
    /// # Errors
    ///
    /// An error if the PEM is not valid, or the key does not match the certificate.
    pub(super) fn client_with(&self, identity: &[u8]) -> io::Result<reqwest::Client> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(identity).collect();
        let chain = chain.map_err(|_| io::ErrorKind::InvalidData)?;
        let key = PrivateKeyDer::from_pem_slice(identity).map_err(|_| io::ErrorKind::InvalidData)?;
        let certified = CertifiedKey::from_der(chain, key, self.tls.crypto_provider());
        let certified = certified.map_err(|_| io::ErrorKind::InvalidData)?;
        let mut tls = self.tls.clone();
        tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        self.client_of(tls)
    }

    fn client_of(&self, mut tls: ClientConfig) -> io::Result<reqwest::Client> {
        // Not shared: a resumed session would show a server that two tasks have the same agent.
        tls.resumption = Resumption::in_memory_sessions(SESSIONS);
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(self.addresses.clone()))
            .redirect(Policy::none())
            // A request with a secret is sent once.
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .no_proxy()
            .connect_timeout(CONNECT);
        builder.build().map_err(io::Error::other)
    }
}
