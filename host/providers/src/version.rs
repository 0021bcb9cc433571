//! Versions for backends without their own: a keyed hash of the value.

use far_core::Version;
use far_core::capability::VersionError;
use far_core::memory::SecretBytes;
use hmac::{HmacReset, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Hex digits of the hash in a version: 128 bits.
const DIGITS: usize = 32;

/// Computes versions with a random key.
///
/// # Security
///
/// Versions appear in the audit log and are visible to guests. Without the key, a version cannot be
/// used to test guesses at the value. Two providers compute different versions of the same value.
pub(crate) struct VersionHasher {
    kind: &'static str,
    hash: HmacReset<Sha256>,
}

/// The operating system returned no random bytes.
#[derive(Debug)]
pub(crate) struct RandomError;

impl VersionHasher {
    /// Creates a hasher whose versions begin with `kind`, the backend's prefix.
    pub(crate) fn random(kind: &'static str) -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; 64]);
        getrandom::fill(&mut *key).map_err(|_| RandomError)?;
        Ok(Self { kind, hash: HmacReset::new((&*key).into()) })
    }

    /// Returns the version of a secret with this value: equal for equal values, different
    /// otherwise.
    pub(crate) fn version_of(&self, name: &str, value: &SecretBytes) -> Result<Version, VersionError> {
        // The hash state buffers plain bytes of the value. The box is zeroed when it is freed, and
        // never moved.
        let mut hash = Box::new(self.hash.clone());
        for part in [self.kind.as_bytes(), name.as_bytes(), value.expose()] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut digits = hex::encode(hash.finalize_reset().into_bytes());
        digits.truncate(DIGITS);
        Version::parse(&format!("{}-{digits}", self.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(versions: &VersionHasher, name: &str, value: &[u8]) -> Version {
        versions.version_of(name, &SecretBytes::copy_of(value).unwrap()).unwrap()
    }

    #[test]
    fn version_depends_on_name_and_value() {
        let versions = VersionHasher::random("env").unwrap();
        let first = version(&versions, "a", b"value");
        assert_eq!(first, version(&versions, "a", b"value"));
        for (name, value) in [("a", &b"value2"[..]), ("a", b""), ("b", b"value"), ("av", b"alue"), ("", b"avalue")] {
            assert_ne!(first, version(&versions, name, value), "{name}");
        }
    }

    #[test]
    fn version_is_prefix_and_128_bits() {
        let text = version(&VersionHasher::random("env").unwrap(), "a", b"value").to_string();
        let digits = text.strip_prefix("env-").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn other_key_gives_other_version() {
        let versions = || version(&VersionHasher::random("env").unwrap(), "a", b"value");
        assert_ne!(versions(), versions());
    }
}
