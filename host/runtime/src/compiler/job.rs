//! One compilation: its limits, its share of the processors, and whether anybody waits for it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use far_core::clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::LoadLimits;

/// The components that are compiled at once, and those that wait for a place.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    semaphore: Arc<Semaphore>,
    all: usize,
}

/// One compilation.
pub(crate) struct Job {
    pub(super) limits: LoadLimits,
    places: Places,
    _place: OwnedSemaphorePermit,
    /// Whose other end the waiter holds.
    waiter: watch::Sender<()>,
}

impl Places {
    pub(crate) fn new(all: usize) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(all)), all }
    }

    /// Waits for a place. The job is abandoned once the receiver is dropped.
    pub(crate) async fn job(&self, limits: LoadLimits) -> Option<(Job, watch::Receiver<()>)> {
        // The semaphore is never closed.
        let place = self.semaphore.clone().acquire_owned().await.ok()?;
        let (waiter, waiting) = watch::channel(());
        Some((Job { limits, places: self.clone(), _place: place, waiter }, waiting))
    }
}

impl Job {
    pub(super) fn is_abandoned(&self) -> bool {
        self.waiter.is_closed()
    }

    /// Starts the clock of the job.
    pub(super) fn start(&self) -> Clock<'_> {
        Clock { job: self, left: self.limits.timeout, seen: clock::machine_now() }
    }

    /// The share of a processor that each of the compilations has, if each uses one.
    fn share(&self) -> f64 {
        let running = self.places.all.saturating_sub(self.places.semaphore.available_permits()).max(1);
        let processors = thread::available_parallelism().map_or(1, |number| number.get());
        if running <= processors { 1.0 } else { processors as f64 / running as f64 }
    }
}

/// A clock that passes slower while compilations share processors.
pub(super) struct Clock<'j> {
    job: &'j Job,
    left: Duration,
    seen: Instant,
}

impl Clock<'_> {
    /// Returns the time left; none once it is over.
    pub(super) fn left(&mut self) -> Option<Duration> {
        let now = clock::machine_now();
        let passed = now.duration_since(self.seen).mul_f64(self.job.share());
        self.seen = now;
        self.left = self.left.checked_sub(passed)?;
        Some(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn job_is_abandoned_with_waiter() {
        let places = Places::new(2);
        let (job, waiting) = places.job(LoadLimits::default()).await.unwrap();
        assert!(!job.is_abandoned());
        drop(waiting);
        assert!(job.is_abandoned());
        drop(job);
        assert_eq!(places.semaphore.available_permits(), 2);
    }

    #[tokio::test]
    async fn crowded_processors_slow_the_clock() {
        let processors = thread::available_parallelism().map_or(1, |number| number.get());
        let places = Places::new(processors * 4);
        let mut jobs = vec![places.job(LoadLimits::default()).await.unwrap()];
        assert_eq!(jobs[0].0.share(), 1.0);
        for _ in 1..processors * 4 {
            jobs.push(places.job(LoadLimits::default()).await.unwrap());
        }
        assert_eq!(jobs[0].0.share(), 0.25);
        let mut clock = jobs[0].0.start();
        assert!(clock.left().is_some());
        clock.seen -= Duration::from_secs(239);
        assert!(clock.left().is_some());
        clock.seen -= Duration::from_secs(2);
        assert!(clock.left().is_none());
    }
}
