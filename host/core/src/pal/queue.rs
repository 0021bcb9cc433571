//! Queues of sinks that write from a separate thread.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Receipt, SinkError};
use crate::clock;

/// Queues a job for a record without waiting. The writer thread acknowledges it by the sender that
/// `job` gets.
pub fn submit<T>(queue: &SyncSender<T>, job: impl FnOnce(oneshot::Sender<Result<(), SinkError>>) -> T) -> Receipt {
    let (ack, receipt) = oneshot::channel();
    match queue.try_send(job(ack)) {
        Ok(()) => Receipt::Pending(receipt),
        Err(TrySendError::Full(_)) => Receipt::Ready(Err(SinkError::Full)),
        Err(TrySendError::Disconnected(_)) => Receipt::Ready(Err(SinkError::Closed)),
    }
}

/// Queues a job, and waits up to `within` while the queue is full. Blocks.
///
/// # Errors
///
/// [`SinkError::Closed`] if the writer thread has ended, [`SinkError::Deadline`] if the queue stays
/// full.
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
