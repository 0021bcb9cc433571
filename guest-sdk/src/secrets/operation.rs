//! Operations on a secret.

use crate::bindings::tinkerbell::skill::secrets as wit;

/// What a handle may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// The host puts the secret into a request as it leaves.
    Seal,
    /// The host signs with the secret.
    Sign,
    /// The bytes are copied into the skill's own memory.
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
