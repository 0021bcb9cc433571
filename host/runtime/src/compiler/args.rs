//! Command-line arguments of a compiler process.

use std::ffi::OsString;
use std::time::Duration;

use super::LoadLimits;

/// The first argument of a compiler process.
const COMPILE: &str = "compile-stdin";

/// The arguments of a compiler process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChildArgs {
    /// The process ID of the host.
    pub(super) host: u32,
    pub(super) limits: LoadLimits,
}

impl ChildArgs {
    pub(super) fn arguments(&self) -> [String; 4] {
        let Self { host, limits } = self;
        [COMPILE.to_owned(), host.to_string(), limits.timeout.as_millis().to_string(), limits.memory.to_string()]
    }

    /// Parses the arguments after the program's name; none for other commands.
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
    fn arguments_round_trip() {
        let args = ChildArgs { host: 9, limits: LoadLimits { timeout: Duration::from_millis(1500), memory: 7 } };
        assert_eq!(ChildArgs::parse(args.arguments().into_iter().map(OsString::from)), Some(args));
    }

    #[test]
    fn other_commands_are_ignored() {
        let others: [&[&str]; 6] = [
            &[],
            &[COMPILE],
            &[COMPILE, "1", "2"],
            &[COMPILE, "1", "2", "x"],
            &[COMPILE, "1", "2", "3", "4"],
            &["run", "1", "2", "3"],
        ];
        for other in others {
            assert_eq!(ChildArgs::parse(other.iter().map(OsString::from)), None, "{other:?}");
        }
    }
}
