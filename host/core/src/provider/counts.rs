//! Counters of a provider's calls. They hold numbers only.

/// The role of a server that a provider calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ServerRole {
    /// A server that stores or issues secrets.
    Backend,
    /// A server that exchanges keys for tokens.
    Issuer,
}

impl ServerRole {
    /// Returns a stable token for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Issuer => "issuer",
        }
    }
}

/// A source of call counts. It outlives its provider.
pub trait CallCounter: Send + Sync + 'static {
    /// Returns the current counts.
    fn counts(&self) -> CallCounts;
}

/// Counts of calls since the provider was created. They never decrease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Finished calls, each with all its attempts, by `ok` or the token of
    /// [`ProviderError::kind`](super::ProviderError::kind). Each token occurs once, even if its
    /// count is 0.
    pub calls: Vec<(&'static str, u64)>,
    /// Requests to the server.
    pub attempts: u64,
    /// Attempts after the first of a call.
    pub retries: u64,
    /// Openings of the circuit breaker.
    pub opened: u64,
    /// Calls that the open circuit breaker rejected.
    pub refused: u64,
    /// Calls that a rate limit rejected or ended.
    pub throttled: u64,
    /// Callers that shared an in-flight call.
    pub shared: u64,
    /// Answers from the negative cache.
    pub absent: u64,
    /// Successful logins.
    pub logins: u64,
    /// Wrapped credentials that could not be unwrapped. Another client may have unwrapped them.
    pub failed_unwraps: u64,
}
