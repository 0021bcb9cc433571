//! Recorded forms of secret names and destinations.

use std::fmt;

use far_capability::{Destination, SecretName};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use sha2::Sha256;

/// A secret's name in a record: the name if the author or the operator wrote it, else a keyed hash
/// of the guest-supplied string.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretLabel {
    /// A name from a declaration or the catalog.
    Listed(SecretName),
    /// The first 64 bits of a hash of a guest-supplied string, under a key of this process.
    Unlisted([u8; 8]),
}

impl fmt::Display for SecretLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(name) => fmt::Display::fmt(name, f),
            Self::Unlisted(hash) => write!(f, "unlisted:{}", hex::encode(hash)),
        }
    }
}

impl fmt::Debug for SecretLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SecretLabel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A request's destination in a record: the origin of the pattern that covers it, else a keyed hash
/// of the guest-supplied host.
#[derive(Clone, PartialEq, Eq)]
pub enum DestinationLabel {
    /// The origin of a pattern: `https://api.github.com`, or `https://*.example.com`.
    Listed(String),
    /// The first 64 bits of a hash of a guest-supplied host, under a key of this process.
    Unlisted([u8; 8]),
}

impl From<&Destination> for DestinationLabel {
    fn from(destination: &Destination) -> Self {
        Self::Listed(destination.origin())
    }
}

impl fmt::Display for DestinationLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(origin) => f.write_str(origin),
            Self::Unlisted(hash) => write!(f, "unlisted:{}", hex::encode(hash)),
        }
    }
}

impl fmt::Debug for DestinationLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DestinationLabel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A factory of labels. Equal strings have equal labels within one process only.
pub struct Labels {
    keyed: Hmac<Sha256>,
}

impl Labels {
    /// Creates a factory with a random key.
    ///
    /// # Errors
    ///
    /// The operating system's random source failed.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0_u8; 64];
        getrandom::fill(&mut key)?;
        Ok(Self { keyed: Hmac::new(&key.into()) })
    }

    /// Returns the label of a guest-supplied secret name.
    pub fn unlisted(&self, text: &str) -> SecretLabel {
        SecretLabel::Unlisted(self.hash(text))
    }

    /// Returns the label of a guest-supplied host.
    pub fn unlisted_host(&self, host: &str) -> DestinationLabel {
        DestinationLabel::Unlisted(self.hash(host))
    }

    fn hash(&self, text: &str) -> [u8; 8] {
        let mut keyed = self.keyed.clone();
        keyed.update(text.as_bytes());
        let mut label = [0_u8; 8];
        label.iter_mut().zip(keyed.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        label
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labels").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_name_is_recorded_as_keyed_hash() {
        let (one, other) = (Labels::new().unwrap(), Labels::new().unwrap());
        let label = one.unlisted("s3cr3t-value-as-a-name");
        assert_eq!(label, one.unlisted("s3cr3t-value-as-a-name"));
        assert_ne!(label, one.unlisted("another"));
        assert_ne!(label, other.unlisted("s3cr3t-value-as-a-name"));
        assert!(!label.to_string().contains("s3cr3t"));
        assert_eq!(label.to_string().len(), "unlisted:".len() + 16);
    }
}
