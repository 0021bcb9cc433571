//! Heads of chains of lines.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Where a chain of lines stands: how many it has, and the SHA-256 of the last one, its line end included. Written
/// `LINE:HASH`; one that was kept elsewhere proves every line up to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub(crate) line: u64,
    pub(crate) hash: [u8; 32],
}

impl Head {
    /// The head of a file that has no lines.
    pub(crate) const START: Self = Self { line: 0, hash: [0; 32] };

    /// The number of the last line; 0 if there is none.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The head of a line of this number, given all of its bytes.
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

/// A text is not `LINE:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is LINE:HASH, the number of a line and 64 hexadecimal digits")]
pub struct HeadError;

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (line, hash) = text.split_once(':').ok_or(HeadError)?;
        let line = line.parse().map_err(|_| HeadError)?;
        Ok(Self { line, hash: digits(hash).ok_or(HeadError)? })
    }
}

/// Bytes from exactly as many hexadecimal digits in lower case.
pub(super) fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    // One spelling only, so that comparing texts and comparing bytes agree.
    (!text.bytes().any(|digit| digit.is_ascii_uppercase())).then_some(bytes)
}
