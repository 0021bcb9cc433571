//! Whether a backend answers: for whoever sets an agent up, before there is a task.

use far_capability::Reference;
use tokio::time::timeout;

use super::BrokerSettings;
use crate::provider::{ProviderError, SecretProvider};

/// Asks a backend for the names of what it has, within the deadline of any other call. No value is asked for.
///
/// # Errors
///
/// [`ProviderError::Timeout`] if it did not answer in time; else the backend's own, of which
/// [`ProviderError::Unsupported`] and [`ProviderError::Denied`] come from one that was reached, and does not list.
pub async fn reach(provider: &dyn SecretProvider) -> Result<Vec<Reference>, ProviderError> {
    let deadline = BrokerSettings::default().provider_deadline;
    timeout(deadline, provider.list_secrets()).await.unwrap_or(Err(ProviderError::Timeout))
}
