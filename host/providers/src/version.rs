//! Versions of values that have none: a keyed hash.

use far_core::Version;
use far_core::capability::VersionError;
use far_core::memory::SecretBytes;
use hmac::{HmacReset, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Digits of the hash that a version has: 128 bits.
const DIGITS: usize = 32;

/// Makes versions under a random key of its own.
///
/// # Security
///
/// Versions are recorded and told to guests. Without the key nobody can try values against one, and two providers give
/// the same value different versions. The hash is of the kind, too: no other use of the key gives the same.
pub(crate) struct Versions {
    kind: &'static str,
    hash: HmacReset<Sha256>,
}

/// The operating system gave no random numbers.
#[derive(Debug)]
pub(crate) struct NoRandom;

impl Versions {
    /// Versions that begin with `kind`, which tells one backend's from another's.
    pub(crate) fn random(kind: &'static str) -> Result<Self, NoRandom> {
        let mut key = Zeroizing::new([0; 64]);
        getrandom::fill(&mut *key).map_err(|_| NoRandom)?;
        Ok(Self { kind, hash: HmacReset::new((&*key).into()) })
    }

    /// The version of a secret that has this value: the same for the same value, and for that only.
    pub(crate) fn of(&self, name: &str, value: &SecretBytes) -> Result<Version, VersionError> {
        // In one place, which is overwritten as it is freed, and not moved: what is not hashed yet stands in it as it is.
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

    fn version(versions: &Versions, name: &str, value: &[u8]) -> Version {
        versions.of(name, &SecretBytes::copy_of(value).unwrap()).unwrap()
    }

    #[test]
    fn a_version_is_of_one_name_and_one_value() {
        let versions = Versions::random("env").unwrap();
        let first = version(&versions, "a", b"value");
        assert_eq!(first, version(&versions, "a", b"value"));
        for (name, value) in [("a", &b"value2"[..]), ("a", b""), ("b", b"value"), ("av", b"alue"), ("", b"avalue")] {
            assert_ne!(first, version(&versions, name, value), "{name}");
        }
    }

    #[test]
    fn a_version_is_a_prefix_and_128_bits() {
        let text = version(&Versions::random("env").unwrap(), "a", b"value").to_string();
        let digits = text.strip_prefix("env-").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn another_key_gives_another_version() {
        let versions = || version(&Versions::random("env").unwrap(), "a", b"value");
        assert_ne!(versions(), versions());
    }
}
