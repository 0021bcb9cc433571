//! Threads of the host.

use std::io;
use std::thread::{Builder, JoinHandle};

/// The stack size of a thread, in bytes. Explicit, because `RUST_MIN_STACK` sets the default.
pub const STACK: usize = 2 << 20;

/// Starts a thread with a stack of [`STACK`] bytes.
///
/// # Errors
///
/// The operating system did not start the thread.
pub fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).stack_size(STACK).spawn(run)
}
