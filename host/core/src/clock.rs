//! The only source of the current time.
//!
//! All code of the host reads the clock here; `cargo xtask rules` finds code that does not. [`now`]
//! decides deadlines and lifetimes. The wall clock decides nothing: it is for display, and for
//! values that other systems read, such as the claims of a token.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Returns the monotonic time by tokio's clock, which a test can pause.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Returns the time since `start`, which [`now`] returned.
pub fn since(start: Instant) -> Duration {
    now().saturating_duration_since(start)
}

/// Returns the monotonic time of the machine, which no test can pause: for waits that block a
/// thread, and for measurements of a computation.
pub fn machine_now() -> Instant {
    Instant::now()
}

/// Returns the time since `start`, which [`machine_now`] returned.
pub fn machine_since(start: Instant) -> Duration {
    machine_now().saturating_duration_since(start)
}

/// Returns the wall-clock time.
pub fn wall_time() -> Timestamp {
    Timestamp::now()
}

/// Returns the wall-clock time in seconds since 1970; 0 before 1970.
pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_time_stops_now() {
        let (start, machine) = (now(), machine_now());
        assert_eq!(since(start), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(since(start), Duration::from_secs(60));
        assert!(machine_since(machine) < Duration::from_secs(60));
    }
}
