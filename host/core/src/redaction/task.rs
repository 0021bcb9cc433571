//! The state of redaction for one task.

use std::fmt;
use std::sync::Arc;

use far_capability::SecretName;
use parking_lot::{Mutex, MutexGuard};

use super::error::{LearnError, MIN_LEN};
use super::patterns::PatternSet;

/// The fingerprints of one task's values, with match counts. All streams of the task share it.
pub struct Redaction(Mutex<State>);

/// The state of a task.
pub(super) enum State {
    /// The task has no value. Output passes unchanged, and no key exists.
    Empty,
    Active(Box<PatternSet>),
    /// The fingerprints are dropped, so no output passes.
    Ended,
}

impl Redaction {
    /// Creates the state of a task without a value.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Empty)))
    }

    /// Learns a value, which the task's redactors remove from now on. Ignores an empty value, and
    /// one that is known under this name.
    ///
    /// # Errors
    ///
    /// [`LearnError`]; the task must not receive the value. [`LearnError::TooShort`] for fewer than
    /// [`MIN_LEN`] bytes, [`LearnError::RepeatedCharacter`] if all bytes are equal.
    ///
    /// # Security
    ///
    /// Call this before the task receives the value. Only fingerprints stay in memory, until the
    /// task ends.
    pub fn learn(&self, name: &SecretName, value: &[u8]) -> Result<(), LearnError> {
        match value {
            [] => return Ok(()),
            _ if value.len() < MIN_LEN => return Err(LearnError::TooShort),
            [first, rest @ ..] if rest.iter().all(|byte| byte == first) => {
                return Err(LearnError::RepeatedCharacter);
            }
            _ => {}
        }
        let mut state = self.state();
        match &mut *state {
            State::Active(patterns) => patterns.learn(name, value),
            State::Ended => Err(LearnError::Ended),
            State::Empty => {
                let mut patterns = PatternSet::new()?;
                patterns.learn(name, value)?;
                *state = State::Active(Box::new(patterns));
                Ok(())
            }
        }
    }

    /// Returns true if no value is known, so that output passes unchanged.
    pub fn is_empty(&self) -> bool {
        matches!(*self.state(), State::Empty)
    }

    /// Returns each secret with a match so far, and the number of its matches.
    pub fn matches(&self) -> Vec<(SecretName, u64)> {
        match &*self.state() {
            State::Active(patterns) => patterns.matches(),
            State::Empty | State::Ended => Vec::new(),
        }
    }

    /// Drops the fingerprints. Returns each secret with a match, and the number of its matches.
    pub fn end(&self) -> Vec<(SecretName, u64)> {
        match std::mem::replace(&mut *self.state(), State::Ended) {
            State::Active(patterns) => patterns.matches(),
            State::Empty | State::Ended => Vec::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}
