#![expect(unsafe_code, reason = "an allocator is one")]
//! The allocator for what values pass through on their way.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::ptr::null_mut;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use parking_lot::Mutex;
use zeroizing_alloc::ZeroAlloc;

/// The system's allocator, with every block overwritten as it is freed: for buffers of libraries, which values are in for
/// a while. A block never grows in place; the old one is overwritten too.
///
/// A binary sets it, and asks [`self_test`](crate::self_test) at start whether it is the one in use:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: far_memory::WipingAllocator = far_memory::WipingAllocator::new();
///
/// far_memory::self_test()?;
/// # Ok::<(), far_memory::SelfTestError>(())
/// ```
pub struct WipingAllocator(ZeroAlloc<Witness>);

/// How the allocator of a process fails its test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotWiping {
    /// It is not [`WipingAllocator`], or gives no memory.
    #[error("the process's allocator is not the one that overwrites freed memory")]
    Other,
    /// A block was freed with what was in it.
    #[error("a freed block of {0} bytes was not overwritten")]
    Freed(usize),
    /// A block grew, and the old one was freed with what was in it.
    #[error("a block of {0} bytes was not overwritten when it grew")]
    Grown(usize),
}

impl WipingAllocator {
    /// The allocator; it has no state.
    pub const fn new() -> Self {
        Self(ZeroAlloc(Witness))
    }
}

impl Default for WipingAllocator {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: every call goes to an allocator as it came, and its answer back.
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

/// The system's allocator, which looks at one watched block as it is freed: the last moment at which it may be read.
struct Witness;

/// The block that the test watches.
static WATCHED: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// What was seen of it.
static SEEN: AtomicU8 = AtomicU8::new(NOTHING);
const NOTHING: u8 = 0;
const ZEROES: u8 = 1;
const CONTENTS: u8 = 2;

// SAFETY: every call goes to the system's allocator as it came. `realloc` is the trait's own: a new block, a copy, and the
// old block freed, which is how growth is seen as well.
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
            // SAFETY: the block is still the caller's, who has written all of it: only the test watches, and it does that.
            let bytes = unsafe { slice::from_raw_parts(block, layout.size()) };
            SEEN.store(if bytes.iter().all(|byte| *byte == 0) { ZEROES } else { CONTENTS }, Ordering::Relaxed);
            WATCHED.store(null_mut(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// The process's allocator, whichever it is.
struct Process;

// SAFETY: every call goes to the process's allocator as it came.
unsafe impl GlobalAlloc for Process {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on. The block is shown to nobody, but the compiler must not know.
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

/// Whether the process's allocator overwrites what it frees.
pub(super) fn test() -> Result<(), NotWiping> {
    test_of(&Process)
}

/// Short ones, and one that the system takes from the kernel for itself.
const SIZES: [usize; 4] = [1, 24, 4_096, 1024 * 1024];

fn test_of(allocator: &impl GlobalAlloc) -> Result<(), NotWiping> {
    // There is one watched block.
    static TESTING: Mutex<()> = Mutex::new(());
    let _testing = TESTING.lock();
    for size in SIZES {
        let layout = Layout::array::<u8>(size).map_err(|_| NotWiping::Other)?;
        let block = watched(allocator, layout)?;
        // SAFETY: the block is from this allocator, of this layout, and is not used again.
        unsafe { allocator.dealloc(block, layout) };
        verdict(NotWiping::Freed(size))?;

        let block = watched(allocator, layout)?;
        // SAFETY: the block is from this allocator, of this layout; twice the size is far from the limit.
        let grown = unsafe { allocator.realloc(block, layout, size * 2) };
        let verdict = verdict(NotWiping::Grown(size));
        let (block, size) = if grown.is_null() { (block, size) } else { (grown, size * 2) };
        let layout = Layout::array::<u8>(size).map_err(|_| NotWiping::Other)?;
        // SAFETY: the block is the one that is left, of this layout, and is not used again.
        unsafe { allocator.dealloc(block, layout) };
        verdict?;
    }
    Ok(())
}

/// A block that is written whole, and watched.
fn watched(allocator: &impl GlobalAlloc, layout: Layout) -> Result<*mut u8, NotWiping> {
    // SAFETY: no size of the test is zero.
    let block = unsafe { allocator.alloc(layout) };
    if block.is_null() {
        return Err(NotWiping::Other);
    }
    // SAFETY: the block has that many bytes, and is this function's.
    unsafe { block.write_bytes(0xa5, layout.size()) };
    SEEN.store(NOTHING, Ordering::Relaxed);
    WATCHED.store(block, Ordering::Relaxed);
    Ok(block)
}

fn verdict(not_wiped: NotWiping) -> Result<(), NotWiping> {
    WATCHED.store(null_mut(), Ordering::Relaxed);
    match SEEN.load(Ordering::Relaxed) {
        ZEROES => Ok(()),
        CONTENTS => Err(not_wiped),
        _ => Err(NotWiping::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wiping_allocator_passes() {
        assert_eq!(test_of(&WipingAllocator::new()), Ok(()));
    }

    #[test]
    fn one_that_does_not_wipe_is_found_out() {
        assert_eq!(test_of(&Witness), Err(NotWiping::Freed(1)));
    }

    /// Wipes what is freed, and grows without.
    struct Growing;

    // SAFETY: every call goes to an allocator of the system's memory as it came.
    unsafe impl GlobalAlloc for Growing {
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
    fn one_that_does_not_wipe_what_grows_is_found_out() {
        assert_eq!(test_of(&Growing), Err(NotWiping::Grown(1)));
    }

    #[test]
    fn another_allocator_is_found_out() {
        assert_eq!(test_of(&System), Err(NotWiping::Other));
        assert_eq!(test(), Err(NotWiping::Other), "these tests run with the system's");
    }
}
