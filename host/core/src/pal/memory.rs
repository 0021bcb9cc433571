//! A sink that stores records in memory, for tests and for embedders that display them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{EventKind, Receipt, Record, Sink};

/// A sink that stores all records. It grows without bound, and so is not for long-running use.
#[derive(Debug, Default)]
pub struct MemorySink(Mutex<Vec<Arc<Record>>>);

impl MemorySink {
    /// Creates an empty sink.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Returns all records in order.
    pub fn records(&self) -> Vec<Arc<Record>> {
        self.0.lock().clone()
    }

    /// Returns the kinds of all records in order.
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
