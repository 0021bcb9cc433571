//! Records kept in memory: for tests, and for embedders that show them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{EventKind, Receipt, Record, Sink};

/// A sink that keeps what it was given. It grows without bound: not for long-running use.
#[derive(Debug, Default)]
pub struct MemorySink(Mutex<Vec<Arc<Record>>>);

impl MemorySink {
    /// A sink that has nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Everything so far, in order.
    pub fn records(&self) -> Vec<Arc<Record>> {
        self.0.lock().clone()
    }

    /// The kinds of everything so far, in order.
    pub fn kinds(&self) -> Vec<EventKind> {
        self.0.lock().iter().map(|record| record.event.kind()).collect()
    }
}

impl Sink for MemorySink {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        self.0.lock().push(record.clone());
        Receipt::Ready(Ok(()))
    }
}
