//! Hardening of the process, and its self-test.

use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit,
};

use crate::{MemoryError, SecretBytes, WipeCheckError};

/// Reasons why the process cannot be hardened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HardeningError {
    /// The limit on core files could not be set to zero.
    #[error("cannot disable core files: {0}")]
    CoreFiles(Errno),
    /// The process could not be made non-dumpable.
    #[error("cannot disable tracing: {0}")]
    Tracing(Errno),
}

/// Reasons why the process must not hold secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// Freed memory is not overwritten.
    #[error(transparent)]
    Allocator(#[from] WipeCheckError),
    /// Locked memory cannot be allocated.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Disables core files permanently, and makes the process non-dumpable: other processes of the same
/// user can neither trace nor dump it.
///
/// # Errors
///
/// [`HardeningError`] if the kernel refuses, or does not apply the setting. Every process may make
/// both changes, so an error points to a system call filter or another kernel. Read no secret then.
///
/// # Security
///
/// Root can still trace the process, and an attached debugger stays attached. Programs that the
/// process starts inherit the limit on core files, but are dumpable again.
pub fn harden_process() -> Result<(), HardeningError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(HardeningError::CoreFiles)?;
    if getrlimit(Resource::Core) != none {
        return Err(HardeningError::CoreFiles(Errno::NOTSUP));
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(HardeningError::Tracing)?;
    match dumpable_behavior() {
        Ok(DumpableBehavior::NotDumpable) => Ok(()),
        Ok(_) => Err(HardeningError::Tracing(Errno::NOTSUP)),
        Err(errno) => Err(HardeningError::Tracing(errno)),
    }
}

/// Tests that the global allocator overwrites freed memory, and that locked memory is available.
///
/// # Errors
///
/// [`SelfTestError`] if the binary does not set [`WipingAllocator`](crate::WipingAllocator), or if
/// the process may lock no memory (`ulimit -l`).
pub fn self_test() -> Result<(), SelfTestError> {
    crate::allocator::check_wiping()?;
    SecretBytes::new(1, |bytes| bytes.fill(1))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn self_test_needs_wiping_allocator() {
        assert_eq!(self_test(), Err(SelfTestError::Allocator(WipeCheckError::Other)));
    }
}
