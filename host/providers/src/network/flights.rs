//! One call for all who ask the same at once.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use far_core::provider::ProviderError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;

type Flight<V> = Shared<BoxFuture<'static, Result<V, ProviderError>>>;
type Running<K, V> = Arc<Mutex<Board<K, V>>>;

/// What is under way, each with its number: another may have taken the place of one that was forgotten.
struct Board<K, V> {
    flights: HashMap<K, (u64, Flight<V>)>,
    last: u64,
}

/// What is being asked, by what is asked.
pub(crate) struct Flights<K, V>(Running<K, V>);

/// The answer, and whether it is another's as well.
pub(crate) struct Landed<V> {
    pub(crate) answer: Result<V, ProviderError>,
    pub(crate) shared: bool,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Board { flights: HashMap::new(), last: 0 })))
    }

    /// Has nobody join from now on what is under way of these: who waits for it is answered.
    pub(crate) fn forget(&self, is_one: impl Fn(&K) -> bool) {
        let gone: Vec<_> = self.0.lock().flights.extract_if(|key, _| is_one(key)).collect();
        // What goes may be the last that holds an answer: not under the lock.
        drop(gone);
    }

    /// Waits for the call that is under way, or for a new one by `fly`. That runs in a task of its own: who goes away
    /// ends neither it nor the others' wait. Must be called within a tokio runtime.
    pub(crate) async fn join<F>(&self, key: K, fly: impl FnOnce() -> F) -> Landed<V>
    where
        F: Future<Output = Result<V, ProviderError>> + Send + 'static,
    {
        let (flight, shared) = self.flight(key, fly);
        Landed { answer: flight.await, shared }
    }

    fn flight<F>(&self, key: K, fly: impl FnOnce() -> F) -> (Flight<V>, bool)
    where
        F: Future<Output = Result<V, ProviderError>> + Send + 'static,
    {
        let mut running = self.0.lock();
        if let Some((_, flight)) = running.flights.get(&key) {
            return (flight.clone(), true);
        }
        running.last += 1;
        let number = running.last;
        let (call, landing) = (fly(), Landing { running: self.0.clone(), key: key.clone(), number });
        let task = tokio::spawn(async move {
            let _landing = landing;
            call.await
        });
        // A task that panicked gave no answer.
        let flight = task.map(|ended| ended.unwrap_or(Err(ProviderError::Unavailable))).boxed().shared();
        running.flights.insert(key, (number, flight.clone()));
        (flight, false)
    }
}

/// Takes a flight off the board, however it ends.
struct Landing<K: Eq + Hash, V> {
    running: Running<K, V>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        // What goes may be the last that holds an answer: not under the lock.
        let mut running = self.running.lock();
        let is_own = running.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number);
        let gone = if is_own { running.flights.remove(&self.key) } else { None };
        drop(running);
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_thousand_ask_and_one_call_is_made() {
        let (flights, calls) = (Arc::new(Flights::new()), Arc::new(AtomicU64::new(0)));
        let hold = Arc::new(Notify::new());
        let mut waiters = tokio::task::JoinSet::new();
        for _ in 0..1000 {
            let (flights, calls, hold) = (flights.clone(), calls.clone(), hold.clone());
            waiters.spawn(async move {
                let fly = || async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    hold.notified().await;
                    Ok(7)
                };
                flights.join("key", fly).await.answer
            });
        }
        while Arc::strong_count(&flights.0) < 2 {
            tokio::task::yield_now().await;
        }
        hold.notify_one();
        let mut answers = 0;
        while let Some(ended) = waiters.join_next().await {
            answers += u32::from(matches!(ended, Ok(Ok(7))));
        }
        assert_eq!((answers, calls.load(Ordering::SeqCst)), (1000, 1));
    }

    #[tokio::test]
    async fn who_goes_away_ends_nothing() {
        let flights = Arc::new(Flights::new());
        let (started, hold) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let first = tokio::spawn({
            let (flights, started, hold) = (flights.clone(), started.clone(), hold.clone());
            let fly = || async move {
                started.notify_one();
                hold.notified().await;
                Ok(1)
            };
            async move { flights.join(0, fly).await.answer }
        });
        started.notified().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        hold.notify_one();
        let landed = flights.join(0, || async { Ok(2) }).await;
        assert!(landed.shared && landed.answer == Ok(1), "the flight went on");
    }

    #[tokio::test]
    async fn what_has_landed_is_asked_again() {
        let flights = Flights::new();
        for answer in [1, 2] {
            assert_eq!(flights.join(0, || async move { Ok(answer) }).await.answer, Ok(answer));
        }
        assert!(flights.0.lock().flights.is_empty());
    }

    #[tokio::test]
    async fn what_was_forgotten_answers_those_who_wait_and_nobody_else() {
        let (flights, hold) = (Arc::new(Flights::new()), Arc::new(Notify::new()));
        let held = |answer| {
            let (flights, hold) = (flights.clone(), hold.clone());
            let fly = move || async move {
                hold.notified().await;
                Ok(answer)
            };
            tokio::spawn(async move { flights.join(0, fly).await })
        };
        let before = held(1);
        tokio::task::yield_now().await;
        flights.forget(|key| *key == 1);
        assert_eq!(flights.0.lock().flights.len(), 1);
        flights.forget(|key| *key == 0);
        let after = held(2);
        while flights.0.lock().last < 2 {
            tokio::task::yield_now().await;
        }
        hold.notify_one();
        assert_eq!(before.await.unwrap().answer, Ok(1));
        let joined = flights.join(0, || async { Ok(3) });
        hold.notify_one();
        let joined = joined.await;
        assert!(joined.shared && joined.answer == Ok(2), "what landed took none but itself off the board");
        assert_eq!(after.await.unwrap().answer, Ok(2));
    }

    #[tokio::test]
    async fn a_call_that_panics_answers_and_is_not_waited_for_again() {
        let flights: Flights<u8, u8> = Flights::new();
        let panics = || async { panic!("as it is meant to") };
        assert_eq!(flights.join(0, panics).await.answer, Err(ProviderError::Unavailable));
        assert_eq!(flights.join(0, || async { Ok(1) }).await.answer, Ok(1));
    }
}
