//! Why a server is not there, and what to do next.

use std::error::Error;
use std::fmt;

/// What went wrong, in words for whoever runs the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    what: String,
    next: Option<String>,
    absent: bool,
}

impl Failure {
    /// What failed, and how.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), next: None, absent: false }
    }

    /// Names the next step, unless one is named already: what is nearer to the cause knows better.
    #[must_use]
    pub fn or_next(mut self, next: impl Into<String>) -> Self {
        self.next.get_or_insert_with(|| next.into());
        self
    }

    /// The server cannot be had on this machine: that is no fault of the test's.
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    /// Whether the server cannot be had here, rather than does not work.
    pub fn is_absent(&self) -> bool {
        self.absent
    }

    /// What went wrong, without the next step.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to do next, if that is known.
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

/// For what touches files, programs and connections.
pub(crate) trait OrFailure<T> {
    /// Says what was tried.
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
    fn the_next_step_nearest_to_the_cause_is_told() {
        let failure = Failure::new("it broke").or_next("mend it").or_next("call somebody");
        assert_eq!(failure.to_string(), "it broke\n  next: mend it");
        assert_eq!((failure.is_absent(), failure.absent().is_absent()), (false, true));
    }
}
