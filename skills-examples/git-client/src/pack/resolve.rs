//! Resolves entries to objects: applies each delta once its base is known, anywhere in the pack.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::entry::Body;
use super::{Error, delta};
use crate::{Object, ObjectId};

/// An inflated entry.
pub(super) struct Entry {
    /// The offset in the pack.
    pub(super) offset: usize,
    pub(super) body: Body,
    pub(super) data: Vec<u8>,
}

/// Resolves all entries to objects, by id.
pub(super) fn all(entries: Vec<Entry>, chain: u32, budget: &mut Budget) -> Result<BTreeMap<ObjectId, Object>, Error> {
    let mut pending = PendingDeltas::default();
    let mut resolved = Vec::new();
    let mut unresolved = entries.len();
    for Entry { offset, body, data } in entries {
        match body {
            Body::Whole(kind) => resolved.push(ResolvedObject { offset, object: Object { kind, data }, depth: 0 }),
            Body::OffsetDelta(base) => pending.by_offset.entry(base).or_default().push(Delta { offset, data }),
            Body::RefDelta(base) => pending.by_id.entry(base).or_default().push(Delta { offset, data }),
        }
    }
    let mut objects = BTreeMap::new();
    // A list in place of recursion: the server controls the depth, and the stack is small.
    while let Some(ResolvedObject { offset, object, depth }) = resolved.pop() {
        unresolved -= 1;
        let id = ObjectId::of(object.kind, &object.data).ok_or(Error::Collision)?;
        for pending_delta in pending.take(offset, &id) {
            if depth == chain {
                return Err(Error::TooDeep(chain));
            }
            let data = delta::apply(&object.data, &pending_delta.data, budget)?;
            let object = Object { kind: object.kind, data };
            resolved.push(ResolvedObject { offset: pending_delta.offset, object, depth: depth + 1 });
        }
        objects.insert(id, object);
    }
    // The remaining deltas wait for a missing object or for themselves.
    if unresolved == 0 { Ok(objects) } else { Err(Error::Base) }
}

/// An object in full.
struct ResolvedObject {
    offset: usize,
    object: Object,
    /// The number of deltas in its chain.
    depth: u32,
}

struct Delta {
    offset: usize,
    data: Vec<u8>,
}

/// Deltas without a known base, by the base's offset or id.
#[derive(Default)]
struct PendingDeltas {
    by_offset: BTreeMap<usize, Vec<Delta>>,
    by_id: BTreeMap<ObjectId, Vec<Delta>>,
}

impl PendingDeltas {
    /// Takes the deltas of this base.
    fn take(&mut self, offset: usize, id: &ObjectId) -> impl Iterator<Item = Delta> + use<> {
        let [by_offset, by_id] = [self.by_offset.remove(&offset), self.by_id.remove(id)].map(Option::unwrap_or_default);
        by_offset.into_iter().chain(by_id)
    }
}
