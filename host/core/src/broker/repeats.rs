//! Handles that a task gets again and again from the cache.

use std::sync::{Arc, Weak};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::clock;
use crate::pal::{Event, SecretRef};
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
    /// The secret, as the event of the repeats names it.
    named: SecretRef,
    /// How many there were, and when the first and the last of them were.
    repeats: Option<(u64, Timestamp, Timestamp)>,
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
        let Some(Count { repeats, .. }) = counts.iter_mut().rev().find(|count| count.is_of(secret)) else {
            return false;
        };
        let last = clock::wall_time();
        let (count, first) = repeats.map_or((0, last), |(count, first, _)| (count, first));
        *repeats = Some((count + 1, first, last));
        true
    }

    /// Notes that a handle of a secret has been recorded.
    pub(super) fn recorded(&self, secret: &Arc<Secret>) {
        let mut counts = self.0.lock();
        if !counts.iter().any(|count| count.is_of(secret)) {
            let named = SecretRef::from(&**secret);
            counts.push(Count { secret: Arc::downgrade(secret), named, repeats: None });
        }
    }

    /// Ends the counting. Returns an event for each secret that has counted handles.
    pub(super) fn end(&self) -> Vec<Event> {
        let counts = std::mem::take(&mut *self.0.lock());
        let event = |Count { named, repeats, .. }| {
            repeats.map(|(count, first, last)| Event::secret_injected_again(named, count, first, last))
        };
        counts.into_iter().filter_map(event).collect()
    }
}
