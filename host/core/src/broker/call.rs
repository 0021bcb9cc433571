//! How a provider is called, whatever for.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::provider::ProviderError;

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
