//! Requests of the operator: list the cached secrets; read, rotate or revoke a secret.
//!
//! The reports name secrets and versions, never values. Every call of a backend is recorded first,
//! with the agent as its subject. Wiping does not wait for a record: a failed log must not keep a
//! value alive.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{AgentId, CatalogEntry, ProviderId, SecretName, Version, VersionSelector};
use futures_util::future::join_all;

use super::Broker;
use super::cache_key::{CacheKey, EntryKey, FetchError, ScopeOwner};
use super::call::{self, with_deadline};
use super::fetch_mode::FetchMode;
use super::rotation::RereadReport;
use crate::clock::now;
use crate::pal::{AuditUnavailable, Cause, Event, SecretRef, Subject};
use crate::provider::{Description, ProviderError};
use crate::secret::Secret;

/// A secret in the agent's cache, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedSecret {
    /// The name.
    pub name: SecretName,
    /// The version that the backend named.
    pub version: Version,
    /// The backend.
    pub provider: ProviderId,
    /// The kind of scope: `task`, `skill`, `tool` or `agent`.
    pub scope: &'static str,
    /// The time until the expiry; zero after it.
    pub expires_in: Duration,
    /// Set for a dynamic secret, which has a lease.
    pub leased: bool,
    /// Set if the secret expired, and is in use because its backend does not answer.
    pub stale: bool,
    /// Set if a newer version replaced this one, which is within its overlap.
    pub replaced: bool,
}

/// The result of a rotation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RotationReport {
    /// The version that the backend created; `None` if it creates none, and the secret was read
    /// again or reissued instead.
    pub version: Option<Version>,
    /// The effect on cached values.
    pub reread: RereadReport,
}

/// The result of a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationReport {
    /// The number of wiped values.
    pub wiped: usize,
    /// The version that the backend revoked; [`ProviderError::Unsupported`] if it cannot revoke.
    pub backend: Result<Version, ProviderError>,
}

/// Reasons why a request of the operator failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The backend failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The request could not be recorded.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// The host has no locked memory left for the value.
    #[error("the task's budget of locked memory is used up")]
    QuotaExceeded,
}

impl Broker {
    /// Returns every cached secret and every previous version within its overlap, in no order.
    pub fn cached(&self) -> Vec<CachedSecret> {
        let now = now();
        let current = self.cache.find(|_| true).into_iter().filter_map(|(key, secret)| Some((key, secret?)));
        let all = current.chain(self.cache.previous_versions()).filter(|(_, secret)| secret.is_live());
        let describe = |(key, secret): (CacheKey, Arc<Secret>)| CachedSecret {
            name: key.entry.name,
            version: secret.version().clone(),
            provider: key.entry.provider,
            scope: match key.scope {
                ScopeOwner::Task(_) => "task",
                ScopeOwner::Skill(_) => "skill",
                ScopeOwner::Tool(_) => "tool",
                ScopeOwner::Agent => "agent",
            },
            expires_in: secret.expires_in(now),
            leased: secret.lease().is_some(),
            stale: secret.is_stale(now),
            replaced: secret.is_replaced(),
        };
        all.map(describe).collect()
    }

    /// Describes a secret by its backend's metadata, without its value.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] if the backend has no metadata; otherwise any
    /// [`ProviderError`].
    pub async fn describe(&self, entry: &CatalogEntry) -> Result<Description, ProviderError> {
        let provider = self.providers.get(&entry.provider).ok_or(ProviderError::Unavailable)?;
        let describe = async { provider.admin().ok_or(ProviderError::Unsupported)?.describe(&entry.reference).await };
        with_deadline(self.settings.provider_deadline, describe).await
    }

    /// Records a request of the operator, before other processes of the agent or the backend
    /// receive it.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`]: the caller must not send the request.
    pub async fn record_operator_request(
        &self,
        name: &SecretName,
        entry: &CatalogEntry,
        by: &AgentId,
    ) -> Result<(), AuditUnavailable> {
        self.record_request(name, &entry.provider, &Arc::new(Subject::agent(by.clone())), Cause::Operator).await
    }

    /// Reads the current version of a secret again, for every scope that caches it.
    pub async fn refresh(self: &Arc<Self>, name: &SecretName, by: &AgentId) -> RereadReport {
        let agent = Arc::new(Subject::agent(by.clone()));
        self.reread_all(|key| key.name == *name, &agent, Cause::Operator).await
    }

