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
    /// One error of each kind.
    pub const ALL: [Self; 5] = [
        Self::Memory(MemoryError::OutOfLockedMemory),
        Self::Random,
        Self::Ended,
        Self::TooShort,
        Self::RepeatedCharacter,
    ];

    /// Returns the person or the system whose change removes the error.
    pub fn caused_by(&self) -> &'static str {
        match self {
            Self::Memory(_) | Self::Random => "the machine",
            Self::Ended => "the skill, the scheduler or a signal",
            Self::TooShort | Self::RepeatedCharacter => "the person who stored the secret",
        }
    }

    /// Returns the next step, if a person can take one.
    pub fn next_step(&self) -> Option<&'static str> {
        match self {
            Self::Memory(_) => Some("raise the limit on locked memory ('ulimit -l')"),
            Self::Random => Some("check that the system call 'getrandom' is permitted"),
            Self::Ended => None,
            Self::TooShort | Self::RepeatedCharacter => {
                Some("store a longer, random value; when-leaked = \"ignore\" turns redaction off")
            }
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_has_every_kind() {
        let index = |error: &LearnError| match error {
            LearnError::Memory(_) => 0,
            LearnError::Random => 1,
            LearnError::Ended => 2,
            LearnError::TooShort => 3,
            LearnError::RepeatedCharacter => 4,
        };
        assert!(LearnError::ALL.iter().map(index).eq(0..=4));
    }
}
