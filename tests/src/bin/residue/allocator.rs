#![expect(unsafe_code, reason = "allocators are unsafe to implement")]
//! The allocator of `far`, with a switch to stop wiping.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use far_core::memory::WipingAllocator;

/// The wiping allocator, or after [`stop_wiping`](Self::stop_wiping) the system's allocator beneath
/// it.
pub(crate) struct SwitchableAllocator {
    wiping: AtomicBool,
    inner: WipingAllocator,
}

impl SwitchableAllocator {
    pub(crate) const fn new() -> Self {
        Self { wiping: AtomicBool::new(true), inner: WipingAllocator::new() }
    }

    /// Stops wiping freed memory. Returns whether it was wiped before.
    pub(crate) fn stop_wiping(&self) -> bool {
        self.wiping.swap(false, Ordering::SeqCst)
    }

    /// Wipes memory freed from now on.
    pub(crate) fn wipe_again(&self) {
        self.wiping.store(true, Ordering::SeqCst);
    }

    fn wipes(&self) -> bool {
        self.wiping.load(Ordering::Relaxed)
    }
}

// SAFETY: every call is forwarded unchanged. The wiping allocator passes each layout to the
// system's allocator unchanged, so each can free the other's blocks.
unsafe impl GlobalAlloc for SwitchableAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the requirements.
        unsafe { self.inner.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the requirements.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller upholds the requirements.
        unsafe {
            if self.wipes() { self.inner.realloc(block, layout, size) } else { System.realloc(block, layout, size) }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the requirements.
        unsafe { if self.wipes() { self.inner.dealloc(block, layout) } else { System.dealloc(block, layout) } }
    }
}
