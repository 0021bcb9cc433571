//! The threads that compile a component.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use rayon_core::{ThreadPoolBuildError, ThreadPoolBuilder};

/// Stack of a compiling thread, in bytes.
const STACK: usize = 8 << 20;

/// The most threads of one compiler.
const THREADS_MAX: usize = 8;
/// The memory that a thread of a bounded compiler needs, in bytes: its stack, and a function at work.
const PER_THREAD: u64 = 64 << 20;

/// Returns how many threads compile in this much memory, in bytes. To be called before system calls are
/// bounded: the operating system answers by files.
pub(super) fn threads_within(memory: u64) -> usize {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    let fitting = usize::try_from(memory / PER_THREAD).unwrap_or(usize::MAX);
    processors.min(THREADS_MAX).min(fitting).max(1)
}

/// Compiles with this many threads.
///
/// The engine compiles functions in the pool of the calling thread. Without one of its own, that is rayon's global pool,
/// whose size and stacks the environment sets: `RAYON_NUM_THREADS`, `RUST_MIN_STACK`.
///
/// # Errors
///
/// The operating system did not start the threads.
pub(super) fn install<T: Send>(threads: usize, compile: impl FnOnce() -> T + Send) -> Result<T, ThreadPoolBuildError> {
    let name = |index| format!("far-compile-{index}");
    let pool = ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK).thread_name(name).build()?;
    Ok(pool.install(compile))
}
