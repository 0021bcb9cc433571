//! References to secrets in their backends.

use std::fmt;
use std::sync::Arc;

use crate::name::SecretName;

/// The name of a secret in its backend. The operator sets it, never a guest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reference(Arc<str>);

impl Reference {
    /// Wraps a path in the backend's format.
    pub fn new(path: &str) -> Self {
        Self(path.into())
    }

    /// Returns the reference of a secret with the same name in its backend.
    pub fn named(name: &SecretName) -> Self {
        Self::new(name.as_str())
    }

    /// Returns the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
