//! The thread pool of a compiler.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use rayon_core::{ThreadPoolBuildError, ThreadPoolBuilder};

/// Stack size of a compiler thread, in bytes.
const STACK: usize = 8 << 20;

/// The maximum number of threads of a compiler.
const THREADS_MAX: usize = 8;
/// The memory per thread of a limited compiler, in bytes: its stack, and one function.
const PER_THREAD: u64 = 64 << 20;

/// Returns the number of threads for this much memory, in bytes. Call it before system calls are
/// restricted, since it reads files.
pub(super) fn threads_within(memory: u64) -> usize {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    let fitting = usize::try_from(memory / PER_THREAD).unwrap_or(usize::MAX);
    processors.min(THREADS_MAX).min(fitting).max(1)
}

/// Runs `compile` in a pool with this many threads.
///
/// The engine compiles functions in the pool of the calling thread. The default is rayon's global
/// pool, whose size and stacks depend on the environment variables `RAYON_NUM_THREADS` and
/// `RUST_MIN_STACK`.
///
/// # Errors
///
/// An error if the operating system cannot start the threads.
pub(super) fn install<T: Send>(threads: usize, compile: impl FnOnce() -> T + Send) -> Result<T, ThreadPoolBuildError> {
    let name = |index| format!("far-compile-{index}");
    let pool = ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK).thread_name(name).build()?;
    Ok(pool.install(compile))
}
