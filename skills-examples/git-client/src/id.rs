//! Names of objects.

use std::fmt;

use serde::{Serialize, Serializer};
use sha1_checked::{Digest, Sha1};

use crate::Kind;

/// How long a SHA-1 is, in bytes.
pub const LENGTH: usize = 20;

/// The SHA-1 of an object, which is its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; LENGTH]);

impl ObjectId {
    /// The name of what has this kind and this content; none if it was made to have the name of something else as well.
    pub fn of(kind: Kind, data: &[u8]) -> Option<Self> {
        let head = format!("{} {}\0", kind.name(), data.len());
        digest(&[head.as_bytes(), data]).map(Self)
    }

    /// From 40 lower-case hexadecimal digits.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        if !text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; LENGTH];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// As it stands in packs and trees.
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// As it stands in packs and trees.
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

/// The SHA-1 of these parts together; none if they bear the marks of an attack on SHA-1, as in git itself.
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
    fn names_are_gits() {
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
    fn what_is_no_name_is_none() {
        let digits = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
        for text in ["", "e6", &digits[1..], &format!("{digits}00"), &digits.to_uppercase(), &digits.replace('e', "g")]
        {
            assert_eq!(ObjectId::from_hex(text.as_bytes()), None, "{text}");
        }
    }

    /// One of the two messages of "SHA-1 is a Shambles" (Leurent and Peyrin, 2020), which have the same SHA-1.
    #[test]
    fn a_message_that_was_made_to_collide_has_no_name() {
        let message = include_bytes!("sha-mbles-1.bin");
        assert_eq!(digest(&[message]), None);
        let (start, _) = message.split_at(128);
        assert!(digest(&[start]).is_some());
    }
}
