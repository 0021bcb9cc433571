//! What all backends behind a network have in common: how they are called.
//!
//! # Who does what
//!
//! The broker, in `far-core`, keeps values: who shares one, until when, one fetch for all who share it, how often a guest
//! may have it read again, and a deadline around each call of a provider. It knows no network.
//!
//! The shell is around each *request* to a backend, for whomever it is:
//!
//! - a deadline for a call with all its attempts, shorter than the broker's, so that what is told is the backend's error;
//! - another attempt for what may be otherwise the next time — `Unavailable`, `Timeout`, `Throttled` — after a pause that
//!   doubles, is drawn at random, and is slept; the backend's own `Retry-After` where that is longer;
//! - a circuit breaker, which a backend that answers, whatever it says, never opens;
//! - a token bucket, and a pause for all when the backend asks for fewer calls;
//! - one call for all who ask the same at once, of whatever scope, by [`SingleFlight`](far_core::single_flight): each is
//!   answered with a copy of its own;
//! - a short memory of what was confirmed not to be there: the broker keeps values, and of an absence there is none.
//!
//! # What it does not do
//!
//! It keeps no value: a last good value that is served while a backend is away would be the broker's to keep, and to end.
//! Until its time ends, the broker answers from its cache without a call, and a refresh that fails leaves that as it is.

#[cfg(feature = "vault")]
mod absences;
mod breaker;
mod bucket;
pub(crate) mod http;
pub(crate) mod json;
mod metrics;
mod retry;
#[cfg(test)]
pub(crate) mod scripted;

use std::time::Duration;

#[cfg(feature = "vault")]
pub(crate) use self::absences::Absences;
pub use self::http::HttpSetupError;
pub use self::metrics::Metrics;
pub(crate) use self::retry::Shell;

/// How a backend is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long a call may take, with all its attempts.
    pub(crate) deadline: Duration,
    /// How long one attempt may take.
    pub(crate) attempt: Duration,
    /// How many attempts may follow the first.
    pub(crate) retries: usize,
    /// The pause before the second attempt, to which as much again is added at random; later ones double.
    pub(crate) first_pause: Duration,
    /// The longest pause, before what is added.
    pub(crate) longest_pause: Duration,
    /// How many failures in a row open the circuit.
    pub(crate) failures: u32,
    /// How long it then rests.
    pub(crate) rest: Duration,
    /// How many attempts a second, in the long run.
    pub(crate) per_second: u32,
    /// How many at once.
    pub(crate) burst: u32,
    /// How long an absence is remembered.
    #[cfg(feature = "vault")]
    pub(crate) absence: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // The broker's is 10 s.
            deadline: Duration::from_secs(9),
            attempt: Duration::from_secs(4),
            retries: 4,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
            failures: 8,
            rest: Duration::from_secs(5),
            per_second: 100,
            burst: 100,
            #[cfg(feature = "vault")]
            absence: Duration::from_secs(2),
        }
    }
}
