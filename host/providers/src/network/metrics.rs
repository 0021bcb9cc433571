//! Counters of the retry layer. They contain numbers only: no value, name or string.

use std::sync::atomic::{AtomicU64, Ordering};

use far_core::provider::{CallCounter, CallCounts, ProviderError};

/// The outcomes of a call. The last one stands for outcomes added later.
const OUTCOMES: [&str; 15] = [
    "ok",
    "not-found",
    "version-gone",
    "denied",
    "unauthenticated",
    "sealed",
    "unavailable",
    "throttled",
    "invalid",
    "integrity",
    "too-large",
    "out-of-locked-memory",
    "timeout",
    "unsupported",
    "other",
];

/// Counters of one backend's retry layer, since the process started. They never decrease.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) calls: Counter,
    pub(crate) attempts: Counter,
    pub(crate) retries: Counter,
    pub(crate) opened: Counter,
    pub(crate) refused: Counter,
    pub(crate) throttled: Counter,
    pub(crate) shared: Counter,
    pub(crate) absent: Counter,
    pub(crate) logins: Counter,
    pub(crate) failed_unwraps: Counter,
    outcomes: [Counter; OUTCOMES.len()],
}

/// A monotonic counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    /// Returns the number of calls, each with all its attempts. Calls answered without the backend
    /// do not count.
    pub fn calls(&self) -> u64 {
        self.calls.count()
    }

    /// Returns the number of requests sent to the backend.
    pub fn attempts(&self) -> u64 {
        self.attempts.count()
    }

    /// Returns the number of attempts after the first of each call.
    pub fn retries(&self) -> u64 {
        self.retries.count()
    }

    /// Returns how often the circuit opened.
    pub fn opened(&self) -> u64 {
        self.opened.count()
    }

    /// Returns the number of calls rejected by an open circuit.
    pub fn refused(&self) -> u64 {
        self.refused.count()
    }

    /// Returns the number of calls that failed because of a rate limit, the backend's or the token
    /// bucket's.
    pub fn throttled(&self) -> u64 {
        self.throttled.count()
    }

    /// Returns the number of callers that joined a request in flight.
    pub fn shared(&self) -> u64 {
        self.shared.count()
    }

    /// Returns the number of calls answered by the negative cache.
    pub fn absent(&self) -> u64 {
        self.absent.count()
    }

    /// Returns the number of successful logins.
    pub fn logins(&self) -> u64 {
        self.logins.count()
    }

    /// Returns the number of wrapped credentials that could not be unwrapped. Another party may
    /// have unwrapped them: treat each as an incident.
    pub fn failed_unwraps(&self) -> u64 {
        self.failed_unwraps.count()
    }

    /// Returns the number of calls by outcome: the token of [`ProviderError::kind`], or `ok`.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        OUTCOMES.into_iter().zip(self.outcomes.iter().map(Counter::count))
    }

    pub(crate) fn record<T>(&self, result: &Result<T, ProviderError>) {
        let outcome = result.as_ref().err().map_or("ok", ProviderError::kind);
        let known = OUTCOMES.into_iter().zip(&self.outcomes).find(|(name, _)| *name == outcome);
        if let Some(counter) = known.map(|(_, counter)| counter).or(self.outcomes.last()) {
            counter.increment();
        }
        if matches!(result, Err(ProviderError::Throttled { .. })) {
            self.throttled.increment();
        }
    }
}

impl CallCounter for Metrics {
    fn counts(&self) -> CallCounts {
        CallCounts {
            calls: self.outcomes().collect(),
            attempts: self.attempts(),
            retries: self.retries(),
            opened: self.opened(),
            refused: self.refused(),
            throttled: self.throttled(),
            shared: self.shared(),
            absent: self.absent(),
            logins: self.logins(),
            failed_unwraps: self.failed_unwraps(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_by_kind() {
        let metrics = Metrics::default();
        metrics.record(&Ok(()));
        for error in [ProviderError::Denied, ProviderError::Denied, ProviderError::Throttled { retry_after: None }] {
            metrics.record::<()>(&Err(error));
        }
        let counted: Vec<_> = metrics.outcomes().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("ok", 1), ("denied", 2), ("throttled", 1)]);
        assert_eq!(metrics.throttled(), 1);
    }

    #[test]
    fn every_kind_has_a_counter() {
        use far_core::provider::AbsenceReason;
        let all = [
            ProviderError::NotFound,
            ProviderError::VersionGone(AbsenceReason::Deleted),
            ProviderError::Denied,
            ProviderError::Unauthenticated,
            ProviderError::Sealed,
            ProviderError::Unavailable,
            ProviderError::Throttled { retry_after: None },
            ProviderError::Invalid,
            ProviderError::Integrity,
            ProviderError::TooLarge,
            ProviderError::OutOfLockedMemory,
            ProviderError::Timeout,
            ProviderError::Unsupported,
        ];
        assert!(all.iter().all(|error| OUTCOMES.contains(&error.kind())));
    }
}
