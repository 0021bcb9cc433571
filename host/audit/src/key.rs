//! The key that signs checkpoints.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Serialize, Serializer};

use crate::head::{Head, parse_hex};

const SCHEME: &str = "ed25519:";

/// A key that signs heads. Wiped on drop.
pub(super) struct AuditKey(SigningKey);

impl AuditKey {
    /// Returns the key that a seed determines.
    pub(super) fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// Returns the public key.
    pub(super) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a head and the time `ts` of its checkpoint.
    pub(super) fn sign(&self, head: &Head, ts: &str) -> [u8; 64] {
        self.0.sign(message(head, ts).as_bytes()).to_bytes()
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditKey").finish_non_exhaustive()
    }
}

/// The key that verifies the checkpoints of a folder's audit files.
///
/// Its text is `ed25519:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Returns true if the signature is this key's signature of this head and time.
    pub(super) fn verifies(&self, head: &Head, ts: &str, signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message(head, ts).as_bytes(), &Signature::from_bytes(signature)).is_ok()
    }
}

/// The string is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an audit key is 'ed25519:' and 64 hexadecimal digits")]
pub struct PublicKeyError;

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let bytes = text.strip_prefix(SCHEME).and_then(parse_hex).ok_or(PublicKeyError)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| PublicKeyError)?;
        // A signature of a weak key is valid for several messages.
        if key.is_weak() { Err(PublicKeyError) } else { Ok(Self(key)) }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", hex::encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns the signed message. Its prefix makes a signature useless in any other protocol.
fn message(head: &Head, ts: &str) -> String {
    format!("far audit head {head} at {ts}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_binds_head_time_and_key() {
        let (key, other) = (AuditKey::from_seed([1; 32]), AuditKey::from_seed([2; 32]));
        let head = Head::of(3, b"line\n");
        let signature = key.sign(&head, "now");
        assert!(key.public().verifies(&head, "now", &signature));
        assert!(!key.public().verifies(&head, "then", &signature));
        assert!(!other.public().verifies(&head, "now", &signature));
        assert!(!key.public().verifies(&Head::of(4, b"line\n"), "now", &signature));
        assert!(!key.public().verifies(&Head::of(3, b"other\n"), "now", &signature));
    }

    #[test]
    fn public_key_parses_only_its_own_form() {
        let key = AuditKey::from_seed([1; 32]).public();
        assert_eq!(key.to_string().parse(), Ok(key));
        let weak = format!("ed25519:01{}", "0".repeat(62));
        for text in ["", "ed25519:", "ed25519:00", &key.to_string().to_uppercase(), &key.to_string()[8..], &weak] {
            assert_eq!(text.parse::<PublicKey>(), Err(PublicKeyError), "{text}");
        }
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", AuditKey::from_seed([1; 32])), "AuditKey { .. }");
    }
}
