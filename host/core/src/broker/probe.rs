//! A check that a backend answers, for commands that set up an agent.

use far_capability::Reference;
use tokio::time::timeout;

use super::BrokerSettings;
use crate::provider::{ProviderError, SecretProvider};

/// Lists the names of a backend's secrets, within the default deadline. Reads no values.
///
/// # Errors
///
/// [`ProviderError::Timeout`] after the deadline; otherwise the backend's error. A backend that is
/// reachable but does not list returns [`ProviderError::Unsupported`] or [`ProviderError::Denied`].
pub async fn probe(provider: &dyn SecretProvider) -> Result<Vec<Reference>, ProviderError> {
    let deadline = BrokerSettings::default().provider_deadline;
    timeout(deadline, provider.list_secrets()).await.unwrap_or(Err(ProviderError::Timeout))
}
