//! Queues of sinks that write from a thread of their own.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Receipt, SinkError};
use crate::clock;

/// Puts a record's job into a queue, without waiting; the thread behind the queue sends its word on the record.
pub fn submit<T>(queue: &SyncSender<T>, job: impl FnOnce(oneshot::Sender<Result<(), SinkError>>) -> T) -> Receipt {
    let (word, receipt) = oneshot::channel();
    match queue.try_send(job(word)) {
        Ok(()) => Receipt::Pending(receipt),
        Err(TrySendError::Full(_)) => Receipt::Ready(Err(SinkError::Full)),
        Err(TrySendError::Disconnected(_)) => Receipt::Ready(Err(SinkError::Closed)),
    }
}

/// Puts a job into a queue that may be full: the thread behind it gets this time to come free.
///
/// # Errors
///
/// [`SinkError::Closed`] if the thread is gone, [`SinkError::Deadline`] if the time is over.
pub fn send<T>(queue: &SyncSender<T>, mut job: T, within: Duration) -> Result<(), SinkError> {
    let start = clock::machine_now();
    loop {
        match queue.try_send(job) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(_)) => return Err(SinkError::Closed),
            Err(TrySendError::Full(_)) if clock::machine_since(start) >= within => return Err(SinkError::Deadline),
            Err(TrySendError::Full(again)) => {
                job = again;
                thread::park_timeout(Duration::from_millis(1));
            }
        }
    }
}
