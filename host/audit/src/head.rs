//! Heads of chains.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The head of a chain: the number and the SHA-256 of its last line, line feed included.
///
/// Its text is `LINE:HASH`. A head that was saved elsewhere proves every line up to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub(crate) line: u64,
    pub(crate) hash: [u8; 32],
}

impl Head {
    /// The head of an empty chain.
    pub(crate) const START: Self = Self { line: 0, hash: [0; 32] };

    /// Returns the number of the last line; 0 for an empty chain.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Returns the head at a line with this number and these bytes.
    pub(crate) fn of(line: u64, bytes: &[u8]) -> Self {
        Self { line, hash: Sha256::digest(bytes).into() }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, hex::encode(self.hash))
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Head {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The string is not `LINE:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is LINE:HASH, the number of a line and 64 hexadecimal digits")]
pub struct HeadError;

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (line, hash) = text.split_once(':').ok_or(HeadError)?;
        let line = line.parse().map_err(|_| HeadError)?;
        Ok(Self { line, hash: parse_hex(hash).ok_or(HeadError)? })
    }
}

/// Decodes exactly N bytes from lowercase hexadecimal digits.
pub(super) fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    // With one spelling only, equal strings mean equal bytes.
    (!text.bytes().any(|digit| digit.is_ascii_uppercase())).then_some(bytes)
}
