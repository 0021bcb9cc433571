//! Failures of servers, with help.

use std::error::Error;
use std::fmt;

/// A failure, described for people who run the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    what: String,
    next: Option<String>,
    absent: bool,
}

impl Failure {
    /// Creates a failure with this message.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), next: None, absent: false }
    }

    /// Adds help, unless there is help already: the innermost help is closest to the cause.
    #[must_use]
    pub fn or_next(mut self, next: impl Into<String>) -> Self {
        self.next.get_or_insert_with(|| next.into());
        self
    }

    /// Marks the server as unavailable on this machine, which is not a failure of the test.
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    /// Returns true if the server is unavailable on this machine.
    pub fn is_absent(&self) -> bool {
        self.absent
    }

    /// Returns the message, without the help.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns the help, if there is any.
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.next {
            Some(next) => write!(f, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

impl Error for Failure {}

/// Converts errors of files, programs and connections.
pub(crate) trait OrFailure<T> {
    /// Names the failed action.
    fn or_failure(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrFailure<T> for Result<T, E> {
    fn or_failure(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("cannot {what}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn innermost_help_is_kept() {
        let failure = Failure::new("it broke").or_next("repair it").or_next("ask for help");
        assert_eq!(failure.to_string(), "it broke\n  next: repair it");
        assert_eq!((failure.is_absent(), failure.absent().is_absent()), (false, true));
    }
}
