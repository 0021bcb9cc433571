//! An in-memory backend that stores every version, counts its calls, and fails or waits on demand.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::BTreeMap;

use async_trait::async_trait;
use far_core::memory::{MemoryError, SecretBytes};
use far_core::provider::{FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use parking_lot::Mutex;
use tokio::sync::watch;

/// The versions of one secret.
type Versions = Vec<(Version, SecretBytes)>;

pub(crate) struct MemoryProvider {
    id: ProviderId,
    /// Versions by path, the current one last.
    secrets: Mutex<BTreeMap<Box<str>, Versions>>,
    failure: Mutex<Option<ProviderError>>,
    calls: watch::Sender<u64>,
    /// The number of [`Hold`]s.
    holds: watch::Sender<usize>,
}

/// A guard that blocks the provider's answers until it is dropped.
#[must_use]
pub(crate) struct Hold(watch::Sender<usize>);

impl MemoryProvider {
    pub(crate) fn new(id: ProviderId) -> Self {
        let (calls, holds) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { id, secrets: Mutex::default(), failure: Mutex::default(), calls, holds }
    }

    /// Adds a version as the current one, and replaces one of the same name.
    pub(crate) fn set(&self, reference: &Reference, version: &Version, value: &[u8]) -> Result<(), MemoryError> {
        let value = SecretBytes::copy_of(value)?;
        let mut secrets = self.secrets.lock();
        let versions = secrets.entry(reference.as_str().into()).or_default();
        versions.retain(|(other, _)| other != version);
        versions.push((version.clone(), value));
        Ok(())
    }

    /// Sets the error of all later calls; `None` for success.
    pub(crate) fn fail_with(&self, failure: Option<ProviderError>) {
        *self.failure.lock() = failure;
    }

    /// Blocks all calls until every hold is dropped.
    pub(crate) fn hold(&self) -> Hold {
        self.holds.send_modify(|holds| *holds += 1);
        Hold(self.holds.clone())
    }

    /// Returns the number of calls, including blocked, failed and dropped ones.
    pub(crate) fn calls(&self) -> u64 {
        *self.calls.borrow()
    }

    /// Waits for a total number of calls.
    pub(crate) async fn wait_for_calls(&self, times: u64) {
        self.calls.subscribe().wait_for(|calls| *calls >= times).await.unwrap();
    }

    /// Counts a call, waits for the holds, and returns the error that is set.
    async fn enter(&self) -> Result<(), ProviderError> {
        self.calls.send_modify(|calls| *calls += 1);
        self.holds.subscribe().wait_for(|holds| *holds == 0).await.unwrap();
        self.failure.lock().map_or(Ok(()), Err)
    }
}

fn fetched((version, value): &(Version, SecretBytes)) -> Result<FetchedSecret, ProviderError> {
    let value = SecretBytes::copy_of(value.expose())?;
    Ok(FetchedSecret::new(value, version.clone()))
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
        let secrets = self.secrets.lock();
        let versions = secrets.get(reference.as_str()).ok_or(ProviderError::NotFound)?;
        let found = match version {
            VersionSelector::Current => versions.last(),
            VersionSelector::Exactly(version) => versions.iter().find(|(stored, _)| stored == version),
        };
        found.ok_or(ProviderError::NotFound).and_then(fetched)
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        self.enter().await?;
        Ok(self.secrets.lock().keys().map(|path| Reference::new(path)).collect())
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError> {
        self.enter().await?;
        let secrets = self.secrets.lock();
        match secrets.get(reference.as_str()).and_then(|versions| versions.last()) {
            None => Err(ProviderError::NotFound),
            Some((version, _)) if version == known => Ok(RefreshOutcome::Unchanged),
            Some(current) => fetched(current).map(RefreshOutcome::Changed),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.send_modify(|holds| *holds -= 1);
    }
}
