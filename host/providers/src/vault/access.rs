//! Calls to the server with the provider's own token.

use std::future::Future;
use std::sync::Arc;

use far_core::provider::ProviderError;

use super::client::{Client, Token};
use super::session::Session;
use crate::network::Shell;

/// The way to the server: a client, the session whose token it shows, and the rules for retries.
pub(super) struct Access {
    pub(super) client: Arc<Client>,
    pub(super) session: Arc<Session>,
    pub(super) shell: Shell,
}

impl Access {
    /// Asks with the token that there is; if that has ended, with another, once.
    pub(super) async fn as_itself<T, F>(&self, ask: impl Fn(Token) -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let current = self.session.current().await?;
        let answer = ask(current.token.clone()).await;
        if !matches!(answer, Err(ProviderError::Denied)) || !self.session.has_ended(&current).await {
            return answer;
        }
        let current = self.session.current().await?;
        let answer = ask(current.token.clone()).await;
        if matches!(answer, Err(ProviderError::Denied)) {
            self.session.believe();
        }
        answer
    }
}
