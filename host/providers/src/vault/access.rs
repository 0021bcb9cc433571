//! Calls to the server with the provider's own token.

use std::future::Future;
use std::sync::Arc;

use far_core::provider::ProviderError;

use super::client::{Client, Token};
use super::session::Session;
use crate::network::RetryLayer;

/// A client with the session whose token it sends, and the retry layer.
pub(super) struct Access {
    pub(super) client: Arc<Client>,
    pub(super) session: Arc<Session>,
    pub(super) retry: RetryLayer,
}

impl Access {
    /// Sends a request with the session's token. If the token has expired, logs in and sends the
    /// request once more.
    pub(super) async fn with_token<T, F>(&self, send: impl Fn(Token) -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let current = self.session.current().await?;
        let result = send(current.token.clone()).await;
        if !matches!(result, Err(ProviderError::Denied)) || !self.session.is_expired(&current).await {
            return result;
        }
        let current = self.session.current().await?;
        let result = send(current.token.clone()).await;
        if matches!(result, Err(ProviderError::Denied)) {
            self.session.trust_new_token();
        }
        result
    }
}
