//! The benchmark with the allocator of `far`, which overwrites freed memory.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "this is a command line")]

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: far_core::memory::WipingAllocator = far_core::memory::WipingAllocator::new();

fn main() -> ExitCode {
    if let Err(error) = far_core::memory::self_test() {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    far_bench::main()
}
