//! A backend in the test's own memory: it keeps every version, counts its calls, and can be told to fail or to wait.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;

use async_trait::async_trait;
use far_core::memory::{MemoryError, SecretBytes};
use far_core::provider::{Fetched, ProviderError, Reference, Refreshed, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use parking_lot::Mutex;
use tokio::sync::watch;

/// The versions of one secret.
type Versions = Vec<(Version, SecretBytes)>;

pub(crate) struct MemoryProvider {
    id: ProviderId,
    /// By path; each has its current version last.
    secrets: Mutex<BTreeMap<Box<str>, Versions>>,
    failure: Mutex<Option<ProviderError>>,
    calls: watch::Sender<u64>,
    /// How many [`Hold`]s there are.
    holds: watch::Sender<usize>,
}

/// Keeps the provider from answering, until it is dropped.
#[must_use]
pub(crate) struct Hold(watch::Sender<usize>);

impl MemoryProvider {
    pub(crate) fn new(id: ProviderId) -> Self {
        let (calls, holds) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { id, secrets: Mutex::default(), failure: Mutex::default(), calls, holds }
    }

    /// Makes this version the current one. Others stay; one of the same name is replaced.
    pub(crate) fn set(&self, reference: &Reference, version: &Version, value: &[u8]) -> Result<(), MemoryError> {
        let value = SecretBytes::copy_of(value)?;
        let mut secrets = self.secrets.lock();
        let versions = secrets.entry(reference.as_str().into()).or_default();
        versions.retain(|(other, _)| other != version);
        versions.push((version.clone(), value));
        Ok(())
    }

    /// Answers every call with this error from now on; with `None`, answers again.
    pub(crate) fn fail_with(&self, failure: Option<ProviderError>) {
        *self.failure.lock() = failure;
    }

    /// Lets calls in, but no answer out, until the hold is dropped. Holds add up.
    pub(crate) fn hold(&self) -> Hold {
        self.holds.send_modify(|holds| *holds += 1);
        Hold(self.holds.clone())
    }

    /// Returns how often it was called; calls that are held, that failed or were dropped count.
    pub(crate) fn calls(&self) -> u64 {
        *self.calls.borrow()
    }

    /// Waits until it was called so many times in all.
    pub(crate) async fn called(&self, times: u64) {
        self.calls.subscribe().wait_for(|calls| *calls >= times).await.unwrap();
    }

    /// Counts a call, waits while there is a hold, and fails if told to.
    async fn enter(&self) -> Result<(), ProviderError> {
        self.calls.send_modify(|calls| *calls += 1);
        self.holds.subscribe().wait_for(|holds| *holds == 0).await.unwrap();
        self.failure.lock().map_or(Ok(()), Err)
    }
}

fn fetched((version, value): &(Version, SecretBytes)) -> Result<Fetched, ProviderError> {
    let value = SecretBytes::copy_of(value.expose())?;
    Ok(Fetched::new(value, version.clone()))
}

#[async_trait]
impl SecretProvider for MemoryProvider {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        self.enter().await?;
        let secrets = self.secrets.lock();
        let versions = secrets.get(reference.as_str()).ok_or(ProviderError::NotFound)?;
        let found = match version {
            VersionSelector::Current => versions.last(),
            VersionSelector::Exactly(version) => versions.iter().find(|(kept, _)| kept == version),
        };
        found.ok_or(ProviderError::NotFound).and_then(fetched)
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        self.enter().await?;
        Ok(self.secrets.lock().keys().map(|path| Reference::new(path)).collect())
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError> {
        self.enter().await?;
        let secrets = self.secrets.lock();
        match secrets.get(reference.as_str()).and_then(|versions| versions.last()) {
            None => Err(ProviderError::NotFound),
            Some((version, _)) if version == known => Ok(Refreshed::Unchanged),
            Some(current) => fetched(current).map(Refreshed::Changed),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.send_modify(|holds| *holds -= 1);
    }
}
