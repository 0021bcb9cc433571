#![expect(unsafe_code, reason = "slots are addresses within mapped pages")]
//! A slab allocator for locked memory.
//!
//! A process may lock few pages, and most values are short. So the slab maps pages in chunks, and
//! values occupy runs of granules in them, first fit. Chunks are never unmapped; the budget limits
//! their number.

use std::ptr::NonNull;
use std::slice;
use std::sync::LazyLock;

use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit};
use zeroize::Zeroize;

use crate::bitmap::Bitmap;
use crate::pages::{Backing, PAGES, Pages};

/// The size of a chunk, in bytes, if the budget allows it.
const CHUNK: usize = 4 * PAGES;
/// The alignment and the unit of a slot, in bytes. No two values share a cache line.
const GRANULE: usize = 64;
/// The largest budget, in bytes, whatever the operating system allows.
const BUDGET_MAX: usize = 64 * 1024 * 1024;

/// Locked memory up to a budget, allocated in slots.
pub(super) struct Slab {
    backing: Backing,
    /// In bytes, a multiple of [`PAGES`].
    budget: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Grows only: a slot refers to its chunk by index.
    chunks: Vec<Chunk>,
    used: usize,
}

struct Chunk {
    pages: Pages,
    bitmap: Bitmap,
}

/// The budget is used up, or the kernel provides no more pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfLockedMemory;

/// An exclusive part of a slab. Overwritten on drop.
pub(super) struct Slot<'s> {
    slab: &'s Slab,
    start: NonNull<u8>,
    len: usize,
    /// The chunk, the first granule, and the number of granules.
    location: (usize, usize, usize),
}

/// Locked memory of this process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in use by live values, in whole granules.
    pub used: usize,
    /// Bytes that are mapped so far.
    pub locked: usize,
    /// The most bytes that are mapped: the `RLIMIT_MEMLOCK` of the process when the first value is
    /// allocated, at most 64 MiB.
    pub budget: usize,
}

/// Returns the backing of values in this process, which never changes.
pub fn backing() -> Backing {
    slab().backing
}

/// Returns the locked memory that this process uses.
pub fn usage() -> Usage {
    slab().usage()
}

/// Returns the slab of the process.
pub(super) fn slab() -> &'static Slab {
    static SLAB: LazyLock<Slab> = LazyLock::new(|| {
        let allowed = getrlimit(Resource::Memlock).current;
        let allowed = allowed.map_or(BUDGET_MAX, |bytes| usize::try_from(bytes).unwrap_or(BUDGET_MAX));
        Slab::new(Backing::best(), allowed)
    });
    &SLAB
}

impl Slab {
    /// Creates a slab, which maps no pages yet.
    pub(super) fn new(backing: Backing, budget: usize) -> Self {
        let budget = budget.min(BUDGET_MAX);
        Self { backing, budget: budget - budget % PAGES, state: Mutex::default() }
    }

    /// Allocates a slot of `len` zero bytes.
    pub(super) fn allocate(&self, len: usize) -> Result<Slot<'_>, OutOfLockedMemory> {
        let count = len.div_ceil(GRANULE);
        if count == 0 {
            return Ok(Slot { slab: self, start: NonNull::dangling(), len, location: (0, 0, 0) });
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
        Ok(Slot { slab: self, start, len, location: (chunk, first, count) })
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
        state.chunks.push(Chunk { bitmap: Bitmap::new(pages.len() / GRANULE), pages });
        Ok(())
    }
}

impl State {
    fn locked(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.pages.len()).sum()
    }

    /// Takes the first free run. Returns its chunk, its first granule and its address.
    fn take(&mut self, count: usize) -> Option<(usize, usize, NonNull<u8>)> {
        self.chunks.iter_mut().enumerate().find_map(|(index, chunk)| {
            let first = chunk.bitmap.take(count)?;
            // SAFETY: the granule is in the chunk, so the offset is within its pages, which are one
            // mapping.
            let start = unsafe { chunk.pages.start().add(first * GRANULE) };
            Some((index, first, start))
        })
    }
}

impl Slot<'_> {
    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the address is that of a run of at least `len` bytes. Its pages live as long as
        // the slab, which this slot borrows, and no other slot has the run. The kernel zeroed the
        // pages, so all bytes are initialized. For a length of zero the address is dangling, which
        // an empty slice allows.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Returns the bytes, mutably.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and the slot is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Returns the number of bytes that the slot occupies in the slab.
    pub(super) fn footprint(&self) -> usize {
        self.location.2 * GRANULE
    }
}

// SAFETY: a slot has exclusive access to its bytes, which every thread may use.
unsafe impl Send for Slot<'_> {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Slot<'_> {}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let (chunk, first, count) = self.location;
        if count == 0 {
            return;
        }
        // The run must be zero before another slot can take it.
        self.bytes_mut().zeroize();
        let mut state = self.slab.state.lock();
        debug_assert!(self.bytes().iter().all(|byte| *byte == 0), "a freed slot contains only zeros");
        state.used -= count * GRANULE;
        if let Some(chunk) = state.chunks.get_mut(chunk) {
            chunk.bitmap.free(first, count);
        }
    }
}

#[cfg(test)]
mod tests;
