//! Signing keys.

use far_capability::JwtAlgorithm;
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// A parsed signing key.
///
/// # Security
///
/// The cryptographic library stores the parsed key in heap memory. The memory is freed with this
/// value, and overwritten if the program has the [wiping allocator](far_memory::WipingAllocator).
/// A key is parsed for one signature only.
pub struct SigningKey(Key);

enum Key {
    Hs256(Hmac<Sha256>),
    Rs256(Box<rsa::KeyPair>),
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

/// An error of signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is not a key of the algorithm, or is too weak: HS256 requires 32 bytes, and RS256
    /// requires 2,048 bits.
    #[error("the secret is not a key of the algorithm")]
    InvalidKey,
    /// The algorithm failed for lack of random numbers.
    #[error("the signature failed")]
    SigningFailed,
}

impl KeyError {
    /// All errors.
    pub const ALL: [Self; 2] = [Self::InvalidKey, Self::SigningFailed];

    /// Returns the person or the system whose change removes the error.
    pub fn caused_by(self) -> &'static str {
        match self {
            Self::InvalidKey => "the person who stored the secret",
            Self::SigningFailed => "the machine",
        }
    }

    /// Returns the next step, in the words of the command line.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::InvalidKey => "store a key of the algorithm: 32 bytes or more for HS256, otherwise PEM",
            Self::SigningFailed => "check that the system call 'getrandom' is permitted",
        }
    }

    /// Returns the error's token in events.
    pub fn kind(self) -> &'static str {
        match self {
            Self::InvalidKey => "invalid-key",
            Self::SigningFailed => "signing-failed",
        }
    }
}

/// The minimum length of an HS256 key in bytes, which is the length of the hash (RFC 7518, 3.2).
const HS256_MIN_LEN: usize = 32;

impl SigningKey {
    /// Parses a secret as a key of an algorithm: the bytes themselves for HS256, otherwise PEM with
    /// PKCS #8, or with PKCS #1 for RS256.
    ///
    /// # Errors
    ///
    /// [`KeyError::InvalidKey`], by fault of the operator who stored the secret.
    pub fn parse(algorithm: JwtAlgorithm, secret: &[u8]) -> Result<Self, KeyError> {
        if algorithm == JwtAlgorithm::Hs256 {
            if secret.len() < HS256_MIN_LEN {
                return Err(KeyError::InvalidKey);
            }
            return Hmac::new_from_slice(secret).map(Key::Hs256).map(Self).map_err(|_| KeyError::InvalidKey);
        }
        let der = Der(PrivateKeyDer::from_pem_slice(secret).map_err(|_| KeyError::InvalidKey)?);
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
            // OpenSSL writes these keys without the public key, which ring then derives.
            (JwtAlgorithm::EdDsa, PrivateKeyDer::Pkcs8(der)) => {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map(Box::new).map(Key::EdDsa)
            }
            _ => return Err(KeyError::InvalidKey),
        };
        key.map(Self).map_err(|_| KeyError::InvalidKey)
    }

    /// Returns the key's algorithm.
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
                signed.map_err(|_| KeyError::SigningFailed)?;
                signature
            }
            Key::Es256(key) => {
                let signature = key.sign(&SystemRandom::new(), message).map_err(|_| KeyError::SigningFailed)?;
                signature.as_ref().to_vec()
            }
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
        };
        Ok(Zeroizing::new(signature))
    }
}

/// A DER document that is overwritten on drop.
struct Der(PrivateKeyDer<'static>);

impl Drop for Der {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
