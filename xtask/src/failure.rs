//! Why a command did not get to its end, and what to do next.

use std::fmt;

/// What went wrong, in words for whoever ran the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    what: String,
    next: Option<String>,
}

impl Failure {
    /// What failed, and how.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), next: None }
    }

    /// Names the next step, unless one is named already: what is nearer to the cause knows better.
    pub(crate) fn or_next(mut self, next: impl Into<String>) -> Self {
        self.next.get_or_insert_with(|| next.into());
        self
    }

    /// What went wrong, without the next step.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        match &self.next {
            Some(next) => write!(f, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

/// For what touches files.
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
        assert_eq!(failure.to_string(), "error: it broke\n  next: mend it");
        assert_eq!(Failure::new("it broke").to_string(), "error: it broke");
    }
}
