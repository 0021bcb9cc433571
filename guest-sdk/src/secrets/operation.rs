//! Operations on a secret.

use crate::bindings::tinkerbell::skill::secrets as wit;

/// An operation on a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// The host inserts the secret into a request as it leaves.
    Seal,
    /// The host signs with the secret.
    Sign,
    /// The host copies the bytes into the skill's memory.
    Reveal,
    /// The host reads the secret again from its backend.
    Refresh,
}

impl From<wit::Operation> for Operation {
    fn from(operation: wit::Operation) -> Self {
        match operation {
            wit::Operation::Seal => Self::Seal,
            wit::Operation::Sign => Self::Sign,
            wit::Operation::Reveal => Self::Reveal,
            wit::Operation::Refresh => Self::Refresh,
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<Operation> for wit::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Seal => Self::Seal,
            Operation::Sign => Self::Sign,
            Operation::Reveal => Self::Reveal,
            Operation::Refresh => Self::Refresh,
        }
    }
}
