//! What a provider counts of its calls of servers: numbers alone, never a value, a name or a text.

/// Whom a provider calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Server {
    /// What has the secrets.
    Backend,
    /// Those that give tokens for keys.
    Issuer,
}

impl Server {
    /// A stable token for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Issuer => "issuer",
        }
    }
}

/// Something that counts its calls of a server. What was counted can be read when the provider is gone.
pub trait Counted: Send + Sync + 'static {
    /// What was counted so far.
    fn counts(&self) -> Counts;
}

/// What was counted of calls since the provider was made. Every number only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that ended, each with all its attempts: by the token of [`ProviderError::kind`](super::ProviderError::kind), or
    /// `ok`. Each token once, also those that are 0.
    pub calls: Vec<(&'static str, u64)>,
    /// How often the server itself was asked.
    pub attempts: u64,
    /// Attempts after the first of a call.
    pub retries: u64,
    /// How often the circuit opened.
    pub opened: u64,
    /// Calls that were refused because the circuit was open.
    pub refused: u64,
    /// Calls that were refused, or ended, because the server may not be asked that often.
    pub throttled: u64,
    /// Who asked while the same was being asked already.
    pub shared: u64,
    /// Who was told without a call what had just been confirmed: that there is no such secret.
    pub absent: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Credentials in a wrapping that could not be opened: somebody else may have opened it.
    pub failed_unwraps: u64,
}
