//! A certificate authority for tests.

#![expect(clippy::unwrap_used, reason = "a failed fixture fails the test")]

use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};

/// A certificate authority with the certificates that it signs.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The validity of a certificate.
#[derive(Clone, Copy, PartialEq)]
enum Validity {
    Current,
    Expired,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Creates an authority that no client trusts yet.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Returns the authority's certificate in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Returns the configuration of a server with this name.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        Self::with_certificate(self.sign(name, Validity::Current), Self::server_config().with_no_client_auth())
    }

    /// Returns the same with an expired certificate.
    pub fn expired_server(&self, name: &str) -> Arc<ServerConfig> {
        Self::with_certificate(self.sign(name, Validity::Expired), Self::server_config().with_no_client_auth())
    }

    /// Returns the same for a server that requires a client certificate of this authority.
    pub fn mutual_server(&self, name: &str) -> Arc<ServerConfig> {
        let roots = Arc::new(self.roots());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap();
        Self::with_certificate(
            self.sign(name, Validity::Current),
            Self::server_config().with_client_cert_verifier(verifier),
        )
    }

    /// Returns a client certificate with its key in PEM, and the certificate alone in DER.
    pub fn client_identity(&self, name: &str) -> (String, Vec<u8>) {
        let (certificate, key) = self.sign(name, Validity::Current);
        (format!("{}{}", certificate.pem(), key.serialize_pem()), certificate.der().to_vec())
    }

    /// Returns a server certificate and its key in PEM.
    pub(crate) fn files(&self, name: &str) -> (String, String) {
        let (certificate, key) = self.sign(name, Validity::Current);
        (certificate.pem(), key.serialize_pem())
    }

    /// Returns the configuration of a client that trusts only this authority.
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

    fn with_certificate(
        (certificate, key): (Certificate, KeyPair),
        config: ConfigBuilder<ServerConfig, WantsServerCert>,
    ) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }

    fn sign(&self, name: &str, validity: Validity) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        if validity == Validity::Expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
