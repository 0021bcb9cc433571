//! The window in which a store may call the host.

use std::sync::Arc;
use std::time::Instant;

use far_core::broker::{Session, Stop};
use far_core::clock;

/// The window of one store's host calls and requests.
///
/// The window of an embedder's store closes after a violation, at the deadline, and with the task's
/// end, since the embedder may enter such a store later. The runtime drops its own stores then, so
/// their windows stay open.
#[derive(Clone)]
pub(crate) struct Window {
    session: Arc<Session>,
    closes: bool,
}

/// Reasons why a window is closed.
pub(crate) enum CloseReason {
    /// The session stopped: a violation, or a record that was not accepted.
    Stop(Stop),
    /// The end of the task.
    TaskEnd,
    /// The deadline.
    Deadline,
}

impl Window {
    /// Creates the window of one of the runtime's own stores.
    pub(crate) fn unlimited(session: Arc<Session>) -> Self {
        Self { session, closes: false }
    }

    /// Creates the window of an embedder's store.
    pub(crate) fn closing(session: Arc<Session>) -> Self {
        Self { session, closes: true }
    }

    /// Returns the deadline of the window, if it has one.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.closes.then(|| self.session.context().deadline)
    }

    /// Checks that the window is open.
    ///
    /// # Errors
    ///
    /// [`CloseReason`] if the window is closed.
    pub(crate) fn check(&self) -> Result<(), CloseReason> {
        let Some(end) = self.end() else { return Ok(()) };
        if let Some(stop) = self.session.stop_reason() {
            return Err(CloseReason::Stop(stop.clone()));
        }
        if self.session.is_finished() {
            return Err(CloseReason::TaskEnd);
        }
        if clock::now() >= end { Err(CloseReason::Deadline) } else { Ok(()) }
    }
}
