//! Skips tests without a server.

use std::io::Write;

use crate::Failure;

/// Returns the server, or `None` and a note on stderr if it is unavailable. The test should then
/// end.
///
/// # Panics
///
/// Panics if the server is installed but does not work. Under `CI=true`, also panics if it is
/// unavailable.
#[track_caller]
#[expect(clippy::panic, reason = "a broken server fails the test")]
pub fn or_skip<T>(server: Result<T, Failure>) -> Option<T> {
    match server {
        Ok(server) => Some(server),
        Err(failure) if failure.is_absent() && !is_ci() => {
            let message = failure.to_string();
            say(&format!("skipped a test: {}", message.lines().map(str::trim).collect::<Vec<_>>().join("; ")));
            None
        }
        Err(failure) => panic!("{failure}"),
    }
}

/// Returns true if no test may be skipped: `CI` is `true` or `1` in the environment.
#[expect(clippy::disallowed_methods, reason = "for tests, the environment is the configuration")]
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}

/// Writes a line to stderr, which test output capture does not suppress.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_server_is_returned() {
        assert_eq!(or_skip(Ok(7)), Some(7));
    }

    #[test]
    fn unavailable_server_is_skipped_except_in_ci() {
        let absent = || std::panic::catch_unwind(|| or_skip::<()>(Err(Failure::new("no such server").absent())));
        assert_eq!(absent().is_err(), is_ci());
    }

    #[test]
    #[should_panic(expected = "it broke")]
    fn broken_server_panics() {
        or_skip::<()>(Err(Failure::new("it broke")));
    }
}
