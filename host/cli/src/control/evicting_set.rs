//! A bounded set of tasks, in which a new task evicts the oldest.

use std::collections::VecDeque;

use tokio::task::{AbortHandle, JoinError, JoinSet};

/// A bounded set of tasks, which end when the set is dropped.
pub(super) struct EvictingSet<T> {
    limit: usize,
    tasks: JoinSet<T>,
    /// Handles of tasks that may still run, oldest first.
    running: VecDeque<AbortHandle>,
}

impl<T: Send + 'static> EvictingSet<T> {
    /// Creates an empty set of at most `limit` tasks.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, tasks: JoinSet::new(), running: VecDeque::new() }
    }

    /// Starts a task. A full set first aborts its oldest running task.
    pub(super) fn spawn(&mut self, task: impl Future<Output = T> + Send + 'static) {
        self.running.retain(|task| !task.is_finished());
        while self.running.len() >= self.limit && self.evict() {}
        self.running.push_back(self.tasks.spawn(task));
    }

    /// Aborts the oldest task. Returns true if there was one.
    pub(super) fn evict(&mut self) -> bool {
        // A finished task keeps its result.
        self.running.pop_front().inspect(AbortHandle::abort).is_some()
    }

    /// Waits for the next task to finish. Returns `None` for an empty set. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Result<T, JoinError>> {
        self.tasks.join_next().await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn full_set_evicts_oldest() {
        let mut set = EvictingSet::new(2);
        let oldest = set.tasks.len();
        set.spawn(pending::<u8>());
        set.spawn(pending());
        assert_eq!((oldest, set.running.len()), (0, 2));
        set.spawn(ready(7));
        let ended = [set.next().await, set.next().await].map(Option::unwrap);
        assert!(ended.iter().any(|result| result.as_ref().is_err_and(JoinError::is_cancelled)));
        assert!(ended.iter().any(|result| matches!(result, Ok(7))), "the newest ran");
        assert!(set.evict());
        assert!(set.next().await.unwrap().is_err());
        assert!(set.next().await.is_none());
    }

    #[tokio::test]
    async fn finished_task_keeps_its_result() {
        let mut set = EvictingSet::new(1);
        set.spawn(ready(1));
        tokio::task::yield_now().await;
        set.spawn(pending());
        assert_eq!(set.next().await.unwrap().unwrap(), 1);
        assert_eq!(set.running.len(), 1, "the second task still runs");
    }
}
