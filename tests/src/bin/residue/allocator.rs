#![expect(unsafe_code, reason = "an allocator is one")]
//! The allocator of `far`, which can be taken away.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use far_core::memory::WipingAllocator;

/// The wiping allocator; or, after [`stop_wiping`](Self::stop_wiping), the system's, which it takes its memory from.
pub(crate) struct Switchable {
    wiping: AtomicBool,
    inner: WipingAllocator,
}

impl Switchable {
    pub(crate) const fn new() -> Self {
        Self { wiping: AtomicBool::new(true), inner: WipingAllocator::new() }
    }

    /// Leaves memory that is freed from now on as it is; says whether it was wiped before.
    pub(crate) fn stop_wiping(&self) -> bool {
        self.wiping.swap(false, Ordering::SeqCst)
    }

    /// Wipes what is freed from now on.
    pub(crate) fn wipe_again(&self) {
        self.wiping.store(true, Ordering::SeqCst);
    }

    fn wipes(&self) -> bool {
        self.wiping.load(Ordering::Relaxed)
    }
}

// SAFETY: every call goes on as it came. The wiping allocator hands each layout to the system's unchanged, so that a block
// of the one can be freed by the other.
unsafe impl GlobalAlloc for Switchable {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.inner.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe {
            if self.wipes() { self.inner.realloc(block, layout, size) } else { System.realloc(block, layout, size) }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { if self.wipes() { self.inner.dealloc(block, layout) } else { System.dealloc(block, layout) } }
    }
}
