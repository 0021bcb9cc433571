//! A required sink that does as it is told with records of one kind.

use std::sync::{Arc, Mutex, PoisonError};

use far_core::pal::{EventKind, Receipt, Record, Sink, SinkError};

use crate::backend::Defect;

/// Takes all records, but for those that it is told not to.
#[derive(Default)]
pub(crate) struct Gate(Mutex<Option<(EventKind, Refusal)>>);

/// What happens instead.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    /// The record is not taken.
    Full,
    /// The sink panics.
    Panic,
}

impl Gate {
    /// From now on; with `None`, takes all again.
    pub(crate) fn refuse(&self, what: Option<(EventKind, Refusal)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }
}

impl Sink for Gate {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        let refused = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match refused.filter(|(kind, _)| *kind == record.event.kind()) {
            None => Receipt::Ready(Ok(())),
            Some((_, Refusal::Full)) => Receipt::Ready(Err(SinkError::Full)),
            Some((_, Refusal::Panic)) => Defect::happens(),
        }
    }
}
