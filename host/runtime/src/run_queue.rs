//! Fair scheduling of guests that compute for long.
//!
//! A preempted guest could resume as soon as a worker thread is free. A task that needs a worker
//! for some microseconds would then wait for all computing guests each time it is woken. So a guest
//! that used up its time slice waits for a permit before it resumes, in FIFO order. There are fewer
//! permits than processors. A guest returns its permit at the next tick, or as soon as it waits.

use std::future::{Future, poll_fn};
use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use far_core::clock;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The run queue of one runtime.
#[derive(Clone, Debug)]
pub(crate) struct RunQueue(Arc<Semaphore>);

/// One task's entry in the run queue, shared by its store and by the future that polls its call.
#[derive(Clone, Debug)]
pub(crate) struct QueueEntry {
    permits: Arc<Semaphore>,
    slice: Arc<Mutex<TimeSlice>>,
}

#[derive(Debug)]
struct TimeSlice {
    started: Instant,
    permit: Option<OwnedSemaphorePermit>,
}

impl RunQueue {
    /// Creates a queue with one permit less than there are processors, and at least one.
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Semaphore::new(processors.saturating_sub(1).max(1))))
    }

    /// Adds a task, which runs its first time slice without a permit.
    pub(crate) fn join(&self) -> QueueEntry {
        let slice = TimeSlice { started: clock::machine_now(), permit: None };
        QueueEntry { permits: self.0.clone(), slice: Arc::new(Mutex::new(slice)) }
    }
}

impl QueueEntry {
    /// Runs a guest's call: starts a time slice with each poll, and returns the permit whenever the
    /// guest waits.
    pub(crate) async fn run<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.slice.lock().started = clock::machine_now();
            let polled = call.as_mut().poll(context);
            self.slice.lock().permit = None;
            polled
        })
        .await
    }

    /// Returns the future that a preempted guest awaits before it resumes; none if the guest has
    /// computed for less than `slice`.
    pub(crate) fn preempt(&self, slice: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        let mut current = self.slice.lock();
        if clock::machine_since(current.started) < slice {
            return None;
        }
        current.permit = None;
        let entry = self.clone();
        Some(async move {
            // Yields even if a permit is free, so that the deadline and the cancellation are
            // polled.
            tokio::task::yield_now().await;
            // The semaphore is never closed.
            entry.slice.lock().permit = entry.permits.clone().acquire_owned().await.ok();
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn queue() -> RunQueue {
        RunQueue(Arc::new(Semaphore::new(1)))
    }

    #[tokio::test]
    async fn short_slice_needs_no_permit() {
        let entry = queue().join();
        assert!(entry.preempt(Duration::from_secs(60)).is_none());
        assert!(entry.preempt(Duration::ZERO).is_some());
    }

    #[tokio::test]
    async fn waiting_guest_returns_its_permit() {
        let queue = queue();
        let (one, other) = (queue.join(), queue.join());
        one.preempt(Duration::ZERO).unwrap().await;
        let mut waiting = Box::pin(other.preempt(Duration::ZERO).unwrap());
        assert!(waiting.as_mut().now_or_never().is_none(), "the future yields first");
        assert!(waiting.as_mut().now_or_never().is_none(), "the only permit is in use");
        one.run(std::future::ready(())).await;
        assert!(waiting.now_or_never().is_some());
        assert!(one.preempt(Duration::ZERO).unwrap().now_or_never().is_none());
        other.run(std::future::ready(())).await;
        one.preempt(Duration::ZERO).unwrap().await;
    }
}
