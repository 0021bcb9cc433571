//! A pack: objects, with their number before them and a digest of it all behind.

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

/// What is in a pack.
pub struct Pack {
    objects: BTreeMap<ObjectId, Object>,
    deltas: usize,
}

/// How much a pack may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Objects. 50,000 by default, of which the bookkeeping is some 10 MiB.
    pub objects: u32,
    /// All objects together, and what deltas say, unfolded, in bytes. 24 MiB by default: beside a pack of 10 MiB, and the answer
    /// that it came in, this fits into the memory that a skill has.
    pub bytes: usize,
    /// Deltas on deltas. 256 by default; git makes 50, and 250 when it takes its time.
    pub chain: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { objects: 50_000, bytes: 24 << 20, chain: 256 }
    }
}

/// What is wrong with a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It ends too early.
    #[error("the pack is cut")]
    Cut,
    /// It is something else.
    #[error("what was sent is no pack of version 2")]
    NotAPack,
    /// Bytes were changed on the way.
    #[error("the pack is not what its digest says")]
    Digest,
    /// An object, or the pack, was made to have the SHA-1 of another.
    #[error("the pack has what was made to break SHA-1")]
    Collision,
    /// Beyond [`Limits::objects`].
    #[error("the pack has {0} objects, which are too many")]
    TooManyObjects(u32),
    /// Beyond [`Limits::bytes`].
    #[error("the pack's objects are too large")]
    TooLarge,
    /// Beyond [`Limits::chain`].
    #[error("the pack has deltas on more than {0} deltas")]
    TooDeep(u32),
    /// A kind that there is not, or a number without an end.
    #[error("the pack has a malformed entry")]
    Entry,
    /// Not what zlib writes.
    #[error("the pack has an object that cannot be inflated")]
    Zlib,
    /// An object is not as long as the pack says.
    #[error("the pack has an object of another size than it says")]
    Size,
    /// A delta copies what is not there, or makes something of another size than it says.
    #[error("the pack has a malformed delta")]
    Delta,
    /// A delta's base is not in the pack, or depends on the delta.
    #[error("the pack has a delta without its base")]
    Base,
    /// Something follows the last object.
    #[error("the pack has more than its objects")]
    Trailing,
}

impl From<Error> for far_skill::Error {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

impl Pack {
    /// Reads all objects of a pack of version 2 that depends on nothing outside it.
    ///
    /// # Errors
    ///
    /// [`Error`]: whoever made the pack caused it, or it is larger than the limits.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, Error> {
        let end = bytes.len().checked_sub(LENGTH).ok_or(Error::Cut)?;
        let (pack, expected) = bytes.split_at_checked(end).ok_or(Error::Cut)?;
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

    /// The object of this name.
    pub fn object(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id)
    }

    /// How many different objects it has.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many of the objects were sent as what changed of others.
    pub fn deltas(&self) -> usize {
        self.deltas
    }
}

fn read_entries(bytes: &[u8], count: u32, budget: &mut Budget) -> Result<Vec<Entry>, Error> {
    let mut inflater = Inflater::default();
    // Not as many as are said to come: saying so costs nothing.
    let mut entries = Vec::new();
    let mut rest = bytes;
    for _ in 0..count {
        let offset = bytes.len() - rest.len();
        let (header, data) = entry::header(rest)?;
        let size = budget.take(header.size)?;
        let (data, after) = inflater.inflate(data, size)?;
        entries.push(Entry { offset, body: header.form.with(offset)?, data });
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(Error::Trailing) }
}

#[cfg(test)]
mod tests;
