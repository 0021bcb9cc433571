//! Errors of learning a value.

use crate::memory::MemoryError;

/// The minimum length of a value that redaction searches for, in bytes. Shorter values occur in
/// ordinary output by chance.
pub const MIN_LEN: usize = 4;

/// An error that rejects a value from redaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// No locked memory is left for the fingerprint key.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The operating system's random source failed.
    #[error("the operating system's random source failed")]
    Random,
    /// The task has ended.
    #[error("the task has ended")]
    Ended,
    /// The value is shorter than [`MIN_LEN`], and not empty.
    #[error("the value is shorter than {MIN_LEN} bytes, and would match ordinary output")]
    TooShort,
    /// The value is one repeated byte, which output may begin at every byte.
    #[error("the value is one repeated character")]
    RepeatedCharacter,
}

impl LearnError {
    /// Returns the error's token in events.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Memory(_) => "out-of-locked-memory",
            Self::Random => "random",
            Self::Ended => "ended",
            Self::TooShort => "too-short",
            Self::RepeatedCharacter => "one-character",
        }
    }
}
