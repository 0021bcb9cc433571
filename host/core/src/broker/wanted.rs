//! Requests to a backend, beside what is cached.

use std::sync::Arc;

use crate::secret::Secret;

/// What is there already, and what is wanted of the backend.
#[derive(Clone)]
pub(super) enum Wanted {
    /// Nothing is: the value.
    Value,
    /// This one: whether there is another.
    Newer(Arc<Secret>),
    /// This one, which has a lease: another one, made in its place.
    Another(Arc<Secret>),
}
