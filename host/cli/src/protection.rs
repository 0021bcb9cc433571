//! Process hardening, before the process holds any value.

use std::io;
use std::path::Path;

use far_core::memory::{harden_process, self_test};

use crate::messages::failure::Failure;

/// The kernel's list of swap devices; absent in kernels without swap.
const SWAPS: &str = "/proc/swaps";

/// Disables core files and tracing, and tests the wiping and the locking of memory.
///
/// # Errors
///
/// Any step that fails. Each works on every Linux system unless it is disabled on purpose.
pub(crate) fn protect() -> Result<(), Failure> {
    harden_process()?;
    self_test()?;
    Ok(())
}

/// Refuses machines with swap, unless the operator allows it. Values pass through memory that is
/// not locked, such as that of a skill, and could be written to a disk. Compressed memory (zram)
/// counts as swap, because it keeps copies of wiped memory.
///
/// # Errors
///
/// Swap is enabled, or its state is unknown.
pub(crate) fn refuse_swap(allowed: bool) -> Result<(), Failure> {
    if allowed { Ok(()) } else { check_swaps(Path::new(SWAPS)) }
}

fn check_swaps(swaps: &Path) -> Result<(), Failure> {
    let text = match std::fs::read_to_string(swaps) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Failure::Host { what: "read /proc/swaps", source }),
    };
    // The first line is a header.
    match text.lines().skip(1).find_map(|line| line.split_whitespace().next()) {
        Some(swap) => Err(Failure::Swap(swap.to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    fn swap(text: &str) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        match check_swaps(file.path()) {
            Ok(()) => None,
            Err(Failure::Swap(swap)) => Some(swap),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn swap_of_any_kind_is_refused() {
        for name in ["/dev/dm-1", "/dev/zram0", "/swap\\040file"] {
            let line = format!("{name}                              partition\t4194300\t\t0\t\t-2\n");
            assert_eq!(swap(&format!("{HEADER}{line}")).as_deref(), Some(name));
        }
    }

    #[test]
    fn missing_swap_is_accepted() {
        assert_eq!((swap(HEADER), swap("")), (None, None));
        assert!(check_swaps(Path::new("/proc/absent")).is_ok(), "a kernel without swap");
        assert!(matches!(check_swaps(Path::new("/proc")), Err(Failure::Host { .. })), "unknown");
    }

    #[test]
    fn allowed_swap_is_not_checked() {
        assert!(refuse_swap(true).is_ok());
    }
}
