//! Where records go.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Record;

/// Something that takes records.
///
/// # Security
///
/// `submit` is called with a lock held, in the order of the records: it must not block. A sink that does slow work hands
/// the record to a thread of its own and answers with [`Receipt::Pending`]. If it panics, it has not taken the record.
pub trait Sink: Send + Sync + 'static {
    /// Takes a record, or says at once that it does not.
    fn submit(&self, record: &Arc<Record>) -> Receipt;
}

/// What became of a record.
#[derive(Debug)]
pub enum Receipt {
    /// Known already.
    Ready(Result<(), SinkError>),
    /// The sink will say so; if it goes away without a word, the record counts as lost.
    Pending(oneshot::Receiver<Result<(), SinkError>>),
}

impl Receipt {
    /// Waits for the sink's word.
    ///
    /// # Errors
    ///
    /// The sink's error, or [`SinkError::Closed`] if it went away.
    pub async fn accepted(self) -> Result<(), SinkError> {
        match self {
            Self::Ready(result) => result,
            Self::Pending(word) => word.await.unwrap_or(Err(SinkError::Closed)),
        }
    }
}

/// Why a sink did not take a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Writing failed; the record may be there in part.
    #[error("a record could not be written: {0}")]
    Write(std::io::ErrorKind),
    /// The sink's queue is full.
    #[error("the sink has more records waiting than it keeps")]
    Full,
    /// The sink is gone.
    #[error("the sink is closed")]
    Closed,
    /// The sink did not answer in time.
    #[error("the sink did not take the record in time")]
    Deadline,
    /// The sink panicked: a defect of it, and no reason for more than a record that it did not take.
    #[error("the sink panicked")]
    Panicked,
}
