//! An authority of the tests' own, and certificates that it signs.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};

/// An authority, and the certificates that it signs.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Whether a certificate's time is over.
#[derive(Clone, Copy, PartialEq)]
enum Time {
    Now,
    Over,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// An authority that nobody knows.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Its certificate, as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// What a server needs to be this name.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        Self::shows(self.signed(name, Time::Now), Self::server_config().with_no_client_auth())
    }

    /// The same, with a certificate whose time is over.
    pub fn expired_server(&self, name: &str) -> Arc<ServerConfig> {
        Self::shows(self.signed(name, Time::Over), Self::server_config().with_no_client_auth())
    }

    /// The same, which answers to clients with a certificate of this authority's only.
    pub fn mutual_server(&self, name: &str) -> Arc<ServerConfig> {
        let roots = Arc::new(self.roots());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap();
        Self::shows(self.signed(name, Time::Now), Self::server_config().with_client_cert_verifier(verifier))
    }

    /// A client's certificate of this name and its key, in PEM; and the certificate alone, in DER.
    pub fn client_identity(&self, name: &str) -> (String, Vec<u8>) {
        let (certificate, key) = self.signed(name, Time::Now);
        (format!("{}{}", certificate.pem(), key.serialize_pem()), certificate.der().to_vec())
    }

    /// The same as PEM: the certificate, and its key.
    pub(crate) fn files(&self, name: &str) -> (String, String) {
        let (certificate, key) = self.signed(name, Time::Now);
        (certificate.pem(), key.serialize_pem())
    }

    /// A client that believes it and nobody else.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_root_certificates(self.roots()).with_no_client_auth())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }

    fn server_config() -> ConfigBuilder<ServerConfig, WantsVerifier> {
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap()
    }

    fn shows(
        (certificate, key): (Certificate, KeyPair),
        config: ConfigBuilder<ServerConfig, WantsServerCert>,
    ) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }

    fn signed(&self, name: &str, time: Time) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        if time == Time::Over {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
