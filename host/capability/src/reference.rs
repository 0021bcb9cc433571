//! References to secrets in their backends.

use std::fmt;
use std::sync::Arc;

use crate::name::SecretName;

/// What a secret is called in its backend: set by the operator, never by a guest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reference(Arc<str>);

impl Reference {
    /// A path in the backend's own terms.
    pub fn new(path: &str) -> Self {
        Self(path.into())
    }

    /// The reference of a secret that its backend calls by the same name.
    pub fn named(name: &SecretName) -> Self {
        Self::new(name.as_str())
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
