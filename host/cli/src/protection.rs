//! What the process does for itself before any value is in it.

use std::io;
use std::path::Path;

use far_core::memory::{harden_process, self_test};

use crate::messages::failure::Failure;

/// Where the kernel lists its swap; absent where it has none built in.
const SWAPS: &str = "/proc/swaps";

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

/// Makes sure that there is no swap, unless the operator allows it: values pass through memory that is not locked, a
/// skill's above all, and could be written to a disk. Swap into compressed memory (zram) counts: what is in it outlives
/// the memory that it was in.
///
/// # Errors
///
/// There is swap, or whether there is cannot be told.
pub(crate) fn refuse_swap(allowed: bool) -> Result<(), Failure> {
    if allowed { Ok(()) } else { none_in(Path::new(SWAPS)) }
}

fn none_in(swaps: &Path) -> Result<(), Failure> {
    let text = match std::fs::read_to_string(swaps) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Failure::Host { what: "tell whether there is swap", source }),
    };
    // The first line says what the columns are.
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
        match none_in(file.path()) {
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
    fn no_swap_is_none() {
        assert_eq!((swap(HEADER), swap("")), (None, None));
        assert!(none_in(Path::new("/proc/absent")).is_ok(), "a kernel without swap");
        assert!(matches!(none_in(Path::new("/proc")), Err(Failure::Host { .. })), "it cannot be told");
    }

    #[test]
    fn what_the_operator_allows_is_not_looked_for() {
        assert!(refuse_swap(true).is_ok());
    }
}
