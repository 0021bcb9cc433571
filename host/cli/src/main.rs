//! The `far` binary.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use far_core::memory::WipingAllocator;

/// Overwrites memory that libraries free.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

fn main() -> ExitCode {
    far_cli::main()
}
