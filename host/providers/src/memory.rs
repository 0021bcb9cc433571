//! Secrets that the program itself sets: for embedders that bring their own, and for tests.
//!
//! It keeps every version, counts its calls, can be told to fail and can be held. It neither revokes nor rotates, and
//! its values have no end of their own.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use far_core::memory::{MemoryError, SecretBytes};
use far_core::provider::{Description, Fetched, ProviderError, Reference, Refreshed, SecretAdmin, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A backend in the program's own memory.
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
    /// How many [`Hold`]s there are.
    holds: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// By path; each has its current version last.
    secrets: BTreeMap<Box<str>, Vec<(Version, SecretBytes)>>,
    failure: Option<ProviderError>,
}

/// Keeps a [`MemoryProvider`] from answering, until it is dropped.
#[must_use = "the provider answers again as soon as this is dropped"]
pub struct Hold(watch::Sender<usize>);

impl MemoryProvider {
    /// A backend without secrets.
    pub fn new(id: ProviderId) -> Self {
        Self { id, state: Mutex::default(), calls: watch::Sender::new(0), holds: watch::Sender::new(0) }
    }

    /// Makes this version the current one. Others stay, and can be asked for; one of the same name is replaced.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if the value has more than [`SecretBytes::MAX_LEN`] bytes, or there is no locked memory left;
    /// nothing is changed then.
    ///
    /// # Security
    ///
    /// The value is copied: wiping what it was copied from is the caller's.
    pub fn set(&self, reference: &Reference, version: &Version, value: &[u8]) -> Result<(), MemoryError> {
        let value = SecretBytes::copy_of(value)?;
        let mut state = self.state.lock();
        let versions = state.secrets.entry(reference.as_str().into()).or_default();
        versions.retain(|(other, _)| other != version);
        versions.push((version.clone(), value));
        Ok(())
    }

    /// From now on, answers every call with this error; with `None`, answers again.
    pub fn fail_with(&self, failure: Option<ProviderError>) {
        self.state.lock().failure = failure;
    }

    /// Lets calls in, but no answer out, until the hold is dropped. Holds add up.
    pub fn hold(&self) -> Hold {
        self.holds.send_modify(|holds| *holds += 1);
        Hold(self.holds.clone())
    }

    /// How often it was called to get, refresh, list or describe; calls that are held, that failed or were dropped count.
    pub fn calls(&self) -> u64 {
        *self.calls.borrow()
    }

    /// Waits until it was called so many times in all.
    pub async fn called(&self, times: u64) {
        // Fails only without a sender, which is here.
        let _ = self.calls.subscribe().wait_for(|calls| *calls >= times).await;
    }

    /// Counts a call, waits while there is a hold, and fails if told to.
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

    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        self.enter().await?;
        let state = self.state.lock();
        let versions = state.secrets.get(reference.as_str()).ok_or(ProviderError::NotFound)?;
        let found = match version {
            VersionSelector::Current => versions.last(),
            VersionSelector::Exactly(version) => versions.iter().find(|(kept, _)| kept == version),
        };
        found.ok_or(ProviderError::NotFound).and_then(fetched)
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        self.enter().await?;
        Ok(self.state.lock().secrets.keys().map(|path| Reference::new(path)).collect())
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError> {
        self.enter().await?;
        let state = self.state.lock();
        match state.secrets.get(reference.as_str()).and_then(|versions| versions.last()) {
            None => Err(ProviderError::NotFound),
            Some((version, _)) if version == known => Ok(Refreshed::Unchanged),
            Some(current) => fetched(current).map(Refreshed::Changed),
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

fn fetched((version, value): &(Version, SecretBytes)) -> Result<Fetched, ProviderError> {
    let value = SecretBytes::copy_of(value.expose())?;
    Ok(Fetched::new(value, version.clone()))
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
    async fn the_version_set_last_is_current_and_others_stay() {
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
    async fn a_refresh_gives_another_version_only() {
        let (provider, token) = provider();
        let refreshed = provider.refresh_secret(&token, &version("2")).await;
        assert!(matches!(refreshed, Ok(Refreshed::Unchanged)));
        let refreshed = provider.refresh_secret(&token, &version("1")).await;
        assert!(matches!(refreshed, Ok(Refreshed::Changed(fetched)) if fetched.version == version("2")));
        let absent = provider.refresh_secret(&Reference::new("absent"), &version("1")).await;
        assert_eq!(absent.err(), Some(ProviderError::NotFound));
    }

    #[tokio::test]
    async fn what_is_said_of_a_secret_is_its_current_version() {
        let (provider, token) = provider();
        let described = provider.describe(&token).await.unwrap();
        assert_eq!(described, Description::new(version("2")));
        assert_eq!(provider.describe(&Reference::new("absent")).await, Err(ProviderError::NotFound));
    }

    #[tokio::test]
    async fn every_call_counts_and_fails_when_told_to() {
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
    async fn a_held_call_answers_when_the_last_hold_ends() {
        let (provider, token) = provider();
        let provider = Arc::new(provider);
        let (first, second) = (provider.hold(), provider.hold());
        let mut call = tokio::spawn({
            let provider = provider.clone();
            async move { value(&provider, &token, &VersionSelector::Current).await }
        });
        provider.called(1).await;
        drop(first);
        tokio::select! {
            biased;
            _ = &mut call => panic!("it answered while it was held"),
            () = tokio::task::yield_now() => {}
        }
        provider.set(&Reference::new("token"), &version("3"), b"three").unwrap();
        drop(second);
        assert_eq!(call.await.unwrap(), b"three", "the answer is made after the hold");
    }

    #[test]
    fn debug_has_no_value() {
        let (provider, _) = provider();
        assert!(!format!("{provider:?}").contains("two"));
    }
}
