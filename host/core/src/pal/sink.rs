//! Destinations of records.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Record;

/// A destination of records.
///
/// # Security
///
/// The log calls `submit` in the order of the records, with a lock held, so it must not block. A
/// sink with slow work passes the record to another thread and returns [`Receipt::Pending`]. A
/// panic counts as a rejected record.
pub trait Sink: Send + Sync + 'static {
    /// Accepts, queues or rejects a record.
    fn submit(&self, record: &Arc<Record>) -> Receipt;
}

/// A sink's acknowledgement of a record.
#[derive(Debug)]
pub enum Receipt {
    /// The sink accepted or rejected the record at once.
    Ready(Result<(), SinkError>),
    /// The sink reports the result later. A dropped sender means that the record is lost.
    Pending(oneshot::Receiver<Result<(), SinkError>>),
}

impl Receipt {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// The sink's error, or [`SinkError::Closed`] if the sink was dropped.
    pub async fn wait(self) -> Result<(), SinkError> {
        match self {
            Self::Ready(result) => result,
            Self::Pending(result) => result.await.unwrap_or(Err(SinkError::Closed)),
        }
    }
}

/// An error that a sink returned for a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The write failed. A part of the record may have been written.
    #[error("a record could not be written: {0}")]
    Write(std::io::ErrorKind),
    /// The sink's queue is full.
    #[error("the queue of the sink is full")]
    Full,
    /// The sink is closed.
    #[error("the sink is closed")]
    Closed,
    /// The sink missed its deadline.
    #[error("the sink did not accept the record in time")]
    Deadline,
    /// The sink panicked. This is a defect of the sink.
    #[error("the sink panicked")]
    Panicked,
}
