//! Keys, and what they sign with.

use far_capability::JwtAlgorithm;
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// A key, ready to sign.
///
/// # Security
///
/// What the cryptographic library makes of a private key is in its own memory, which is freed with this value, and overwritten
/// where the program has the [wiping allocator](far_memory::WipingAllocator). It is made for one signature, and not kept.
pub struct SigningKey(Key);

enum Key {
    Hs256(Hmac<Sha256>),
    Rs256(Box<rsa::KeyPair>),
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

/// Why there is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is no key of the algorithm, or one that is too weak: fewer than 32 bytes, or 2,048 bits of RSA.
    #[error("the secret is not a key of the algorithm")]
    Key,
    /// The algorithm failed, for want of random numbers.
    #[error("the signature failed")]
    Signing,
}

impl KeyError {
    /// The error's token in events.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Key => "invalid-key",
            Self::Signing => "signing-failed",
        }
    }
}

/// The shortest key of HS256, in bytes: that of its hash (RFC 7518, 3.2).
const HS256_SHORTEST: usize = 32;

impl SigningKey {
    /// Reads a secret as a key of an algorithm: the bytes themselves for HS256, otherwise PEM of PKCS #8, or of PKCS #1 for
    /// RS256.
    ///
    /// # Errors
    ///
    /// [`KeyError::Key`].
    pub fn parse(algorithm: JwtAlgorithm, secret: &[u8]) -> Result<Self, KeyError> {
        if algorithm == JwtAlgorithm::Hs256 {
            if secret.len() < HS256_SHORTEST {
                return Err(KeyError::Key);
            }
            return Hmac::new_from_slice(secret).map(Key::Hs256).map(Self).map_err(|_| KeyError::Key);
        }
        let der = Der(PrivateKeyDer::from_pem_slice(secret).map_err(|_| KeyError::Key)?);
        let key = match (algorithm, &der.0) {
            (JwtAlgorithm::Rs256, PrivateKeyDer::Pkcs8(der)) => {
                rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()).map(Box::new).map(Key::Rs256)
            }
            (JwtAlgorithm::Rs256, PrivateKeyDer::Pkcs1(der)) => {
                rsa::KeyPair::from_der(der.secret_pkcs1_der()).map(Box::new).map(Key::Rs256)
            }
            (JwtAlgorithm::Es256, PrivateKeyDer::Pkcs8(der)) => {
                let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
                EcdsaKeyPair::from_pkcs8(algorithm, der.secret_pkcs8_der(), &random).map(Box::new).map(Key::Es256)
            }
            // OpenSSL writes these keys without the public half, which is then derived, not checked.
            (JwtAlgorithm::EdDsa, PrivateKeyDer::Pkcs8(der)) => {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map(Box::new).map(Key::EdDsa)
            }
            _ => return Err(KeyError::Key),
        };
        key.map(Self).map_err(|_| KeyError::Key)
    }

    /// The algorithm that the key is of.
    pub fn algorithm(&self) -> JwtAlgorithm {
        match self.0 {
            Key::Hs256(_) => JwtAlgorithm::Hs256,
            Key::Rs256(_) => JwtAlgorithm::Rs256,
            Key::Es256(_) => JwtAlgorithm::Es256,
            Key::EdDsa(_) => JwtAlgorithm::EdDsa,
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let signature = match &self.0 {
            Key::Hs256(mac) => mac.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let signed = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
                signed.map_err(|_| KeyError::Signing)?;
                signature
            }
            Key::Es256(key) => {
                let signature = key.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Signing)?;
                signature.as_ref().to_vec()
            }
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
        };
        Ok(Zeroizing::new(signature))
    }
}

/// Overwritten when dropped.
struct Der(PrivateKeyDer<'static>);

impl Drop for Der {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
