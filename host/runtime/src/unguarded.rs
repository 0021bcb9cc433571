//! What the host would be without some of its guards: for `cargo xtask attacks --mutate` alone.
//!
//! These are no rules that could be left out: there is no code in the host that would take any certificate, or put a guest's
//! words into a record. Nothing of this is in any other build.

use std::sync::Arc;

use far_core::pal::Reason;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::task::End;

/// TLS that believes every server: without the guard `server-certificate`.
pub(crate) fn believing(mut tls: ClientConfig) -> ClientConfig {
    let anybody = Anybody(tls.crypto_provider().clone());
    tls.dangerous().set_certificate_verifier(Arc::new(anybody));
    tls
}

/// What a guest said, as a token: without the guard `no-words`.
pub(crate) fn words(end: &End) -> Reason {
    match end {
        End::SkillError(text) => Reason::Token(text.clone().leak()),
        other => Reason::Token(other.outcome().as_str()),
    }
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
