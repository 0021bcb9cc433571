//! The threads that compile a component.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use rayon_core::{ThreadPoolBuildError, ThreadPoolBuilder};

/// Stack of a compiling thread, in bytes.
const STACK: usize = 8 << 20;

/// Compiles with a thread for each processor.
///
/// The engine compiles functions in the pool of the calling thread. Without one of its own, that is rayon's global pool,
/// whose size and stacks the environment sets: `RAYON_NUM_THREADS`, `RUST_MIN_STACK`.
///
/// # Errors
///
/// The operating system did not start the threads.
pub(crate) fn install<T: Send>(compile: impl FnOnce() -> T + Send) -> Result<T, ThreadPoolBuildError> {
    // Without a number, rayon reads the environment.
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    let name = |index| format!("far-compile-{index}");
    let pool = ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK).thread_name(name).build()?;
    Ok(pool.install(compile))
}
