//! How a secret's name is recorded, and where a request goes.

use std::fmt;

use far_capability::{Destination, SecretName};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use sha2::Sha256;

/// A secret's name as it may be recorded: the name if the author or the operator wrote it, a keyed hash if only a guest
/// did.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretLabel {
    /// A name from a declaration or the catalog.
    Listed(SecretName),
    /// A text that a guest chose: the first 64 bits of a hash with a key that lives as long as the process.
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

/// Where a request goes, as it may be recorded: of the pattern that covers it, which author and operator know, the origin; a
/// keyed hash if only a guest chose it.
#[derive(Clone, PartialEq, Eq)]
pub enum DestinationLabel {
    /// `https://api.github.com`, or `https://*.example.com` where the pattern has a wildcard.
    Listed(String),
    /// A host that a guest chose: the first 64 bits of a hash with a key that lives as long as the process.
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

/// Makes labels. Equal texts have equal labels within one process, and cannot be compared across two.
pub struct Labels {
    keyed: Hmac<Sha256>,
}

impl Labels {
    /// Labels with a new random key.
    ///
    /// # Errors
    ///
    /// The operating system's random source failed.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0_u8; 64];
        getrandom::fill(&mut key)?;
        Ok(Self { keyed: Hmac::new(&key.into()) })
    }

    /// The label of a text that nobody but a guest wrote.
    pub fn unlisted(&self, text: &str) -> SecretLabel {
        SecretLabel::Unlisted(self.hash(text))
    }

    /// The label of a host that nobody but a guest chose.
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
    fn a_guests_text_is_recorded_as_a_hash_of_this_process() {
        let (one, other) = (Labels::new().unwrap(), Labels::new().unwrap());
        let label = one.unlisted("s3cr3t-value-as-a-name");
        assert_eq!(label, one.unlisted("s3cr3t-value-as-a-name"));
        assert_ne!(label, one.unlisted("another"));
        assert_ne!(label, other.unlisted("s3cr3t-value-as-a-name"));
        assert!(!label.to_string().contains("s3cr3t"));
        assert_eq!(label.to_string().len(), "unlisted:".len() + 16);
    }
}
