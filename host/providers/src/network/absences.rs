//! What was just confirmed not to be there.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use far_core::clock;
use parking_lot::Mutex;

/// How many there are at most; guests may ask for many versions, where they are let.
const MOST: usize = 1024;

/// Remembers, for a short time, that there is no such thing: a loop that asks for it is not a loop of calls.
pub(crate) struct Absences<K> {
    kept: Duration,
    until: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> Absences<K> {
    pub(crate) fn new(kept: Duration) -> Self {
        Self { kept, until: Mutex::default() }
    }

    /// The backend confirmed it.
    pub(crate) fn note(&self, key: K) {
        let now = clock::now();
        let mut until = self.until.lock();
        if until.len() >= MOST {
            until.retain(|_, end| *end > now);
        }
        if until.len() < MOST {
            until.insert(key, now + self.kept);
        }
    }

    /// It is there now.
    pub(crate) fn forget(&self, key: &K) {
        self.until.lock().remove(key);
    }

    /// Whether it was confirmed a moment ago.
    pub(crate) fn holds(&self, key: &K) -> bool {
        self.until.lock().get(key).is_some_and(|end| *end > clock::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn it_is_kept_for_its_time() {
        let absences = Absences::new(KEPT);
        absences.note("a");
        assert!(absences.holds(&"a") && !absences.holds(&"b"));
        tokio::time::advance(KEPT).await;
        assert!(!absences.holds(&"a"));
        absences.note("a");
        absences.forget(&"a");
        assert!(!absences.holds(&"a"));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_an_end_to_what_is_kept() {
        let absences = Absences::new(KEPT);
        (0..MOST + 7).for_each(|key| absences.note(key));
        assert_eq!(absences.until.lock().len(), MOST);
        tokio::time::advance(KEPT).await;
        absences.note(MOST);
        assert_eq!(absences.until.lock().len(), 1);
    }
}
