//! With the system's allocator.

use std::process::ExitCode;

fn main() -> ExitCode {
    far_bench::main()
}
