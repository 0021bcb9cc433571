//! Calls of a provider: deadline, panics, and the result as an event records it.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::clock::now;
use crate::pal::Completion;
use crate::provider::{LeaseId, ProviderError, SecretProvider};

/// Returns the answer to a call, or [`ProviderError::Timeout`] after the deadline. A panic counts
/// as [`ProviderError::Unavailable`].
pub(super) async fn with_deadline<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    match timeout(deadline, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(ProviderError::Unavailable),
        Err(_) => Err(ProviderError::Timeout),
    }
}

/// Releases a lease. Returns [`ProviderError::Unsupported`] for a provider without leases.
pub(super) async fn release(
    provider: &dyn SecretProvider,
    lease: &LeaseId,
    deadline: Duration,
) -> Result<(), ProviderError> {
    let release = async { provider.dynamic().ok_or(ProviderError::Unsupported)?.release(lease).await };
    with_deadline(deadline, release).await
}

/// Returns the result of a call for its event, with the time since `started`.
pub(super) fn completion<T>(answer: &Result<T, ProviderError>, started: Instant) -> Completion {
    Completion::new(answer.as_ref().err().map(ProviderError::kind), now().duration_since(started))
}
