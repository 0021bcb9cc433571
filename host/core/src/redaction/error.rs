//! Why a value cannot be redacted.

use crate::memory::MemoryError;

/// The shortest value that is looked for, in bytes. Shorter ones stand in any text by chance.
pub const SHORTEST: usize = 4;

/// Why a value could not be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// There is no locked memory for the key of the fingerprints.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The operating system's random source failed.
    #[error("the operating system gave no random numbers")]
    Random,
    /// The task has ended.
    #[error("the task has ended")]
    Ended,
    /// The value is shorter than [`SHORTEST`], and not empty.
    #[error("the value is shorter than {SHORTEST} bytes: it would be found in any text")]
    TooShort,
    /// The value is one byte, repeated.
    #[error("the value is one character, repeated: it is no secret, and a text may begin it at every byte")]
    OneCharacter,
}

impl LearnError {
    /// The error's token in events.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Memory(_) => "out-of-locked-memory",
            Self::Random => "random",
            Self::Ended => "ended",
            Self::TooShort => "too-short",
            Self::OneCharacter => "one-character",
        }
    }
}
