//! A bounded set of tasks, in which a new one takes the place of the oldest.

use std::collections::VecDeque;

use tokio::task::{AbortHandle, JoinError, JoinSet};

/// Tasks that end with this set, and of which only so many run at once.
pub(super) struct Evicting<T> {
    limit: usize,
    tasks: JoinSet<T>,
    /// Every task that may still run, the oldest first.
    running: VecDeque<AbortHandle>,
}

impl<T: Send + 'static> Evicting<T> {
    /// Makes an empty set of at most `limit` tasks.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, tasks: JoinSet::new(), running: VecDeque::new() }
    }

    /// Starts a task. In a full set, the oldest that has not finished ends for it.
    pub(super) fn spawn(&mut self, task: impl Future<Output = T> + Send + 'static) {
        self.running.retain(|task| !task.is_finished());
        while self.running.len() >= self.limit && self.evict() {}
        self.running.push_back(self.tasks.spawn(task));
    }

    /// Ends the oldest task. Returns whether there was one.
    pub(super) fn evict(&mut self) -> bool {
        // Of a task that has finished meanwhile, the result stays.
        self.running.pop_front().inspect(AbortHandle::abort).is_some()
    }

    /// Waits for the next task to finish; none if there is no task. Cancel safe.
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
        let mut set = Evicting::new(2);
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
        let mut set = Evicting::new(1);
        set.spawn(ready(1));
        tokio::task::yield_now().await;
        set.spawn(pending());
        assert_eq!(set.next().await.unwrap().unwrap(), 1);
        assert_eq!(set.running.len(), 1, "the second one runs on");
    }
}
