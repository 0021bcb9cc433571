//! Versions of values that have none: a keyed hash.

use far_core::Version;
use far_core::memory::SecretBytes;
use far_core::version::VersionError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::DotEnvError;

/// What the hash is of, so that no other use of the key gives the same.
const DOMAIN: &[u8] = b"far .env version 1";

/// Digits of the hash that a version has: 128 bits.
const DIGITS: usize = 32;

/// Makes versions under a random key of its own.
///
/// # Security
///
/// Versions are recorded and told to guests. Without the key nobody can try values against one, and two providers give
/// the same value different versions.
pub(super) struct Versions(Hmac<Sha256>);

impl Versions {
    pub(super) fn random() -> Result<Self, DotEnvError> {
        let mut key = Zeroizing::new([0; 64]);
        getrandom::fill(&mut *key).map_err(|_| DotEnvError::Random)?;
        Ok(Self(Hmac::new((&*key).into())))
    }

    /// The version of a secret that has this value: the same for the same value, and for that only.
    pub(super) fn of(&self, name: &str, value: &SecretBytes) -> Result<Version, VersionError> {
        let mut hash = self.0.clone();
        for part in [DOMAIN, name.as_bytes(), value.expose()] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut digits = hex::encode(hash.finalize().into_bytes());
        digits.truncate(DIGITS);
        Version::parse(&format!("env-{digits}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(versions: &Versions, name: &str, value: &[u8]) -> Version {
        versions.of(name, &SecretBytes::copy_of(value).unwrap()).unwrap()
    }

    #[test]
    fn a_version_is_of_one_name_and_one_value() {
        let versions = Versions::random().unwrap();
        let first = version(&versions, "a", b"value");
        assert_eq!(first, version(&versions, "a", b"value"));
        for (name, value) in [("a", &b"value2"[..]), ("a", b""), ("b", b"value"), ("av", b"alue"), ("", b"avalue")] {
            assert_ne!(first, version(&versions, name, value), "{name}");
        }
    }

    #[test]
    fn a_version_is_a_prefix_and_128_bits() {
        let text = version(&Versions::random().unwrap(), "a", b"value").to_string();
        let digits = text.strip_prefix("env-").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn another_key_gives_another_version() {
        let versions = || version(&Versions::random().unwrap(), "a", b"value");
        assert_ne!(versions(), versions());
    }
}
