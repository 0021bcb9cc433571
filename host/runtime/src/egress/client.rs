//! The client that requests leave by: one for each task, so that no connection of one task's is another's.

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

/// The operator's settings for requests: the destinations of those without a secret, the addresses
/// of servers, and the authorities of their certificates.
///
/// A request with a secret goes where declaration, grant and catalog let that secret go, whatever
/// the destinations here. A request without one goes to a destination that both this and the task
/// name.
///
/// ```
/// use far_runtime::Egress;
///
/// // Requests without a secret go to one API. Servers are at public addresses, and have
/// // certificates of the platform's authorities.
/// let egress = Egress::to(["https://api.example.com/".parse()?]);
/// // Servers in one private network can be reached, too.
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

/// Why requests could not leave as the operator says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressSetupError {
    /// The text has no certificate in it, or one that is none.
    #[error("there is no certificate in it, or one that cannot be read")]
    Certificate,
    /// The platform's authorities could not be read.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
    /// The client could not be set up.
    #[error("the HTTP client could not be set up")]
    Client(#[source] reqwest::Error),
}

impl Egress {
    /// Returns settings that let only requests with a secret leave, to servers with certificates
    /// of the platform's authorities at public addresses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the settings of [`Egress::new`], with these destinations of requests without a secret.
    pub fn to(destinations: impl IntoIterator<Item = Destination>) -> Self {
        Self { destinations: destinations.into_iter().collect(), ..Self::default() }
    }

    /// Adds a destination of requests without a secret.
    #[must_use]
    pub fn with_destination(mut self, destination: Destination) -> Self {
        self.destinations.push(destination);
        self
    }

    /// The same, and addresses in this network.
    #[must_use]
    pub fn with_network(mut self, network: IpNet) -> Self {
        self.networks.push(network);
        self
    }

    /// The same, with this host at this address, without a look-up. The address must be one that requests may go to; a port other
    /// than 0 stands for the scheme's own. Said again of one host, it is at all of them. Certificates are the host's as ever.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.hosts.entry(host.into()).or_default().push(address);
        self
    }

    /// The same for servers with certificates of these authorities, and no others.
    ///
    /// # Errors
    ///
    /// [`EgressSetupError::Certificate`] if the text is not certificates in PEM, at least one.
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

/// Makes clients.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(super) addresses: Addresses,
    tls: ClientConfig,
}

/// To how many servers a task's later connections are shorter than the first.
const SESSIONS: usize = 16;
/// How long connecting may take. The rest of a request has the task's deadline.
const CONNECT: Duration = Duration::from_secs(10);

impl Clients {
    /// A client with connections of its own.
    ///
    /// # Errors
    ///
    /// The library's, which none of these settings brings about.
    pub(super) fn client(&self) -> io::Result<reqwest::Client> {
        self.client_of(self.tls.clone())
    }

    /// A client for one request, that shows a certificate: a chain and its key, in PEM.
    ///
    /// # Errors
    ///
    /// What is to be shown is none, or the key is of another one.
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
        // Of its own, too: a session that goes on would tell a server which tasks are one agent's.
        tls.resumption = Resumption::in_memory_sessions(SESSIONS);
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(self.addresses.clone()))
            .redirect(Policy::none())
            // A request with a secret in it is sent once.
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .no_proxy()
            .connect_timeout(CONNECT);
        builder.build().map_err(io::Error::other)
    }
}
