//! A token bucket: how often a backend is asked.
//!
//! It is our own, in one instant of state: crates for it bring clocks and timers of their own, which no test can hold.

use std::time::{Duration, Instant};

use far_core::clock;
use parking_lot::Mutex;

/// So many calls at once, and so many a second after that.
pub(crate) struct Bucket {
    /// Between two calls, in the long run.
    interval: Duration,
    /// How far ahead of that calls may be.
    ahead: Duration,
    /// When the bucket is full again.
    full: Mutex<Instant>,
}

impl Bucket {
    /// `burst` is one at least.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, ahead: interval * burst.saturating_sub(1), full: Mutex::new(clock::now()) }
    }

    /// When the next call may be made, which takes its token; nothing is taken if that is later than `latest`, and the
    /// answer is how long it would have been.
    pub(crate) fn take(&self, latest: Instant) -> Result<Instant, Duration> {
        let now = clock::now();
        let mut full = self.full.lock();
        let next = full.checked_sub(self.ahead).unwrap_or(now).max(now);
        if next > latest {
            return Err(next - now);
        }
        *full = (*full).max(now) + self.interval;
        Ok(next)
    }

    /// Nobody calls for so long: the backend said so. Then they come in turn, and not all at once.
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
    async fn a_burst_goes_at_once_and_the_rest_in_turn() {
        let bucket = Bucket::new(10, 3);
        let start = clock::now();
        let at: Vec<_> = (0..5).map(|_| (bucket.take(start + SECOND).unwrap() - start).as_millis()).collect();
        assert_eq!(at, [0, 0, 0, 100, 200]);
        tokio::time::advance(SECOND).await;
        let now = clock::now();
        assert!((0..3).all(|_| bucket.take(now) == Ok(now)));
        assert_eq!(bucket.take(now), Err(SECOND / 10));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_given_is_not_taken() {
        let bucket = Bucket::new(10, 1);
        let now = clock::now();
        assert_eq!(bucket.take(now), Ok(now));
        for _ in 0..3 {
            assert_eq!(bucket.take(now), Err(SECOND / 10));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_for_all() {
        let bucket = Bucket::new(10, 3);
        let now = clock::now();
        bucket.pause(SECOND);
        assert_eq!(bucket.take(now), Err(SECOND));
        assert_eq!(bucket.take(now + SECOND), Ok(now + SECOND));
    }
}
