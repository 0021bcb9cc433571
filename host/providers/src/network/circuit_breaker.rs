//! A circuit breaker: it stops calls to a backend that fails, then admits a single probe.
//!
//! Implemented here because the available crates are either unmaintained or part of a service
//! framework.

use std::time::{Duration, Instant};

use far_core::clock;
use parking_lot::Mutex;

/// Counts consecutive failures.
pub(crate) struct CircuitBreaker {
    /// The number of failures that opens the circuit.
    failures: u32,
    /// The time until an open circuit admits a probe.
    reset_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// Half-open: one probe is in flight.
    Probing,
}

/// Permission for one call. Dropping it unused leaves the failure count unchanged.
pub(crate) struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    is_probe: bool,
}

impl CircuitBreaker {
    pub(crate) fn new(failures: u32, reset_timeout: Duration) -> Self {
        Self { failures, reset_timeout, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Admits a call, unless the circuit is open.
    pub(crate) fn acquire(&self) -> Option<Permit<'_>> {
        let mut state = self.state.lock();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= clock::now() => {
                *state = State::Probing;
                true
            }
            State::Open { .. } | State::Probing => return None,
        };
        Some(Permit { breaker: self, is_probe })
    }
}

impl Permit<'_> {
    /// Records a response, of any status.
    pub(crate) fn succeeded(mut self) {
        self.is_probe = false;
        *self.breaker.state.lock() = State::Closed { failures: 0 };
    }

    /// Records a failure. Returns true if the failure opened the circuit.
    pub(crate) fn failed(mut self) -> bool {
        let was_probe = std::mem::take(&mut self.is_probe);
        let mut state = self.breaker.state.lock();
        let failures = match *state {
            State::Closed { failures } => failures.saturating_add(1),
            State::Probing if was_probe => self.breaker.failures,
            // The call began before the circuit opened.
            State::Open { .. } | State::Probing => return false,
        };
        let opens = failures >= self.breaker.failures;
        *state = if opens {
            State::Open { until: clock::now() + self.breaker.reset_timeout }
        } else {
            State::Closed { failures }
        };
        opens
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            // The probe was cancelled: the next call may probe.
            *self.breaker.state.lock() = State::Open { until: clock::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESET_TIMEOUT: Duration = Duration::from_secs(5);

    fn opened() -> CircuitBreaker {
        let breaker = CircuitBreaker::new(2, RESET_TIMEOUT);
        assert!(!breaker.acquire().unwrap().failed());
        assert!(breaker.acquire().unwrap().failed());
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn consecutive_failures_open_circuit() {
        let breaker = CircuitBreaker::new(2, RESET_TIMEOUT);
        for _ in 0..3 {
            assert!(!breaker.acquire().unwrap().failed());
            breaker.acquire().unwrap().succeeded();
        }
        assert!(opened().acquire().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn open_circuit_admits_one_probe() {
        let breaker = opened();
        tokio::time::advance(RESET_TIMEOUT).await;
        let probe = breaker.acquire().unwrap();
        assert!(breaker.acquire().is_none(), "one probe at a time");
        probe.succeeded();
        assert!(breaker.acquire().is_some() && breaker.acquire().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn only_failed_probe_reopens_circuit() {
        let breaker = opened();
        tokio::time::advance(RESET_TIMEOUT).await;
        assert!(breaker.acquire().unwrap().failed());
        assert!(breaker.acquire().is_none());
        tokio::time::advance(RESET_TIMEOUT).await;
        drop(breaker.acquire().unwrap());
        assert!(breaker.acquire().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn late_failure_does_not_reopen_circuit() {
        let breaker = CircuitBreaker::new(1, RESET_TIMEOUT);
        let (early, late) = (breaker.acquire().unwrap(), breaker.acquire().unwrap());
        assert!(early.failed());
        assert!(!late.failed());
        assert!(breaker.acquire().is_none());
    }
}
