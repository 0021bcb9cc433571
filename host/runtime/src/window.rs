//! The window in which a store may call the host.

use std::sync::Arc;
use std::time::Instant;

use far_core::broker::{Session, Stop};
use far_core::clock;

/// The window of one store's host calls and requests.
///
/// The window of an embedder's store closes with a violation, at the deadline and with the task's
/// end: such a store may be entered after each of them. The runtime drops its own stores then, so
/// theirs stays open.
#[derive(Clone)]
pub(crate) struct Window {
    session: Arc<Session>,
    closes: bool,
}

/// The reason for which a window is closed.
pub(crate) enum Closed {
    /// The session stopped: a violation, or a record that was not accepted.
    Stopped(Stop),
    /// The task has ended.
    Finished,
    /// The deadline is over.
    Late,
}

impl Window {
    /// Returns the window of a store of the runtime's own.
    pub(crate) fn open(session: Arc<Session>) -> Self {
        Self { session, closes: false }
    }

    /// Returns the window of an embedder's store.
    pub(crate) fn closing(session: Arc<Session>) -> Self {
        Self { session, closes: true }
    }

    /// Returns the time at which the window closes at the latest, if it closes.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.closes.then(|| self.session.context().deadline)
    }

    /// Refuses what comes after the window has closed.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    pub(crate) fn check(&self) -> Result<(), Closed> {
        let Some(end) = self.end() else { return Ok(()) };
        if let Some(stop) = self.session.stopped() {
            return Err(Closed::Stopped(stop.clone()));
        }
        if self.session.is_finished() {
            return Err(Closed::Finished);
        }
        if clock::now() >= end { Err(Closed::Late) } else { Ok(()) }
    }
}
