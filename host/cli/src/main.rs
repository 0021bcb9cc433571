//! The `far` binary.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use far_core::memory::WipingAllocator;

/// Overwrites what libraries leave in memory that they free.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

fn main() -> ExitCode {
    far_cli::main()
}
