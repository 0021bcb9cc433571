//! Compilation jobs.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use far_core::clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::LoadLimits;

/// A queue that limits concurrent compilations.
#[derive(Clone, Debug)]
pub(crate) struct CompileQueue {
    semaphore: Arc<Semaphore>,
    permits: usize,
}

/// One compilation, with its limits and its permit.
pub(crate) struct Job {
    pub(super) limits: LoadLimits,
    compile_queue: CompileQueue,
    _permit: OwnedSemaphorePermit,
    /// Closed when the waiting load is dropped.
    waiter: watch::Sender<()>,
}

impl CompileQueue {
    pub(crate) fn new(permits: usize) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(permits)), permits }
    }

    /// Waits for a permit. The job is abandoned when the receiver is dropped.
    pub(crate) async fn job(&self, limits: LoadLimits) -> Option<(Job, watch::Receiver<()>)> {
        // The semaphore is never closed.
        let permit = self.semaphore.clone().acquire_owned().await.ok()?;
        let (waiter, waiting) = watch::channel(());
        Some((Job { limits, compile_queue: self.clone(), _permit: permit, waiter }, waiting))
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

    /// Returns the share of a processor per compilation, if each uses one processor.
    fn share(&self) -> f64 {
        let running =
            self.compile_queue.permits.saturating_sub(self.compile_queue.semaphore.available_permits()).max(1);
        let processors = thread::available_parallelism().map_or(1, |number| number.get());
        if running <= processors { 1.0 } else { processors as f64 / running as f64 }
    }
}

/// A clock that slows down while compilations share processors.
pub(super) struct Clock<'j> {
    job: &'j Job,
    left: Duration,
    seen: Instant,
}

impl Clock<'_> {
    /// Returns the time left; none after the timeout.
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
        let compile_queue = CompileQueue::new(2);
        let (job, waiting) = compile_queue.job(LoadLimits::default()).await.unwrap();
        assert!(!job.is_abandoned());
        drop(waiting);
        assert!(job.is_abandoned());
        drop(job);
        assert_eq!(compile_queue.semaphore.available_permits(), 2);
    }

    #[tokio::test]
    async fn crowded_processors_slow_the_clock() {
        let processors = thread::available_parallelism().map_or(1, |number| number.get());
        let compile_queue = CompileQueue::new(processors * 4);
        let mut jobs = vec![compile_queue.job(LoadLimits::default()).await.unwrap()];
        assert_eq!(jobs[0].0.share(), 1.0);
        for _ in 1..processors * 4 {
            jobs.push(compile_queue.job(LoadLimits::default()).await.unwrap());
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
