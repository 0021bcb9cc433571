//! A negative cache: keys that the backend confirmed to be absent.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use far_core::clock;
use parking_lot::Mutex;

/// The maximum number of entries. A guest with access to explicit versions could ask for many.
const MAX_ENTRIES: usize = 1024;

/// Holds keys for a short time, so that a guest's polling loop does not become a loop of requests.
pub(crate) struct NegativeCache<K> {
    ttl: Duration,
    expiry: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> NegativeCache<K> {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, expiry: Mutex::default() }
    }

    /// Adds a key that the backend confirmed to be absent.
    pub(crate) fn insert(&self, key: K) {
        let now = clock::now();
        let mut expiry = self.expiry.lock();
        if expiry.len() >= MAX_ENTRIES {
            expiry.retain(|_, end| *end > now);
        }
        if expiry.len() < MAX_ENTRIES {
            expiry.insert(key, now + self.ttl);
        }
    }

    /// Removes a key that exists again.
    pub(crate) fn remove(&self, key: &K) {
        self.expiry.lock().remove(key);
    }

    /// Returns true if the key was added within the TTL.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.expiry.lock().get(key).is_some_and(|end| *end > clock::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn entry_expires_after_ttl() {
        let cache = NegativeCache::new(TTL);
        cache.insert("a");
        assert!(cache.contains(&"a") && !cache.contains(&"b"));
        tokio::time::advance(TTL).await;
        assert!(!cache.contains(&"a"));
        cache.insert("a");
        cache.remove(&"a");
        assert!(!cache.contains(&"a"));
    }

    #[tokio::test(start_paused = true)]
    async fn cache_size_is_bounded() {
        let cache = NegativeCache::new(TTL);
        (0..MAX_ENTRIES + 7).for_each(|key| cache.insert(key));
        assert_eq!(cache.expiry.lock().len(), MAX_ENTRIES);
        tokio::time::advance(TTL).await;
        cache.insert(MAX_ENTRIES);
        assert_eq!(cache.expiry.lock().len(), 1);
    }
}
