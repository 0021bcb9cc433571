//! The failure of a command, with a suggested next step.

use std::fmt;

/// An error message for the user, and an optional next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    next: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), next: None }
    }

    /// Sets the next step, unless a caller nearer to the cause has set one.
    pub(crate) fn or_next(mut self, next: impl Into<String>) -> Self {
        self.next.get_or_insert_with(|| next.into());
        self
    }

    /// Returns the message without the next step.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.next {
            Some(next) => write!(f, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

/// Conversion of an error into a [`Failure`].
pub(crate) trait OrFailure<T> {
    /// Turns an error into the failure `cannot {action}: {error}`.
    fn or_failure(self, action: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrFailure<T> for Result<T, E> {
    fn or_failure(self, action: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("cannot {action}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_next_step_is_kept() {
        let failure = Failure::new("it broke").or_next("fix it").or_next("report it");
        assert_eq!(failure.to_string(), "error: it broke\n  next: fix it");
        assert_eq!(Failure::new("it broke").to_string(), "error: it broke");
    }
}
