//! A token bucket that limits the rate of attempts.
//!
//! Implemented here, with one instant as its state: the available crates bring clocks and timers
//! that tests cannot control.

use std::time::{Duration, Instant};

use far_core::clock;
use parking_lot::Mutex;

/// Admits a burst of calls, then a sustained rate.
pub(crate) struct TokenBucket {
    /// The interval between two calls at the sustained rate.
    interval: Duration,
    /// The lead of a burst over the sustained rate.
    ahead: Duration,
    /// The instant at which the bucket is full again.
    full: Mutex<Instant>,
}

impl TokenBucket {
    /// Creates a full bucket. A `burst` of 0 counts as 1.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, ahead: interval * burst.saturating_sub(1), full: Mutex::new(clock::now()) }
    }

    /// Takes a token and returns the instant of the next permitted call.
    ///
    /// # Errors
    ///
    /// The remaining wait, if the call would be later than `latest`. No token is taken then.
    pub(crate) fn acquire(&self, latest: Instant) -> Result<Instant, Duration> {
        let now = clock::now();
        let mut full = self.full.lock();
        let next = full.checked_sub(self.ahead).unwrap_or(now).max(now);
        if next > latest {
            return Err(next - now);
        }
        *full = (*full).max(now) + self.interval;
        Ok(next)
    }

    /// Delays all calls by `time`, as the backend requested. After the pause the sustained rate
    /// applies, without a burst.
    pub(crate) fn pause(&self, time: Duration) {
        let mut full = self.full.lock();
        *full = (*full).max(clock::now() + time + self.ahead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn burst_is_followed_by_sustained_rate() {
        let bucket = TokenBucket::new(10, 3);
        let start = clock::now();
        let at: Vec<_> = (0..5).map(|_| (bucket.acquire(start + SECOND).unwrap() - start).as_millis()).collect();
        assert_eq!(at, [0, 0, 0, 100, 200]);
        tokio::time::advance(SECOND).await;
        let now = clock::now();
        assert!((0..3).all(|_| bucket.acquire(now) == Ok(now)));
        assert_eq!(bucket.acquire(now), Err(SECOND / 10));
    }

    #[tokio::test(start_paused = true)]
    async fn rejected_call_takes_no_token() {
        let bucket = TokenBucket::new(10, 1);
        let now = clock::now();
        assert_eq!(bucket.acquire(now), Ok(now));
        for _ in 0..3 {
            assert_eq!(bucket.acquire(now), Err(SECOND / 10));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pause_delays_all_callers() {
        let bucket = TokenBucket::new(10, 3);
        let now = clock::now();
        bucket.pause(SECOND);
        assert_eq!(bucket.acquire(now), Err(SECOND));
        assert_eq!(bucket.acquire(now + SECOND), Ok(now + SECOND));
    }
}