    /// Reissues a dynamic secret for every scope that caches it. The previous lease is revoked at
    /// the end of its overlap.
    pub async fn reissue(self: &Arc<Self>, name: &SecretName, by: &AgentId) -> RereadReport {
        let agent = Arc::new(Subject::agent(by.clone()));
        let matching = self.cache.find(|key| key.name == *name && key.version == VersionSelector::Current);
        let leased = matching.into_iter().filter_map(|(key, secret)| Some((key, secret?)));
        let leased = leased.filter(|(_, secret)| secret.lease().is_some());
        self.reread_each(leased.map(|(key, secret)| (key, FetchMode::Reissue(secret))), &agent, Cause::Operator).await
    }

    /// Wipes every cached value of a secret, and revokes its leases. Returns the number of values.
    /// When this returns, every handle is without a value, and the next request reads the backend.
    pub async fn revoke(&self, name: &SecretName, by: &AgentId) -> usize {
        let agent = Arc::new(Subject::agent(by.clone()));
        let all = self.cache.revoke(|key| key.name == *name);
        let mut wiped = 0;
        for secret in all.iter().flat_map(|revocation| &revocation.entries).flat_map(|entry| &entry.secrets) {
            wiped += 1;
            self.pal.note(&agent, Event::secret_wiped(&**secret, Some(Cause::Operator)));
        }
        join_all(all.into_iter().map(|revocation| self.revoke_entries(revocation, &agent, Some(Cause::Operator))))
            .await;
        wiped
    }

    /// Rotates a secret: reissues it if it is dynamic, otherwise has the backend create a version.
    ///
    /// # Errors
    ///
    /// [`OperatorError`]: the cached values stay as they were.
    pub async fn rotate(
        self: &Arc<Self>,
        name: &SecretName,
        entry: &CatalogEntry,
        by: &AgentId,
    ) -> Result<RotationReport, OperatorError> {
        let reread = self.reissue(name, by).await;
        if reread.cached > 0 {
            return Ok(RotationReport { version: None, reread });
        }
        let agent = Arc::new(Subject::agent(by.clone()));
        let rotated = self.rotate_static(&entry_key(name, entry), &agent, Cause::Operator).await;
        let (version, reread) = rotated.map_err(|error| match error {
            FetchError::Provider(error) => OperatorError::Provider(error),
            FetchError::Audit(error) => OperatorError::Audit(error),
            FetchError::QuotaExceeded(_) => OperatorError::QuotaExceeded,
        })?;
        Ok(RotationReport { version, reread })
    }

    /// Revokes a secret here, as [`revoke`](Self::revoke) does, and its current version in its
    /// backend.
    ///
    /// # Errors
    ///
    /// [`OperatorError::Audit`]; the cached values are wiped all the same.
    pub async fn revoke_secret(
        self: &Arc<Self>,
        name: &SecretName,
        entry: &CatalogEntry,
        by: &AgentId,
    ) -> Result<RevocationReport, OperatorError> {
        let wiped = self.revoke(name, by).await;
        let agent = Arc::new(Subject::agent(by.clone()));
        self.record_request(name, &entry.provider, &agent, Cause::Operator).await?;
        let started = now();
        let backend = self.revoke_version(entry).await;
        if backend != Err(ProviderError::Unsupported) {
            let secret = SecretRef::new(name, &entry.provider).with_version(backend.as_ref().ok().cloned());
            let event = Event::secret_revoked(secret, call::completion(&backend, started), Some(Cause::Operator));
            self.pal.record(&agent, event).await?;
        }
        Ok(RevocationReport { wiped, backend })
    }

    async fn revoke_version(&self, entry: &CatalogEntry) -> Result<Version, ProviderError> {
        let version = self.describe(entry).await?.version.ok_or(ProviderError::Unsupported)?;
        let provider = self.providers.get(&entry.provider).ok_or(ProviderError::Unavailable)?;
        let revoke =
            async { provider.admin().ok_or(ProviderError::Unsupported)?.revoke(&entry.reference, &version).await };
        let revoked = with_deadline(self.settings.provider_deadline, revoke).await;
        revoked.map(|()| version)
    }
}

fn entry_key(name: &SecretName, entry: &CatalogEntry) -> EntryKey {
    EntryKey {
        name: name.clone(),
        version: VersionSelector::Current,
        provider: entry.provider.clone(),
        reference: entry.reference.clone(),
    }
}
