//! A required sink that refuses records of one kind on request.

use std::sync::{Arc, Mutex, PoisonError};

use far_core::pal::{EventKind, Receipt, Record, Sink, SinkError};

use crate::backend::Defect;

/// A sink that accepts all records except those of the refused kind.
#[derive(Default)]
pub(crate) struct Gate(Mutex<Option<(EventKind, Refusal)>>);

/// The kind of refusal.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    /// The sink reports that it is full.
    Full,
    /// The sink panics.
    Panic,
}

impl Gate {
    /// Sets the refusal, or with `None` accepts all records again.
    pub(crate) fn refuse(&self, refusal: Option<(EventKind, Refusal)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

impl Sink for Gate {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        let refused = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match refused.filter(|(kind, _)| *kind == record.event.kind()) {
            None => Receipt::Ready(Ok(())),
            Some((_, Refusal::Full)) => Receipt::Ready(Err(SinkError::Full)),
            Some((_, Refusal::Panic)) => Defect::panic(),
        }
    }
}
