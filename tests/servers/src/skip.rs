//! What a server that cannot be had means for a test.

use std::io::Write;

use crate::Failure;

/// The server, or nothing where it cannot be had; the test is then left out, and a line on stderr says so.
///
/// # Panics
///
/// Under `CI=true`, where nothing is left out; and everywhere if the server is there and does not work.
#[track_caller]
#[expect(clippy::panic, reason = "a server that does not work is a failed test")]
pub fn or_skip<T>(server: Result<T, Failure>) -> Option<T> {
    match server {
        Ok(server) => Some(server),
        Err(failure) if failure.is_absent() && !is_ci() => {
            let what = failure.to_string();
            say(&format!("skipped a test: {}", what.lines().map(str::trim).collect::<Vec<_>>().join("; ")));
            None
        }
        Err(failure) => panic!("{failure}"),
    }
}

/// Whether nothing may be left out: `CI` is `true` or `1` in the environment.
#[expect(clippy::disallowed_methods, reason = "for tests, the environment is the configuration")]
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}

/// Says something at once, past what captures the output of tests that pass.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_there_is_handed_on() {
        assert_eq!(or_skip(Ok(7)), Some(7));
    }

    #[test]
    fn a_server_that_cannot_be_had_is_left_out_except_in_ci() {
        let absent = || std::panic::catch_unwind(|| or_skip::<()>(Err(Failure::new("no such thing").absent())));
        assert_eq!(absent().is_err(), is_ci());
    }

    #[test]
    #[should_panic(expected = "it broke")]
    fn a_server_that_does_not_work_is_a_failure() {
        or_skip::<()>(Err(Failure::new("it broke")));
    }
}
