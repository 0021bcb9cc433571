//! A pack: objects, with their number before them and a digest of it all behind.

use sha1::{Digest, Sha1};

const DIGEST: usize = 20;

/// A pack that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pack {
    /// How many objects it has.
    pub(crate) objects: u32,
    /// How long it is.
    pub(crate) bytes: usize,
}

impl Pack {
    /// Checks a pack of version 2 against the digest at its end.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, far_skill::Error> {
        let end = bytes.len().checked_sub(DIGEST).ok_or("the pack is cut")?;
        let (pack, digest) = bytes.split_at_checked(end).ok_or("the pack is cut")?;
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2, a, b, c, d, ..] = *pack else {
            return Err("what was sent is no pack of version 2".into());
        };
        if Sha1::digest(pack).as_slice() != digest {
            return Err(format!("the pack is not what its digest {} says", hex::encode(digest)).into());
        }
        Ok(Self { objects: u32::from_be_bytes([a, b, c, d]), bytes: bytes.len() })
    }
}
