//! Handles that a task gets again and again from the cache.

use std::sync::{Arc, Weak};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::pal::{CacheState, Event, EventKind, Outcome};
use crate::secret::Secret;

/// How handles are recorded that one task gets more than once, from the cache and of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// Each by its own event, before the task has the handle.
    #[default]
    Each,
    /// The first by its own event, the others by one event when the task ends: how many they were,
    /// and when the first and the last of them were given out. What a process that is killed had
    /// counted is lost.
    Counted,
}

/// The handles of one task that have been recorded, and those that have only been counted.
#[derive(Default)]
pub(super) struct Counts(Mutex<Vec<Count>>);

struct Count {
    /// Not an `Arc`: a count does not prolong a value's life.
    secret: Weak<Secret>,
    /// The event of the repeats.
    event: Event,
}

impl Count {
    fn is_of(&self, secret: &Arc<Secret>) -> bool {
        // The allocation stays for as long as there is a `Weak`: no other secret has its address.
        std::ptr::eq(self.secret.as_ptr(), Arc::as_ptr(secret))
    }
}

impl Counts {
    /// Counts a handle of a secret that has been recorded. Returns whether it was.
    pub(super) fn count(&self, secret: &Arc<Secret>) -> bool {
        let mut counts = self.0.lock();
        // As a rule it is the last one.
        let Some(Count { event, .. }) = counts.iter_mut().rev().find(|count| count.is_of(secret)) else {
            return false;
        };
        event.last = Some(Timestamp::now());
        event.first = event.first.or(event.last);
        event.count = Some(event.count.unwrap_or_default() + 1);
        true
    }

    /// Notes that a handle of a secret has been recorded.
    pub(super) fn recorded(&self, secret: &Arc<Secret>) {
        let mut counts = self.0.lock();
        if !counts.iter().any(|count| count.is_of(secret)) {
            let (outcome, cache) = (Some(Outcome::Completed), Some(CacheState::Hit));
            let event = Event { outcome, cache, ..Event::about(EventKind::SecretInjected, secret) };
            counts.push(Count { secret: Arc::downgrade(secret), event });
        }
    }

    /// Ends the counting. Returns an event for each secret that has counted handles.
    pub(super) fn end(&self) -> Vec<Event> {
        let counts = std::mem::take(&mut *self.0.lock());
        counts.into_iter().map(|count| count.event).filter(|event| event.count.is_some()).collect()
    }
}
