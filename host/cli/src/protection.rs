//! What the process does for itself before any value is in it.

use far_core::memory::{harden_process, self_test};

use crate::failure::Failure;

/// Turns core files and tracing off, and makes sure that freed memory is overwritten and that there is locked memory.
///
/// # Errors
///
/// Whatever of it cannot be done. There is no way to go on without: a process that does not keep values to itself is not
/// worth running, and each of the four works on every Linux that is not kept from it on purpose.
pub(crate) fn protect() -> Result<(), Failure> {
    harden_process()?;
    self_test()?;
    Ok(())
}
