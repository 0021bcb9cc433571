//! Object ids.

use std::fmt;

use serde::{Serialize, Serializer};
use sha1_checked::{Digest, Sha1};

use crate::Kind;

/// The length of a SHA-1, in bytes.
pub const LENGTH: usize = 20;

/// The id of an object: its SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; LENGTH]);

impl ObjectId {
    /// Returns the id of an object, or `None` if the object is an attempted SHA-1 collision.
    pub fn of(kind: Kind, data: &[u8]) -> Option<Self> {
        let head = format!("{} {}\0", kind.name(), data.len());
        digest(&[head.as_bytes(), data]).map(Self)
    }

    /// Parses 40 lower-case hexadecimal digits.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        if !text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; LENGTH];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Creates an id from its binary form in packs and trees.
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// Returns the binary form in packs and trees.
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns the SHA-1 of the concatenated parts, or `None` if they bear the marks of a collision
/// attack, as in git itself.
pub(crate) fn digest(parts: &[&[u8]]) -> Option<[u8; LENGTH]> {
    let mut sha1 = Sha1::new();
    for part in parts {
        sha1.update(part);
    }
    let result = sha1.try_finalize();
    (!result.has_collision()).then(|| (*result.hash()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_git() {
        let names = [
            (Kind::Blob, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
            (Kind::Tree, "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
        ];
        for (kind, name) in names {
            assert_eq!(ObjectId::of(kind, b"").unwrap().to_string(), name);
            assert_eq!(ObjectId::from_hex(name.as_bytes()), ObjectId::of(kind, b""));
        }
    }

    #[test]
    fn invalid_hex_is_none() {
        let digits = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
        for text in ["", "e6", &digits[1..], &format!("{digits}00"), &digits.to_uppercase(), &digits.replace('e', "g")]
        {
            assert_eq!(ObjectId::from_hex(text.as_bytes()), None, "{text}");
        }
    }

    /// One of the two colliding messages of "SHA-1 is a Shambles" (Leurent and Peyrin, 2020).
    #[test]
    fn colliding_message_has_no_id() {
        let message = include_bytes!("sha-mbles-1.bin");
        assert_eq!(digest(&[message]), None);
        let (start, _) = message.split_at(128);
        assert!(digest(&[start]).is_some());
    }
}
