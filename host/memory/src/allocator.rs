#![expect(unsafe_code, reason = "implements GlobalAlloc")]
//! A global allocator that wipes freed memory, and the test that it is in use.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::ptr::null_mut;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use parking_lot::Mutex;
use zeroizing_alloc::ZeroAlloc;

/// The system allocator, which overwrites every block when it is freed.
///
/// It wipes the buffers of libraries that values pass through. A block never grows in place:
/// `realloc` copies it to a new block and wipes the old one.
///
/// A binary sets it as the global allocator, and calls [`self_test`](crate::self_test) at start:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: far_memory::WipingAllocator = far_memory::WipingAllocator::new();
///
/// far_memory::self_test()?;
/// # Ok::<(), far_memory::SelfTestError>(())
/// ```
pub struct WipingAllocator(ZeroAlloc<Witness>);

/// Reasons why the global allocator fails the wipe check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WipeCheckError {
    /// Another allocator is in use, or an allocation failed.
    #[error("the global allocator is not 'WipingAllocator'")]
    Other,
    /// A block was freed without being overwritten.
    #[error("a freed block of {0} bytes was not overwritten")]
    Freed(usize),
    /// A block was reallocated without the old one being overwritten.
    #[error("a block of {0} bytes was not overwritten when it grew")]
    Grown(usize),
}

impl WipingAllocator {
    /// Creates the allocator, which has no state.
    pub const fn new() -> Self {
        Self(ZeroAlloc(Witness))
    }
}

impl Default for WipingAllocator {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: forwards every call unchanged to an allocator.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.dealloc(block, layout) }
    }
}

/// The system allocator, which inspects the watched block before it frees it.
struct Witness;

/// The block that the check watches.
static WATCHED: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// The contents of the watched block when it was freed.
static CONTENTS_AT_FREE: AtomicU8 = AtomicU8::new(UNSEEN);
const UNSEEN: u8 = 0;
const ZEROS: u8 = 1;
const NONZERO: u8 = 2;

// SAFETY: forwards every call unchanged to the system allocator. `realloc` is the trait's default:
// a new block, a copy, and a `dealloc` of the old block, which the check observes.
unsafe impl GlobalAlloc for Witness {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHED.load(Ordering::Relaxed) == block {
            // SAFETY: the block still belongs to the caller. Only the check watches blocks, and it
            // initializes all of each.
            let bytes = unsafe { slice::from_raw_parts(block, layout.size()) };
            CONTENTS_AT_FREE
                .store(if bytes.iter().all(|byte| *byte == 0) { ZEROS } else { NONZERO }, Ordering::Relaxed);
            WATCHED.store(null_mut(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// The global allocator of this process.
struct Process;

// SAFETY: forwards every call unchanged to the global allocator.
unsafe impl GlobalAlloc for Process {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on. `black_box` prevents elision.
        black_box(unsafe { std::alloc::alloc(layout) })
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        black_box(unsafe { std::alloc::realloc(block, layout, size) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { std::alloc::dealloc(black_box(block), layout) }
    }
}

/// Checks that the global allocator overwrites freed memory.
pub(super) fn check_wiping() -> Result<(), WipeCheckError> {
    check(&Process)
}

/// Small sizes, and one for which the system allocator maps pages.
const SIZES: [usize; 4] = [1, 24, 4_096, 1024 * 1024];

fn check(allocator: &impl GlobalAlloc) -> Result<(), WipeCheckError> {
    // There is only one watched block.
    static TESTING: Mutex<()> = Mutex::new(());
    let _testing = TESTING.lock();
    for size in SIZES {
        let layout = Layout::array::<u8>(size).map_err(|_| WipeCheckError::Other)?;
        let block = allocate_watched(allocator, layout)?;
        // SAFETY: the block is from this allocator, has this layout, and is not used again.
        unsafe { allocator.dealloc(block, layout) };
        verdict(WipeCheckError::Freed(size))?;

        let block = allocate_watched(allocator, layout)?;
        // SAFETY: the block is from this allocator and has this layout; twice its size is far from
        // the limit.
        let grown = unsafe { allocator.realloc(block, layout, size * 2) };
        let verdict = verdict(WipeCheckError::Grown(size));
        let (block, size) = if grown.is_null() { (block, size) } else { (grown, size * 2) };
        let layout = Layout::array::<u8>(size).map_err(|_| WipeCheckError::Other)?;
        // SAFETY: this is the remaining block, has this layout, and is not used again.
        unsafe { allocator.dealloc(block, layout) };
        verdict?;
    }
    Ok(())
}

/// Allocates a block, fills it, and watches it.
fn allocate_watched(allocator: &impl GlobalAlloc, layout: Layout) -> Result<*mut u8, WipeCheckError> {
    // SAFETY: no size of the test is zero.
    let block = unsafe { allocator.alloc(layout) };
    if block.is_null() {
        return Err(WipeCheckError::Other);
    }
    // SAFETY: the block has that many bytes and is not shared.
    unsafe { block.write_bytes(0xa5, layout.size()) };
    CONTENTS_AT_FREE.store(UNSEEN, Ordering::Relaxed);
    WATCHED.store(block, Ordering::Relaxed);
    Ok(block)
}

fn verdict(not_wiped: WipeCheckError) -> Result<(), WipeCheckError> {
    WATCHED.store(null_mut(), Ordering::Relaxed);
    match CONTENTS_AT_FREE.load(Ordering::Relaxed) {
        ZEROS => Ok(()),
        NONZERO => Err(not_wiped),
        _ => Err(WipeCheckError::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiping_allocator_passes() {
        assert_eq!(check(&WipingAllocator::new()), Ok(()));
    }

    #[test]
    fn allocator_without_wiping_fails() {
        assert_eq!(check(&Witness), Err(WipeCheckError::Freed(1)));
    }

    /// Wipes on `dealloc`, but not on `realloc`.
    struct ReallocWithoutWiping;

    // SAFETY: forwards every call to an allocator of system memory.
    unsafe impl GlobalAlloc for ReallocWithoutWiping {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's promises are passed on.
            unsafe { Witness.alloc(layout) }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: the caller's promises are passed on.
            unsafe { Witness.realloc(block, layout, size) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller's promises are passed on.
            unsafe { ZeroAlloc(Witness).dealloc(block, layout) }
        }
    }

    #[test]
    fn realloc_without_wiping_fails() {
        assert_eq!(check(&ReallocWithoutWiping), Err(WipeCheckError::Grown(1)));
    }

    #[test]
    fn unwatched_allocator_fails() {
        assert_eq!(check(&System), Err(WipeCheckError::Other));
        assert_eq!(check_wiping(), Err(WipeCheckError::Other), "these tests run with the system allocator");
    }
}
