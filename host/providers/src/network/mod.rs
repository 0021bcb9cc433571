//! The parts shared by all network backends: the HTTP client and the retry layer.
//!
//! # Division of labor
//!
//! The broker, in `far-core`, caches values. It decides who shares a value and for how long, limits
//! how often a guest can refresh one, and puts a deadline around each provider call. It knows no
//! network.
//!
//! The retry layer wraps each *request* to a backend:
//!
//! - A deadline covers a call with all its attempts. It is shorter than the broker's, so that the
//!   backend's own error is reported.
//! - `Unavailable`, `Timeout` and `Throttled` are retried, with exponential backoff and jitter, or
//!   after the backend's `Retry-After` if that is longer.
//! - A circuit breaker counts consecutive failures. Any response closes it.
//! - A token bucket limits the rate of attempts. It pauses for all callers when the backend
//!   throttles.
//! - [`SingleFlight`](far_core::single_flight) merges concurrent equal requests, whatever their
//!   scope. Each caller gets its own copy.
//! - A negative cache holds confirmed "not found" results for a short time. The broker caches only
//!   values.
//!
//! # Limits
//!
//! This module caches no value. Serving a last good value during an outage (stale-if-error) is the
//! broker's decision.

mod circuit_breaker;
pub(crate) mod http;
pub(crate) mod json;
mod metrics;
#[cfg(test)]
pub(crate) mod mock_server;
#[cfg(feature = "vault")]
mod negative_cache;
mod retry;
mod token_bucket;

use std::time::Duration;

pub use self::http::HttpSetupError;
pub use self::metrics::Metrics;
#[cfg(feature = "vault")]
pub(crate) use self::negative_cache::NegativeCache;
pub(crate) use self::retry::RetryLayer;

/// Limits and timeouts of the calls to one backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The deadline of a call, with all its attempts.
    pub(crate) deadline: Duration,
    /// The timeout of one attempt.
    pub(crate) attempt_timeout: Duration,
    /// The maximum number of attempts after the first.
    pub(crate) max_retries: usize,
    /// The pause before the second attempt. It doubles with each attempt; up to as much again is
    /// added as jitter.
    pub(crate) initial_backoff: Duration,
    /// The longest pause, without jitter.
    pub(crate) max_backoff: Duration,
    /// The number of consecutive failures that opens the circuit.
    pub(crate) failure_threshold: u32,
    /// The time until an open circuit admits a probe.
    pub(crate) reset_timeout: Duration,
    /// The sustained rate of attempts, per second.
    pub(crate) attempts_per_second: u32,
    /// The number of attempts in a burst.
    pub(crate) burst: u32,
    /// The lifetime of an entry in the negative cache.
    #[cfg(feature = "vault")]
    pub(crate) negative_ttl: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // The broker's deadline is 10 s.
            deadline: Duration::from_secs(9),
            attempt_timeout: Duration::from_secs(4),
            max_retries: 4,
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            failure_threshold: 8,
            reset_timeout: Duration::from_secs(5),
            attempts_per_second: 100,
            burst: 100,
            #[cfg(feature = "vault")]
            negative_ttl: Duration::from_secs(2),
        }
    }
}
