//! What a compiling process is told, by its arguments.

use std::ffi::OsString;
use std::time::Duration;

use super::LoadLimits;

/// The first argument of a compiling process.
const COMPILE: &str = "compile-stdin";

/// The arguments of a compiling process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The process that waits for it.
    pub(super) host: u32,
    pub(super) limits: LoadLimits,
}

impl Order {
    pub(super) fn arguments(&self) -> [String; 4] {
        let Self { host, limits } = self;
        [COMPILE.to_owned(), host.to_string(), limits.timeout.as_millis().to_string(), limits.memory.to_string()]
    }

    /// Reads the arguments after a program's name; none if they are another command.
    pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let arguments: Vec<_> = arguments.map(OsString::into_string).collect::<Result<_, _>>().ok()?;
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let [COMPILE, host, timeout, memory] = arguments[..] else { return None };
        let limits = LoadLimits { timeout: Duration::from_millis(timeout.parse().ok()?), memory: memory.parse().ok()? };
        Some(Self { host: host.parse().ok()?, limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_back() {
        let order = Order { host: 9, limits: LoadLimits { timeout: Duration::from_millis(1500), memory: 7 } };
        assert_eq!(Order::parse(order.arguments().into_iter().map(OsString::from)), Some(order));
    }

    #[test]
    fn other_commands_do_not_compile() {
        let others: [&[&str]; 6] = [
            &[],
            &[COMPILE],
            &[COMPILE, "1", "2"],
            &[COMPILE, "1", "2", "x"],
            &[COMPILE, "1", "2", "3", "4"],
            &["run", "1", "2", "3"],
        ];
        for other in others {
            assert_eq!(Order::parse(other.iter().map(OsString::from)), None, "{other:?}");
        }
    }
}
