//! Taking turns: guests that compute for long share a part of the processors, so that others are not kept waiting.
//!
//! An interrupted guest could go on as soon as a worker is free; but then a task that needs a worker for some microseconds
//! waits behind all that compute, each time that it is woken. So whoever computed for a whole tick without a pause waits for a
//! turn before it goes on, first come first served, and there are fewer turns than processors. A turn ends with the next
//! tick, or as soon as the guest waits for something.

use std::future::{Future, poll_fn};
use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use far_core::clock;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of one runtime.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

/// One task's place among them, shared by its store and by what polls its call.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    turns: Arc<Semaphore>,
    now: Arc<Mutex<Now>>,
}

#[derive(Debug)]
struct Now {
    /// When the guest was last let on after a pause.
    since: Instant,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// One less than there are processors, and one at least.
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Semaphore::new(processors.saturating_sub(1).max(1))))
    }

    /// The place of a new task, which needs no turn yet.
    pub(crate) fn join(&self) -> Turn {
        let now = Now { since: clock::machine_now(), permit: None };
        Turn { turns: self.0.clone(), now: Arc::new(Mutex::new(now)) }
    }
}

impl Turn {
    /// Polls a guest's call so that it is known how long it computes, and gives its turn back whenever it waits.
    pub(crate) async fn pace<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.now.lock().since = clock::machine_now();
            let polled = call.as_mut().poll(context);
            self.now.lock().permit = None;
            polled
        })
        .await
    }

    /// What an interrupted guest waits for before it goes on; none if it has not computed for so long yet.
    pub(crate) fn next(&self, long: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        let mut now = self.now.lock();
        if clock::machine_since(now.since) < long {
            return None;
        }
        now.permit = None;
        let turn = self.clone();
        Some(async move {
            // Once in any case, so that what watches over the task is polled too.
            tokio::task::yield_now().await;
            // The semaphore is never closed.
            turn.now.lock().permit = turn.turns.clone().acquire_owned().await.ok();
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn turns() -> Turns {
        Turns(Arc::new(Semaphore::new(1)))
    }

    #[tokio::test]
    async fn a_short_stretch_needs_no_turn() {
        let turn = turns().join();
        assert!(turn.next(Duration::from_secs(60)).is_none());
        assert!(turn.next(Duration::ZERO).is_some());
    }

    #[tokio::test]
    async fn turns_go_round_and_end_when_a_guest_waits() {
        let turns = turns();
        let (one, other) = (turns.join(), turns.join());
        one.next(Duration::ZERO).unwrap().await;
        let mut waiting = Box::pin(other.next(Duration::ZERO).unwrap());
        assert!(waiting.as_mut().now_or_never().is_none(), "yields first");
        assert!(waiting.as_mut().now_or_never().is_none(), "there is one turn, and it is taken");
        one.pace(std::future::ready(())).await;
        assert!(waiting.now_or_never().is_some());
        assert!(one.next(Duration::ZERO).unwrap().now_or_never().is_none());
        other.pace(std::future::ready(())).await;
        one.next(Duration::ZERO).unwrap().await;
    }
}
