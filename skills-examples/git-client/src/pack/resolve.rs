//! From entries to objects: each delta is applied as soon as its base is known, wherever in the pack the base stands.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::entry::Body;
use super::{Error, delta};
use crate::{Object, ObjectId};

/// An entry, inflated.
pub(super) struct Entry {
    /// Where in the pack it begins.
    pub(super) offset: usize,
    pub(super) body: Body,
    pub(super) data: Vec<u8>,
}

/// The objects of all entries, by their names.
pub(super) fn all(entries: Vec<Entry>, chain: u32, budget: &mut Budget) -> Result<BTreeMap<ObjectId, Object>, Error> {
    let mut waiting = Waiting::default();
    let mut known = Vec::new();
    let mut unresolved = entries.len();
    for Entry { offset, body, data } in entries {
        match body {
            Body::Whole(kind) => known.push(Known { offset, object: Object { kind, data }, depth: 0 }),
            Body::At(base) => waiting.at.entry(base).or_default().push(Delta { offset, data }),
            Body::Named(base) => waiting.named.entry(base).or_default().push(Delta { offset, data }),
        }
    }
    let mut objects = BTreeMap::new();
    // A list and not a recursion: how deep it goes is for the pack to say, and the stack is the skill's.
    while let Some(Known { offset, object, depth }) = known.pop() {
        unresolved -= 1;
        let id = ObjectId::of(object.kind, &object.data).ok_or(Error::Collision)?;
        for of in waiting.take(offset, &id) {
            if depth == chain {
                return Err(Error::TooDeep(chain));
            }
            let data = delta::apply(&object.data, &of.data, budget)?;
            let object = Object { kind: object.kind, data };
            known.push(Known { offset: of.offset, object, depth: depth + 1 });
        }
        objects.insert(id, object);
    }
    // What still waits does so for an object that is not there, or for itself.
    if unresolved == 0 { Ok(objects) } else { Err(Error::Base) }
}

/// An object that no delta is needed for any more.
struct Known {
    offset: usize,
    object: Object,
    /// How many deltas it was made by.
    depth: u32,
}

struct Delta {
    offset: usize,
    data: Vec<u8>,
}

/// Deltas whose base is not known, by what they say of it.
#[derive(Default)]
struct Waiting {
    at: BTreeMap<usize, Vec<Delta>>,
    named: BTreeMap<ObjectId, Vec<Delta>>,
}

impl Waiting {
    /// Those whose base this is.
    fn take(&mut self, offset: usize, id: &ObjectId) -> impl Iterator<Item = Delta> + use<> {
        let [at, named] = [self.at.remove(&offset), self.named.remove(id)].map(Option::unwrap_or_default);
        at.into_iter().chain(named)
    }
}
