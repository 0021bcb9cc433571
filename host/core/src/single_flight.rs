//! One request for all callers that ask the same at once.
//!
//! [`InFlight`] is one request that several wait for; [`SingleFlight`] finds it by a key. The broker
//! has its own way from a key to the request, which is a part of its cache: a request that ends and
//! the value that takes its place must be one step under one lock, and the end of a task aborts
//! what it had in flight.
//!
//! # Security
//!
//! An answer stays in memory for as long as somebody waits for it, and is dropped with the last of
//! them.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// The wait for the answer to a request in flight.
pub type Answer<V> = Shared<BoxFuture<'static, V>>;

/// A request that runs in a task of its own: a caller that stops waiting ends neither the request
/// nor the wait of others.
pub struct InFlight<V> {
    answer: Answer<V>,
    task: AbortHandle,
}

impl<V: Clone + Send + Sync + 'static> InFlight<V> {
    /// Starts a request. If it panics or is aborted, `lost` is the answer. Must be called within a
    /// tokio runtime.
    pub fn start(request: impl Future<Output = V> + Send + 'static, lost: V) -> Self {
        let task = tokio::spawn(request);
        let abort = task.abort_handle();
        Self { answer: task.map(|ended| ended.unwrap_or(lost)).boxed().shared(), task: abort }
    }

    /// Returns the wait for the answer.
    pub fn answer(&self) -> Answer<V> {
        self.answer.clone()
    }

    /// Returns whether the request has ended, by an answer or without one.
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Aborts the request at its next await point, for all that wait for it.
    pub fn abort(&self) {
        self.task.abort();
    }
}

/// The requests in flight, by what they ask.
pub struct SingleFlight<K, V> {
    board: Arc<Mutex<Board<K, V>>>,
    lost: V,
}

/// Each request has a number: another may have taken the place of one that was forgotten.
struct Board<K, V> {
    flights: HashMap<K, (u64, Answer<V>)>,
    last: u64,
}

/// An answer, and whether another caller asked first.
pub struct Joined<V> {
    /// The answer.
    pub answer: V,
    /// Whether the request was in flight already.
    pub shared: bool,
}

impl<K, V> SingleFlight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Nothing is in flight. `lost` is the answer to a request that panics.
    pub fn new(lost: V) -> Self {
        Self { board: Arc::new(Mutex::new(Board { flights: HashMap::new(), last: 0 })), lost }
    }

    /// Detaches the requests in flight for these keys: callers that wait for one are answered, and
    /// nobody joins it from now on.
    pub fn forget(&self, is_one: impl Fn(&K) -> bool) {
        let forgotten: Vec<_> = self.board.lock().flights.extract_if(|key, _| is_one(key)).collect();
        // This may drop the last reference to an answer: not under the lock.
        drop(forgotten);
    }

    /// Waits for the request in flight for this key, or for a new one by `request`. Must be called
    /// within a tokio runtime.
    pub async fn join<F>(&self, key: K, request: impl FnOnce() -> F) -> Joined<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (answer, shared) = self.flight(key, request);
        Joined { answer: answer.await, shared }
    }

    fn flight<F>(&self, key: K, request: impl FnOnce() -> F) -> (Answer<V>, bool)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut board = self.board.lock();
        if let Some((_, answer)) = board.flights.get(&key) {
            return (answer.clone(), true);
        }
        board.last += 1;
        let number = board.last;
        let (answers, answered) = oneshot::channel();
        let lost = self.lost.clone();
        let answer = answered.map(|answered| answered.unwrap_or(lost)).boxed().shared();
        board.flights.insert(key.clone(), (number, answer.clone()));
        // A runtime that shuts down drops what it is to spawn, and a landing takes the lock.
        drop(board);
        let flight = Flight { landing: Landing { board: self.board.clone(), key, number }, answers };
        let request = request();
        tokio::spawn(async move { flight.end(request.await) });
        (answer, false)
    }
}

/// A request under way. Without an answer, it is off the board before those who wait are told.
struct Flight<K: Eq + Hash, V> {
    landing: Landing<K, V>,
    answers: oneshot::Sender<V>,
}

impl<K: Eq + Hash, V> Flight<K, V> {
    fn end(self, answer: V) {
        drop(self.landing);
        // Perhaps nobody waits any more.
        drop(self.answers.send(answer));
    }
}

/// Takes a request off the board, however it ends.
struct Landing<K: Eq + Hash, V> {
    board: Arc<Mutex<Board<K, V>>>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        // This may drop the last reference to an answer: not under the lock.
        let mut board = self.board.lock();
        let is_own = board.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number);
        let landed = if is_own { board.flights.remove(&self.key) } else { None };
        drop(board);
        drop(landed);
    }
}

impl<V> fmt::Debug for InFlight<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::sync::Notify;

    use super::*;
    use crate::provider::ProviderError;

    type Number = Result<u8, ProviderError>;

    fn flights<K: Clone + Eq + Hash + Send + 'static>() -> SingleFlight<K, Number> {
        SingleFlight::new(Err(ProviderError::Unavailable))
    }

    #[tokio::test]
    async fn a_thousand_ask_and_one_call_is_made() {
        let (flights, calls) = (Arc::new(flights()), Arc::new(AtomicU64::new(0)));
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
        while Arc::strong_count(&flights.board) < 2 {
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
        let flights = Arc::new(flights());
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
        let flights = flights();
        for answer in [1, 2] {
            assert_eq!(flights.join(0, || async move { Ok(answer) }).await.answer, Ok(answer));
        }
        assert!(flights.board.lock().flights.is_empty());
    }

    #[tokio::test]
    async fn what_was_forgotten_answers_those_who_wait_and_nobody_else() {
        let (flights, hold) = (Arc::new(flights()), Arc::new(Notify::new()));
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
        assert_eq!(flights.board.lock().flights.len(), 1);
        flights.forget(|key| *key == 0);
        let after = held(2);
        while flights.board.lock().last < 2 {
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

    #[test]
    fn ended_runtime_answers_lost() {
        let (done, waits) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let handle = runtime.handle().clone();
            // Returns when the runtime takes no task any more.
            runtime.shutdown_timeout(std::time::Duration::from_secs(30));
            let (flights, _entered) = (flights::<u8>(), handle.enter());
            let asked = flights.join(0, || async { Ok(1) }).now_or_never();
            done.send((asked.map(|joined| joined.answer), flights.board.lock().flights.len())).unwrap();
        });
        let ended = waits.recv_timeout(std::time::Duration::from_secs(60));
        assert_eq!(ended, Ok((Some(Err(ProviderError::Unavailable)), 0)));
    }

    #[tokio::test]
    async fn a_call_that_panics_answers_and_is_not_waited_for_again() {
        let flights: SingleFlight<u8, Number> = flights();
        let panics = || async { panic!("as it is meant to") };
        assert_eq!(flights.join(0, panics).await.answer, Err(ProviderError::Unavailable));
        assert_eq!(flights.join(0, || async { Ok(1) }).await.answer, Ok(1));
    }
}
