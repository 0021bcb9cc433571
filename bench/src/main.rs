//! The benchmark with the system's allocator.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    far_bench::main()
}
