//! A circuit breaker: a backend that does not answer is left alone for a while, then tried by one call.
//!
//! It is our own: what there is is either unkept, or a whole framework for services, and this is a state of three.

use std::time::{Duration, Instant};

use far_core::clock;
use parking_lot::Mutex;

/// Counts failures in a row.
pub(crate) struct Breaker {
    /// How many open it.
    failures: u32,
    /// For how long.
    rest: Duration,
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
    /// Half open: one call is on its way, to see.
    Probing,
}

/// A call that was let through. Dropping it without a word says nothing about the backend.
pub(crate) struct Entry<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Breaker {
    pub(crate) fn new(failures: u32, rest: Duration) -> Self {
        Self { failures, rest, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Lets a call through, unless the backend is left alone.
    pub(crate) fn enter(&self) -> Option<Entry<'_>> {
        let mut state = self.state.lock();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= clock::now() => {
                *state = State::Probing;
                true
            }
            State::Open { .. } | State::Probing => return None,
        };
        Some(Entry { breaker: self, is_probe })
    }
}

impl Entry<'_> {
    /// The backend answered: whatever it said.
    pub(crate) fn answered(mut self) {
        self.is_probe = false;
        *self.breaker.state.lock() = State::Closed { failures: 0 };
    }

    /// It did not. Says whether that opened the circuit.
    pub(crate) fn failed(mut self) -> bool {
        let was_probe = std::mem::take(&mut self.is_probe);
        let mut state = self.breaker.state.lock();
        let failures = match *state {
            State::Closed { failures } => failures.saturating_add(1),
            State::Probing if was_probe => self.breaker.failures,
            // One of before it opened.
            State::Open { .. } | State::Probing => return false,
        };
        let opens = failures >= self.breaker.failures;
        *state =
            if opens { State::Open { until: clock::now() + self.breaker.rest } } else { State::Closed { failures } };
        opens
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            // It was given up before there was an answer: the next may see.
            *self.breaker.state.lock() = State::Open { until: clock::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(5);

    fn opened() -> Breaker {
        let breaker = Breaker::new(2, REST);
        assert!(!breaker.enter().unwrap().failed());
        assert!(breaker.enter().unwrap().failed());
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_an_answer_starts_over() {
        let breaker = Breaker::new(2, REST);
        for _ in 0..3 {
            assert!(!breaker.enter().unwrap().failed());
            breaker.enter().unwrap().answered();
        }
        assert!(opened().enter().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_sees_whether_it_is_back() {
        let breaker = opened();
        tokio::time::advance(REST).await;
        let probe = breaker.enter().unwrap();
        assert!(breaker.enter().is_none(), "one at a time");
        probe.answered();
        assert!(breaker.enter().is_some() && breaker.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_fails_rests_again_and_one_that_is_given_up_does_not() {
        let breaker = opened();
        tokio::time::advance(REST).await;
        assert!(breaker.enter().unwrap().failed());
        assert!(breaker.enter().is_none());
        tokio::time::advance(REST).await;
        drop(breaker.enter().unwrap());
        assert!(breaker.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_on_its_way_before_says_nothing_new() {
        let breaker = Breaker::new(1, REST);
        let (early, late) = (breaker.enter().unwrap(), breaker.enter().unwrap());
        assert!(early.failed());
        assert!(!late.failed());
        assert!(breaker.enter().is_none());
    }
}
