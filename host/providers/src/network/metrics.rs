//! Counters: numbers alone, never a value, a name or a text.

use std::sync::atomic::{AtomicU64, Ordering};

use far_core::provider::{Counted, Counts, ProviderError};

/// How calls end: the first is success, the last is whatever else there will be.
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

/// What a backend's shell did since the program began. Every number only grows.
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

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    /// Calls, each with all its attempts; those that were answered without the backend are not among them.
    pub fn calls(&self) -> u64 {
        self.calls.count()
    }

    /// How often the backend itself was asked.
    pub fn attempts(&self) -> u64 {
        self.attempts.count()
    }

    /// Attempts after the first of a call.
    pub fn retries(&self) -> u64 {
        self.retries.count()
    }

    /// How often the circuit opened.
    pub fn opened(&self) -> u64 {
        self.opened.count()
    }

    /// Calls that were refused because the circuit was open.
    pub fn refused(&self) -> u64 {
        self.refused.count()
    }

    /// Calls that were refused, or ended, because the backend may not be asked that often.
    pub fn throttled(&self) -> u64 {
        self.throttled.count()
    }

    /// Who asked while the same was being asked already.
    pub fn shared(&self) -> u64 {
        self.shared.count()
    }

    /// Who was told without a call what had just been confirmed: that there is no such secret.
    pub fn absent(&self) -> u64 {
        self.absent.count()
    }

    /// Logins that succeeded.
    pub fn logins(&self) -> u64 {
        self.logins.count()
    }

    /// Credentials in a wrapping that could not be opened: somebody else may have opened it. One is an incident.
    pub fn failed_unwraps(&self) -> u64 {
        self.failed_unwraps.count()
    }

    /// How calls ended: by the token of [`ProviderError::kind`], or `ok`.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        OUTCOMES.into_iter().zip(self.outcomes.iter().map(Counter::count))
    }

    pub(crate) fn ended<T>(&self, result: &Result<T, ProviderError>) {
        let outcome = result.as_ref().err().map_or("ok", ProviderError::kind);
        let known = OUTCOMES.into_iter().zip(&self.outcomes).find(|(name, _)| *name == outcome);
        if let Some(counter) = known.map(|(_, counter)| counter).or(self.outcomes.last()) {
            counter.add();
        }
        if matches!(result, Err(ProviderError::Throttled { .. })) {
            self.throttled.add();
        }
    }
}

impl Counted for Metrics {
    fn counts(&self) -> Counts {
        Counts {
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
        metrics.ended(&Ok(()));
        for error in [ProviderError::Denied, ProviderError::Denied, ProviderError::Throttled { retry_after: None }] {
            metrics.ended::<()>(&Err(error));
        }
        let counted: Vec<_> = metrics.outcomes().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("ok", 1), ("denied", 2), ("throttled", 1)]);
        assert_eq!(metrics.throttled(), 1);
    }

    #[test]
    fn every_kind_has_a_counter() {
        use far_core::provider::HowGone;
        let all = [
            ProviderError::NotFound,
            ProviderError::VersionGone(HowGone::Deleted),
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
