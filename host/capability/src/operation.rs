//! Operations on secrets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An operation on a secret. A handle requires any of them, so `get` is not an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// The host inserts the secret into a request as it leaves.
    Seal,
    /// The host signs with the secret.
    Sign,
    /// The skill reads the bytes.
    Reveal,
    /// The skill requests a refresh from the backend.
    Refresh,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 4] = [Self::Seal, Self::Sign, Self::Reveal, Self::Refresh];

    /// Returns the operation's name in declarations, grants and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Sign => "sign",
            Self::Reveal => "reveal",
            Self::Refresh => "refresh",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error that a string is not an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation is one of 'seal', 'sign', 'reveal', 'refresh'")]
pub struct OperationError;

impl FromStr for Operation {
    type Err = OperationError;

    fn from_str(text: &str) -> Result<Self, OperationError> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == text).ok_or(OperationError)
    }
}

/// A set of operations.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Operation>", into = "Vec<Operation>")]
pub struct Operations(u8);

impl Operations {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Returns true if the set has the operation.
    pub fn contains(self, operation: Operation) -> bool {
        self.0 & operation.bit() != 0
    }

    /// Returns true if the set has every operation of `other`.
    pub fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Returns the operations that both sets have.
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns true if the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the operations in the order of [`Operation::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |&operation| self.contains(operation))
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self(operations.into_iter().fold(0, |bits, operation| bits | operation.bit()))
    }
}

impl From<Vec<Operation>> for Operations {
    fn from(operations: Vec<Operation>) -> Self {
        operations.into_iter().collect()
    }
}

impl From<Operations> for Vec<Operation> {
    fn from(operations: Operations) -> Self {
        operations.iter().collect()
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operation_names_round_trip() {
        for operation in Operation::ALL {
            assert_eq!(operation.as_str().parse(), Ok(operation));
        }
        for text in ["", "Seal", "get", "*", "seal "] {
            assert_eq!(text.parse::<Operation>(), Err(OperationError));
        }
    }

    #[test]
    fn set_contains_collected_operations() {
        let set: Operations = [Operation::Sign, Operation::Reveal].into_iter().collect();
        assert!(set.contains(Operation::Sign) && set.contains(Operation::Reveal));
        assert!(!set.contains(Operation::Seal) && !set.contains(Operation::Refresh));
        assert!(!set.contains_all(Operation::ALL.into_iter().collect()));
        assert!(set.contains_all(Operations::NONE) && Operations::NONE.is_empty());
    }
}
