//! How a provider is called, whatever for, and how that is told.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::clock::now;
use crate::pal::Completion;
use crate::provider::{LeaseId, ProviderError, SecretProvider};

/// The answer to a call: [`ProviderError::Timeout`] if there is none within that time. A provider that panics is a defect of it, and
/// no reason for more than a missing answer.
pub(super) async fn answered<T>(
    within: Duration,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    match timeout(within, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(ProviderError::Unavailable),
        Err(_) => Err(ProviderError::Timeout),
    }
}

/// Releases a lease: [`ProviderError::Unsupported`] by a provider that issues none.
pub(super) async fn release(
    provider: &dyn SecretProvider,
    lease: &LeaseId,
    within: Duration,
) -> Result<(), ProviderError> {
    let release = async { provider.dynamic().ok_or(ProviderError::Unsupported)?.release(lease).await };
    answered(within, release).await
}

/// Returns how a call ended, and how long it took since `started`.
pub(super) fn completion<T>(answer: &Result<T, ProviderError>, started: Instant) -> Completion {
    Completion::new(answer.as_ref().err().map(ProviderError::kind), now().duration_since(started))
}
