//! One request for concurrent callers with the same key.
//!
//! [`InFlight`] is one request that several callers wait for; [`SingleFlight`] finds it by a key.
//! The broker keeps its requests in its cache instead. There, one step under one lock ends a
//! request and caches its value, and the end of a task aborts its requests.
//!
//! # Security
//!
//! An answer stays in memory until the last caller that waits for it has it.

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

/// A request in a separate task. A caller that stops waiting affects neither the request nor other
/// callers.
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

    /// Returns true if the request has ended, with or without an answer.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Aborts the request at its next await point, for all callers.
    pub fn abort(&self) {
        self.task.abort();
    }
}

/// The requests in flight, by key.
pub struct SingleFlight<K, V> {
    requests: Arc<Mutex<Requests<K, V>>>,
    lost: V,
}

/// The answers by key. An id tells a request from a later one with the same key.
struct Requests<K, V> {
    by_key: HashMap<K, (u64, Answer<V>)>,
    last_id: u64,
}

/// The answer to a request that callers may share.
pub struct SharedAnswer<V> {
    /// The answer.
    pub answer: V,
    /// Set if another caller started the request.
    pub shared: bool,
}

impl<K, V> SingleFlight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Creates an empty set of requests. `lost` is the answer to a request that panics.
    pub fn new(lost: V) -> Self {
        Self { requests: Arc::new(Mutex::new(Requests { by_key: HashMap::new(), last_id: 0 })), lost }
    }

    /// Detaches the requests in flight for the matching keys: their callers get the answer, and no
    /// further caller joins.
    pub fn forget(&self, is_match: impl Fn(&K) -> bool) {
        let forgotten: Vec<_> = self.requests.lock().by_key.extract_if(|key, _| is_match(key)).collect();
        // May drop the last reference to an answer, so not under the lock.
        drop(forgotten);
    }

    /// Waits for the request in flight for this key, or starts `request`. Must be called within a
    /// tokio runtime.
    pub async fn join<F>(&self, key: K, request: impl FnOnce() -> F) -> SharedAnswer<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (answer, shared) = self.join_or_start(key, request);
        SharedAnswer { answer: answer.await, shared }
    }

    fn join_or_start<F>(&self, key: K, request: impl FnOnce() -> F) -> (Answer<V>, bool)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut requests = self.requests.lock();
        if let Some((_, answer)) = requests.by_key.get(&key) {
            return (answer.clone(), true);
        }
        requests.last_id += 1;
        let id = requests.last_id;
        let (sender, answered) = oneshot::channel();
        let lost = self.lost.clone();
        let answer = answered.map(|answered| answered.unwrap_or(lost)).boxed().shared();
        requests.by_key.insert(key.clone(), (id, answer.clone()));
        // Unlocked before the spawn: a runtime that shuts down drops the future, which locks.
        drop(requests);
        let running = RunningRequest { entry: EntryGuard { requests: self.requests.clone(), key, id }, sender };
        let request = request();
        tokio::spawn(async move { running.complete(request.await) });
        (answer, false)
    }
}

/// A running request. Its entry is removed before its callers get the answer.
struct RunningRequest<K: Eq + Hash, V> {
    entry: EntryGuard<K, V>,
    sender: oneshot::Sender<V>,
}

impl<K: Eq + Hash, V> RunningRequest<K, V> {
    fn complete(self, answer: V) {
        drop(self.entry);
        // Fails if no caller waits.
        drop(self.sender.send(answer));
    }
}

/// Removes the entry of a request when it is dropped.
struct EntryGuard<K: Eq + Hash, V> {
    requests: Arc<Mutex<Requests<K, V>>>,
    key: K,
    id: u64,
}

