//! What a binary does at its start, before any value is there.

use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit,
};

use crate::{MemoryError, NotWiping, SecretBytes};

/// What of the process's hardening could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unhardened {
    /// The limit on core files stayed above zero.
    #[error("core files cannot be turned off: {0}")]
    CoreFiles(Errno),
    /// The process stayed open to being traced and dumped.
    #[error("tracing cannot be turned off: {0}")]
    Tracing(Errno),
}

/// Why a process is not fit for values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// Freed memory keeps what was in it.
    #[error(transparent)]
    Allocator(#[from] NotWiping),
    /// There is no locked memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Turns core files off, for good, and makes the process one that others of the same user can neither trace nor dump.
///
/// # Errors
///
/// [`Unhardened`], if the kernel refuses or does not do it. Both are a process's own right, so an error means that
/// something is in between (a system call filter, another kernel): no value should be read then.
///
/// # Security
///
/// Root can still trace. A debugger that is attached already stays. Programs that the process starts get their own
/// answer to whether they may be traced, and inherit the limit.
///
/// Two calls, and no crate for them: those at hand make the same two, and besides look once, at start, for a debugger
/// that does not hide, which is worth less than the failures it brings where `/proc` is not mounted.
pub fn harden_process() -> Result<(), Unhardened> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(Unhardened::CoreFiles)?;
    if getrlimit(Resource::Core) != none {
        return Err(Unhardened::CoreFiles(Errno::NOTSUP));
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Unhardened::Tracing)?;
    match dumpable_behavior() {
        Ok(DumpableBehavior::NotDumpable) => Ok(()),
        Ok(_) => Err(Unhardened::Tracing(Errno::NOTSUP)),
        Err(errno) => Err(Unhardened::Tracing(errno)),
    }
}

/// Tests, with blocks and a value of its own, that the process's allocator overwrites what it frees, and that there is
/// locked memory.
///
/// # Errors
///
/// [`SelfTestError`]: the binary does not set [`WipingAllocator`](crate::WipingAllocator), or may lock no memory
/// (`ulimit -l`).
pub fn self_test() -> Result<(), SelfTestError> {
    crate::allocator::test()?;
    SecretBytes::new(1, |bytes| bytes.fill(1))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_the_allocator_fails_its_test() {
        assert_eq!(self_test(), Err(SelfTestError::Allocator(NotWiping::Other)));
    }
}
