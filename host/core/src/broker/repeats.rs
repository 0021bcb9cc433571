//! Recording of handles that a task gets repeatedly from the cache.

use std::sync::{Arc, Weak};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::clock;
use crate::pal::{Event, SecretRef};
use crate::secret::Secret;

/// The recording of repeated handles: of one task, from the cache and to one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatRecording {
    /// Records each handle by its own event, before the task has it.
    #[default]
    Each,
    /// Records the first handle by its own event, and the others by one event when the task ends,
    /// with their number and the time of the first and the last. If the process is killed, the
    /// count is lost.
    Counted,
}

/// The recorded handles of one task, and the number of repeats.
#[derive(Default)]
pub(super) struct RepeatCounts(Mutex<Vec<RepeatCount>>);

struct RepeatCount {
    /// A `Weak`, so that a count does not keep the value alive.
    secret: Weak<Secret>,
    /// The secret, as the event names it.
    secret_ref: SecretRef,
    /// The number of repeats, and the time of the first and the last.
    repeats: Option<(u64, Timestamp, Timestamp)>,
}

impl RepeatCount {
    fn is_of(&self, secret: &Arc<Secret>) -> bool {
        // A `Weak` keeps the allocation, so no other secret has its address.
        std::ptr::eq(self.secret.as_ptr(), Arc::as_ptr(secret))
    }
}

impl RepeatCounts {
    /// Counts a handle to a secret. Returns false if no handle to it has been recorded.
    pub(super) fn count(&self, secret: &Arc<Secret>) -> bool {
        let mut counts = self.0.lock();
        // Usually the last one.
        let Some(RepeatCount { repeats, .. }) = counts.iter_mut().rev().find(|count| count.is_of(secret)) else {
            return false;
        };
        let last = clock::wall_time();
        let (count, first) = repeats.map_or((0, last), |(count, first, _)| (count, first));
        *repeats = Some((count + 1, first, last));
        true
    }

    /// Notes that a handle to a secret has been recorded.
    pub(super) fn register(&self, secret: &Arc<Secret>) {
        let mut counts = self.0.lock();
        if !counts.iter().any(|count| count.is_of(secret)) {
            let secret_ref = SecretRef::from(&**secret);
            counts.push(RepeatCount { secret: Arc::downgrade(secret), secret_ref, repeats: None });
        }
    }

    /// Ends the counting. Returns an event for each secret that has counted handles.
    pub(super) fn end(&self) -> Vec<Event> {
        let counts = std::mem::take(&mut *self.0.lock());
        let event = |RepeatCount { secret_ref, repeats, .. }| {
            repeats.map(|(count, first, last)| Event::secret_injected_again(secret_ref, count, first, last))
        };
        counts.into_iter().filter_map(event).collect()
    }
}