impl<K: Eq + Hash, V> Drop for EntryGuard<K, V> {
    fn drop(&mut self) {
        // May drop the last reference to an answer, so not under the lock.
        let mut requests = self.requests.lock();
        let is_own = requests.by_key.get(&self.key).is_some_and(|(id, _)| *id == self.id);
        let removed = if is_own { requests.by_key.remove(&self.key) } else { None };
        drop(requests);
        drop(removed);
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
    async fn concurrent_callers_share_one_request() {
        let (flights, calls) = (Arc::new(flights()), Arc::new(AtomicU64::new(0)));
        let hold = Arc::new(Notify::new());
        let mut waiters = tokio::task::JoinSet::new();
        for _ in 0..1000 {
            let (flights, calls, hold) = (flights.clone(), calls.clone(), hold.clone());
            waiters.spawn(async move {
                let request = || async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    hold.notified().await;
                    Ok(7)
                };
                flights.join("key", request).await.answer
            });
        }
        while Arc::strong_count(&flights.requests) < 2 {
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
    async fn request_survives_aborted_caller() {
        let flights = Arc::new(flights());
        let (started, hold) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let first = tokio::spawn({
            let (flights, started, hold) = (flights.clone(), started.clone(), hold.clone());
            let request = || async move {
                started.notify_one();
                hold.notified().await;
                Ok(1)
            };
            async move { flights.join(0, request).await.answer }
        });
        started.notified().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        hold.notify_one();
        let second = flights.join(0, || async { Ok(2) }).await;
        assert!(second.shared && second.answer == Ok(1), "the first request continued");
    }

    #[tokio::test]
    async fn completed_request_is_not_joined() {
        let flights = flights();
        for answer in [1, 2] {
            assert_eq!(flights.join(0, || async move { Ok(answer) }).await.answer, Ok(answer));
        }
        assert!(flights.requests.lock().by_key.is_empty());
    }

    #[tokio::test]
    async fn forgotten_request_answers_waiting_callers_only() {
        let (flights, hold) = (Arc::new(flights()), Arc::new(Notify::new()));
        let start = |answer| {
            let (flights, hold) = (flights.clone(), hold.clone());
            let request = move || async move {
                hold.notified().await;
                Ok(answer)
            };
            tokio::spawn(async move { flights.join(0, request).await })
        };
        let before = start(1);
        tokio::task::yield_now().await;
        flights.forget(|key| *key == 1);
        assert_eq!(flights.requests.lock().by_key.len(), 1);
        flights.forget(|key| *key == 0);
        let after = start(2);
        while flights.requests.lock().last_id < 2 {
            tokio::task::yield_now().await;
        }
        hold.notify_one();
        assert_eq!(before.await.unwrap().answer, Ok(1));
        let joined = flights.join(0, || async { Ok(3) });
        hold.notify_one();
        let joined = joined.await;
        assert!(joined.shared && joined.answer == Ok(2), "a completed request removes only its own entry");
        assert_eq!(after.await.unwrap().answer, Ok(2));
    }

    #[test]
    fn ended_runtime_answers_lost() {
        let (done, waits) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let handle = runtime.handle().clone();
            // Returns when the runtime accepts no task.
            runtime.shutdown_timeout(std::time::Duration::from_secs(30));
            let (flights, _entered) = (flights::<u8>(), handle.enter());
            let answer = flights.join(0, || async { Ok(1) }).now_or_never();
            done.send((answer.map(|joined| joined.answer), flights.requests.lock().by_key.len())).unwrap();
        });
        let ended = waits.recv_timeout(std::time::Duration::from_secs(60));
        assert_eq!(ended, Ok((Some(Err(ProviderError::Unavailable)), 0)));
    }

    #[tokio::test]
    async fn panicked_request_answers_lost() {
        let flights: SingleFlight<u8, Number> = flights();
        let panics = || async { panic!("on purpose") };
        assert_eq!(flights.join(0, panics).await.answer, Err(ProviderError::Unavailable));
        assert_eq!(flights.join(0, || async { Ok(1) }).await.answer, Ok(1));
    }
}
