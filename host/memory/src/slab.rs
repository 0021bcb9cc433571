#![expect(unsafe_code, reason = "slots are parts of pages that are known by their address")]
//! Locked memory in small parts.
//!
//! A process may lock few pages, and most values are short: so pages are taken in chunks, and values get runs of granules
//! in them, first fit. Chunks are kept once they are there; their number is limited by the budget.

use std::ptr::NonNull;
use std::slice;
use std::sync::LazyLock;

use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit};
use zeroize::Zeroize;

use crate::pages::{Backing, PAGES, Pages};
use crate::runs::Runs;

/// How much is taken from the kernel at a time, where the budget has as much left.
const CHUNK: usize = 4 * PAGES;
/// What slots begin at multiples of, and take multiples of: no two values are in one line of the processor's cache.
const GRANULE: usize = 64;
/// The largest budget, whatever the operator allows.
const MOST: usize = 64 * 1024 * 1024;

/// Locked memory up to a budget, given out in slots.
pub(super) struct Slab {
    backing: Backing,
    /// In bytes, a multiple of [`PAGES`].
    budget: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Only ever grows: a slot knows its chunk by its place.
    chunks: Vec<Chunk>,
    used: usize,
}

struct Chunk {
    pages: Pages,
    runs: Runs,
}

/// The budget is used up, or the kernel gave no more pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfLockedMemory;

/// A part of a slab that is one holder's. Overwritten when dropped.
pub(super) struct Slot<'s> {
    slab: &'s Slab,
    start: NonNull<u8>,
    len: usize,
    /// Where it is: the chunk, the first granule, and how many.
    place: (usize, usize, usize),
}

/// How much locked memory there is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// By values that are alive, in whole granules.
    pub used: usize,
    /// Taken from the kernel so far.
    pub locked: usize,
    /// The most that is taken: the process's `RLIMIT_MEMLOCK` when the first value was made, and 64 MiB at most.
    pub budget: usize,
}

/// What backs values in this process. Stays what it is.
pub fn backing() -> Backing {
    slab().backing
}

/// How much locked memory this process uses.
pub fn usage() -> Usage {
    slab().usage()
}

/// The process's slab.
pub(super) fn slab() -> &'static Slab {
    static SLAB: LazyLock<Slab> = LazyLock::new(|| {
        let allowed = getrlimit(Resource::Memlock).current;
        let allowed = allowed.map_or(MOST, |bytes| usize::try_from(bytes).unwrap_or(MOST));
        Slab::new(Backing::best(), allowed)
    });
    &SLAB
}

impl Slab {
    /// A slab that takes no pages yet.
    pub(super) fn new(backing: Backing, budget: usize) -> Self {
        let budget = budget.min(MOST);
        Self { backing, budget: budget - budget % PAGES, state: Mutex::default() }
    }

    /// A slot of so many zeroes.
    pub(super) fn allocate(&self, len: usize) -> Result<Slot<'_>, OutOfLockedMemory> {
        let count = len.div_ceil(GRANULE);
        if count == 0 {
            return Ok(Slot { slab: self, start: NonNull::dangling(), len, place: (0, 0, 0) });
        }
        let mut state = self.state.lock();
        let (chunk, first, start) = match state.take(count) {
            Some(taken) => taken,
            None => {
                self.grow(&mut state, count * GRANULE)?;
                state.take(count).ok_or(OutOfLockedMemory)?
            }
        };
        state.used += count * GRANULE;
        Ok(Slot { slab: self, start, len, place: (chunk, first, count) })
    }

    fn usage(&self) -> Usage {
        let state = self.state.lock();
        Usage { used: state.used, locked: state.locked(), budget: self.budget }
    }

    fn grow(&self, state: &mut State, needed: usize) -> Result<(), OutOfLockedMemory> {
        let left = self.budget.saturating_sub(state.locked());
        let size = CHUNK.max(needed.next_multiple_of(PAGES)).min(left);
        if size < needed {
            return Err(OutOfLockedMemory);
        }
        let pages = Pages::map(self.backing, size).map_err(|_| OutOfLockedMemory)?;
        state.chunks.push(Chunk { runs: Runs::new(pages.len() / GRANULE), pages });
        Ok(())
    }
}

impl State {
    fn locked(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.pages.len()).sum()
    }

    /// Takes the first run that is free: its chunk, its first granule, and its address.
    fn take(&mut self, count: usize) -> Option<(usize, usize, NonNull<u8>)> {
        self.chunks.iter_mut().enumerate().find_map(|(index, chunk)| {
            let first = chunk.runs.take(count)?;
            // SAFETY: the granule is one of the chunk's, so the offset is within the pages, which are one mapping.
            let start = unsafe { chunk.pages.start().add(first * GRANULE) };
            Some((index, first, start))
        })
    }
}

impl Slot<'_> {
    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the address is that of a run of at least `len` bytes in pages that live as long as the slab, which this
        // slot borrows; the run is no other slot's. The kernel gave the pages as zeroes, so all is initialised. For a
        // length of zero the address is dangling, which a slice of no bytes may be.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The bytes, to be written.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; and this borrows the slot for itself alone.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// How much of the slab it takes.
    pub(super) fn footprint(&self) -> usize {
        self.place.2 * GRANULE
    }
}

// SAFETY: a slot is the only one with a way to its bytes, which are the same for every thread.
unsafe impl Send for Slot<'_> {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Slot<'_> {}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let (chunk, first, count) = self.place;
        if count == 0 {
            return;
        }
        // While the run is still this slot's: nobody gets it before it is zeroes again.
        self.bytes_mut().zeroize();
        let mut state = self.slab.state.lock();
        debug_assert!(self.bytes().iter().all(|byte| *byte == 0), "what is given back is zeroes already");
        state.used -= count * GRANULE;
        if let Some(chunk) = state.chunks.get_mut(chunk) {
            chunk.runs.give_back(first, count);
        }
    }
}

#[cfg(test)]
mod tests;
