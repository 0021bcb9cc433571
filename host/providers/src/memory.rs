//! Secrets set by the program itself, for embedders and tests.
//!
//! The provider keeps every version and counts its calls. Tests can make it fail, or hold its
//! responses. It neither revokes nor rotates, and its values do not expire.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use far_core::memory::{MemoryError, SecretBytes};
use far_core::provider::{
    Description, FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretAdmin, SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A backend in the memory of the process.
///
/// ```
/// use far_core::provider::{Reference, SecretProvider};
/// use far_core::{ProviderId, Version, VersionSelector};
/// use far_providers::MemoryProvider;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = MemoryProvider::new(ProviderId::parse("memory")?);
/// let token = Reference::new("github-token");
/// provider.set(&token, &Version::parse("1")?, b"ghp_123")?;
/// let fetched = provider.get_secret(&token, &VersionSelector::Current).await?;
/// assert_eq!(fetched.value.expose(), b"ghp_123");
/// assert_eq!(provider.calls(), 1);
/// # Ok(())
/// # }
/// ```
pub struct MemoryProvider {
    id: ProviderId,
    state: Mutex<State>,
    calls: watch::Sender<u64>,
    /// The number of [`Hold`]s.
    holds: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// The versions of each path, the current one last.
    secrets: BTreeMap<Box<str>, Vec<(Version, SecretBytes)>>,
    failure: Option<ProviderError>,
}

/// Delays every response of a [`MemoryProvider`] until it is dropped.
#[must_use = "dropping the hold releases the responses"]
pub struct Hold(watch::Sender<usize>);

impl MemoryProvider {
    /// Creates a backend without secrets.
    pub fn new(id: ProviderId) -> Self {
        Self { id, state: Mutex::default(), calls: watch::Sender::new(0), holds: watch::Sender::new(0) }
    }

    /// Stores a version and makes it the current one. Earlier versions remain readable; an equal
    /// version is replaced.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if the value is longer than [`SecretBytes::MAX_LEN`], or no locked memory is
    /// left. The stored versions are unchanged then.
    ///
    /// # Security
    ///
    /// The value is copied. The caller wipes the original.
    pub fn set(&self, reference: &Reference, version: &Version, value: &[u8]) -> Result<(), MemoryError> {
        let value = SecretBytes::copy_of(value)?;
        let mut state = self.state.lock();
        let versions = state.secrets.entry(reference.as_str().into()).or_default();
        versions.retain(|(other, _)| other != version);
        versions.push((version.clone(), value));
        Ok(())
    }

    /// Fails every later call with this error; `None` ends the failure.
    pub fn fail_with(&self, failure: Option<ProviderError>) {
        self.state.lock().failure = failure;
    }

    /// Delays responses until the hold is dropped. Several holds add up.
    pub fn hold(&self) -> Hold {
        self.holds.send_modify(|holds| *holds += 1);
        Hold(self.holds.clone())
    }

    /// Returns the number of calls to get, refresh, list or describe. Held, failed and dropped
    /// calls count.
    pub fn calls(&self) -> u64 {
        *self.calls.borrow()
    }

    /// Waits until the total number of calls reaches `times`.
    pub async fn wait_for_calls(&self, times: u64) {
        // The sender is a field of `self`, so the wait cannot fail.
        let _ = self.calls.subscribe().wait_for(|calls| *calls >= times).await;
    }

    /// Counts a call, waits for all holds to end, and returns the configured failure.
    async fn enter(&self) -> Result<(), ProviderError> {
        self.calls.send_modify(|calls| *calls += 1);
        let _ = self.holds.subscribe().wait_for(|holds| *holds == 0).await;
        self.state.lock().failure.map_or(Ok(()), Err)
    }
}

#[async_trait]
impl SecretProvider for MemoryProvider {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(
        &self,
        reference: &Reference,
        version: &VersionSelector,
    ) -> Result<FetchedSecret, ProviderError> {
        self.enter().await?;
        let state = self.state.lock();
        let versions = state.secrets.get(reference.as_str()).ok_or(ProviderError::NotFound)?;
        let found = match version {
            VersionSelector::Current => versions.last(),
            VersionSelector::Exactly(version) => versions.iter().find(|(other, _)| other == version),
        };
        found.ok_or(ProviderError::NotFound).and_then(fetched)
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        self.enter().await?;
        Ok(self.state.lock().secrets.keys().map(|path| Reference::new(path)).collect())
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError> {
        self.enter().await?;
        let state = self.state.lock();
        match state.secrets.get(reference.as_str()).and_then(|versions| versions.last()) {
            None => Err(ProviderError::NotFound),
            Some((version, _)) if version == known => Ok(RefreshOutcome::Unchanged),
            Some(current) => fetched(current).map(RefreshOutcome::Changed),
        }
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        Some(self)
    }
}

#[async_trait]
impl SecretAdmin for MemoryProvider {
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError> {
        self.enter().await?;
        let state = self.state.lock();
        let current = state.secrets.get(reference.as_str()).and_then(|versions| versions.last());
        let (version, _) = current.ok_or(ProviderError::NotFound)?;
        Ok(Description::new(version.clone()))
    }
}

fn fetched((version, value): &(Version, SecretBytes)) -> Result<FetchedSecret, ProviderError> {
    let value = SecretBytes::copy_of(value.expose())?;
    Ok(FetchedSecret::new(value, version.clone()))
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.send_modify(|holds| *holds = holds.saturating_sub(1));
    }
}

impl fmt::Debug for MemoryProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryProvider").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn provider() -> (MemoryProvider, Reference) {
        let provider = MemoryProvider::new(ProviderId::parse("memory").unwrap());
        let token = Reference::new("token");
        provider.set(&token, &version("1"), b"one").unwrap();
        provider.set(&token, &version("2"), b"two").unwrap();
        (provider, token)
    }

    async fn value(provider: &MemoryProvider, reference: &Reference, version: &VersionSelector) -> Vec<u8> {
        provider.get_secret(reference, version).await.unwrap().value.expose().to_vec()
    }

    #[tokio::test]
    async fn latest_set_version_is_current() {
        let (provider, token) = provider();
        let one = VersionSelector::Exactly(version("1"));
        assert_eq!(value(&provider, &token, &VersionSelector::Current).await, b"two");
        assert_eq!(value(&provider, &token, &one).await, b"one");
        provider.set(&token, &version("1"), b"").unwrap();
        assert_eq!(value(&provider, &token, &VersionSelector::Current).await, b"");
        assert_eq!(value(&provider, &token, &one).await, b"");
        let three = VersionSelector::Exactly(version("3"));
        assert_eq!(provider.get_secret(&token, &three).await.err(), Some(ProviderError::NotFound));
    }

    #[tokio::test]
    async fn refresh_returns_only_changed_version() {
        let (provider, token) = provider();
        let refreshed = provider.refresh_secret(&token, &version("2")).await;
        assert!(matches!(refreshed, Ok(RefreshOutcome::Unchanged)));
        let refreshed = provider.refresh_secret(&token, &version("1")).await;
        assert!(matches!(refreshed, Ok(RefreshOutcome::Changed(fetched)) if fetched.version == version("2")));
        let absent = provider.refresh_secret(&Reference::new("absent"), &version("1")).await;
        assert_eq!(absent.err(), Some(ProviderError::NotFound));
    }

    #[tokio::test]
    async fn describe_returns_current_version() {
        let (provider, token) = provider();
        let described = provider.describe(&token).await.unwrap();
        assert_eq!(described, Description::new(version("2")));
        assert_eq!(provider.describe(&Reference::new("absent")).await, Err(ProviderError::NotFound));
    }

    #[tokio::test]
    async fn failing_calls_are_counted() {
        let (provider, token) = provider();
        for failure in [Some(ProviderError::Sealed), None] {
            provider.fail_with(failure);
            assert_eq!(provider.get_secret(&token, &VersionSelector::Current).await.err(), failure);
            assert_eq!(provider.refresh_secret(&token, &version("1")).await.err(), failure);
            assert_eq!(provider.list_secrets().await.err(), failure);
            assert_eq!(provider.describe(&token).await.err(), failure);
        }
        assert_eq!(provider.calls(), 8);
    }

    #[tokio::test]
    async fn secrets_are_listed_in_order() {
        let (provider, token) = provider();
        provider.set(&Reference::new("a"), &version("1"), b"").unwrap();
        assert_eq!(provider.list_secrets().await.unwrap(), [Reference::new("a"), token]);
    }

    #[tokio::test]
    async fn held_call_returns_after_last_hold() {
        let (provider, token) = provider();
        let provider = Arc::new(provider);
        let (first, second) = (provider.hold(), provider.hold());
        let mut call = tokio::spawn({
            let provider = provider.clone();
            async move { value(&provider, &token, &VersionSelector::Current).await }
        });
        provider.wait_for_calls(1).await;
        drop(first);
        tokio::select! {
            biased;
            _ = &mut call => panic!("the held call returned"),
            () = tokio::task::yield_now() => {}
        }
        provider.set(&Reference::new("token"), &version("3"), b"three").unwrap();
        drop(second);
        assert_eq!(call.await.unwrap(), b"three", "the value is read after the hold ends");
    }

    #[test]
    fn debug_has_no_value() {
        let (provider, _) = provider();
        assert!(!format!("{provider:?}").contains("two"));
    }
}
