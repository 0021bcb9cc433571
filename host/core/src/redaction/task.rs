//! What one task's text is redacted of.

use std::fmt;
use std::sync::Arc;

use far_capability::SecretName;
use parking_lot::{Mutex, MutexGuard};

use super::error::{LearnError, SHORTEST};
use super::known::Known;

/// The values that one task was given, as fingerprints, and how often each was found. Shared by all that write for the
/// task.
pub struct Redaction(Mutex<State>);

/// Where the task is.
pub(super) enum State {
    /// It was given nothing: text is passed on at once, and no key was made.
    Empty,
    Known(Box<Known>),
    /// Nothing is known any more, and so nothing is passed on.
    Ended,
}

impl Redaction {
    /// Of a task that was given nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Empty)))
    }

    /// Learns a value, which is found from now on in whatever the task's redactors are fed. A value that is known by
    /// this name is not learned again, and an empty one says nothing to anybody.
    ///
    /// # Errors
    ///
    /// [`LearnError`]: the value must not be given to the task. [`LearnError::TooShort`] for one below [`SHORTEST`]
    /// bytes, [`LearnError::OneCharacter`] for one whose bytes are all alike.
    ///
    /// # Security
    ///
    /// To be called before the task has the value. What is kept are fingerprints, until the task ends.
    pub fn learn(&self, name: &SecretName, value: &[u8]) -> Result<(), LearnError> {
        match value {
            [] => return Ok(()),
            _ if value.len() < SHORTEST => return Err(LearnError::TooShort),
            [first, others @ ..] if others.iter().all(|byte| byte == first) => return Err(LearnError::OneCharacter),
            _ => {}
        }
        let mut state = self.state();
        match &mut *state {
            State::Known(known) => known.learn(name, value),
            State::Ended => Err(LearnError::Ended),
            State::Empty => {
                let mut known = Known::new()?;
                known.learn(name, value)?;
                *state = State::Known(Box::new(known));
                Ok(())
            }
        }
    }

    /// Whether there is nothing to look for: redactors pass everything on.
    pub fn is_empty(&self) -> bool {
        matches!(*self.state(), State::Empty)
    }

    /// Each secret that was found so far, and how often.
    pub fn finds(&self) -> Vec<(SecretName, u64)> {
        match &*self.state() {
            State::Known(known) => known.finds(),
            State::Empty | State::Ended => Vec::new(),
        }
    }

    /// Ends it, and answers with each secret that was found, and how often. All that was known is gone.
    pub fn end(&self) -> Vec<(SecretName, u64)> {
        match std::mem::replace(&mut *self.state(), State::Ended) {
            State::Known(known) => known.finds(),
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
