//! The kinds of requests to a backend.

use std::sync::Arc;

use crate::secret::Secret;

/// The request to a backend, given the current version.
#[derive(Clone)]
pub(super) enum FetchMode {
    /// Reads the value, without a current version.
    Read,
    /// Asks for a version newer than this one.
    Refresh(Arc<Secret>),
    /// Issues a new dynamic secret in place of this one.
    Reissue(Arc<Secret>),
}
