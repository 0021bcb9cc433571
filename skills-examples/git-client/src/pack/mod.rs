//! A pack: a count, objects, and a digest of everything.

mod budget;
mod delta;
mod entry;
mod inflate;
mod resolve;
mod write;

use std::collections::BTreeMap;

pub use self::write::write;

use self::budget::Budget;
use self::entry::Body;
use self::inflate::Inflater;
use self::resolve::Entry;
use crate::id::{self, LENGTH};
use crate::{Object, ObjectId};

/// The objects of a pack.
pub struct Pack {
    objects: BTreeMap<ObjectId, Object>,
    deltas: usize,
}

/// Limits of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The number of objects. 50,000 by default, which need about 10 MiB of bookkeeping.
    pub objects: u32,
    /// The inflated size of all objects and deltas, in bytes. 24 MiB by default: together with a
    /// pack of 10 MiB and the response that contains it, this fits into a skill's memory.
    pub bytes: usize,
    /// The length of a chain of deltas. 256 by default; git creates chains of up to 50, and of 250
    /// with `--aggressive`.
    pub chain: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { objects: 50_000, bytes: 24 << 20, chain: 256 }
    }
}

/// An invalid pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pack is truncated.
    #[error("the pack is truncated")]
    Truncated,
    /// The data is not a pack.
    #[error("the data is not a pack of version 2")]
    NotAPack,
    /// The pack does not match its digest.
    #[error("the pack does not match its digest")]
    Digest,
    /// An object or the pack is an attempted SHA-1 collision.
    #[error("the pack contains an attempted SHA-1 collision")]
    Collision,
    /// The pack exceeds [`Limits::objects`].
    #[error("the pack has too many objects: {0}")]
    TooManyObjects(u32),
    /// The pack exceeds [`Limits::bytes`].
    #[error("the pack's objects are too large")]
    TooLarge,
    /// The pack exceeds [`Limits::chain`].
    #[error("the pack has a chain of more than {0} deltas")]
    TooDeep(u32),
    /// An entry has an unknown kind or an endless number.
    #[error("the pack has a malformed entry")]
    Entry,
    /// An object's data is not valid zlib.
    #[error("the pack has an object that cannot be inflated")]
    Zlib,
    /// An object's size differs from its header.
    #[error("the pack has an object whose size differs from its header")]
    Size,
    /// A delta copies from outside its base, or its result has another size.
    #[error("the pack has a malformed delta")]
    Delta,
    /// A delta's base is not in the pack, or depends on the delta.
    #[error("the pack has a delta without its base")]
    Base,
    /// Data follows the last object.
    #[error("the pack has data after its objects")]
    Trailing,
}

impl From<Error> for far_skill::Error {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

impl Pack {
    /// Reads all objects of a self-contained pack of version 2.
    ///
    /// # Errors
    ///
    /// [`Error`] if the pack is invalid, which the server caused, or exceeds the limits.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, Error> {
        let end = bytes.len().checked_sub(LENGTH).ok_or(Error::Truncated)?;
        let (pack, expected) = bytes.split_at_checked(end).ok_or(Error::Truncated)?;
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2, a, b, c, d, entries @ ..] = pack else {
            return Err(Error::NotAPack);
        };
        if id::digest(&[pack]).ok_or(Error::Collision)? != expected {
            return Err(Error::Digest);
        }
        let count = u32::from_be_bytes([*a, *b, *c, *d]);
        if count > limits.objects {
            return Err(Error::TooManyObjects(count));
        }
        let mut budget = Budget::new(limits.bytes);
        let entries = read_entries(entries, count, &mut budget)?;
        let deltas = entries.iter().filter(|entry| !matches!(entry.body, Body::Whole(_))).count();
        Ok(Self { objects: resolve::all(entries, limits.chain, &mut budget)?, deltas })
    }

    /// Returns the object with this id.
    pub fn object(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id)
    }

    /// Returns the number of distinct objects.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns true if the pack has no objects.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns the number of objects that were sent as deltas.
    pub fn deltas(&self) -> usize {
        self.deltas
    }
}

fn read_entries(bytes: &[u8], count: u32, budget: &mut Budget) -> Result<Vec<Entry>, Error> {
    let mut inflater = Inflater::default();
    // Not preallocated, because a false count costs the server nothing.
    let mut entries = Vec::new();
    let mut rest = bytes;
    for _ in 0..count {
        let offset = bytes.len() - rest.len();
        let (header, data) = entry::header(rest)?;
        let size = budget.take(header.size)?;
        let (data, after) = inflater.inflate(data, size)?;
        entries.push(Entry { offset, body: header.form.resolve(offset)?, data });
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(Error::Trailing) }
}

#[cfg(test)]
mod tests;
