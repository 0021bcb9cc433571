//! What the operator has an agent do with its secrets: tell which it keeps, read one again, have it rotated, revoke it.
//!
//! A reference, a version, a time: never a value. Each of it is recorded as the agent's own doing: a backend is asked for nothing that
//! was not recorded before. Wiping alone waits for no record: a log that is down is no reason to keep a value.

use std::sync::Arc;
use std::time::Duration;

use far_capability::{AgentId, CatalogEntry, ProviderId, SecretName, Version, VersionSelector};
use futures_util::future::join_all;

use super::Broker;
use super::call::{self, answered};
use super::place::{FetchError, Key, Place, ScopeSubject};
use super::rotation::Reread;
use super::wanted::Wanted;
use crate::clock::now;
use crate::pal::{AuditUnavailable, Cause, Event, SecretRef, Subject};
use crate::provider::{Description, ProviderError};
use crate::secret::Secret;

/// A value that an agent keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSecret {
    /// The secret.
    pub name: SecretName,
    /// The version that the backend says it is.
    pub version: Version,
    /// The backend.
    pub provider: ProviderId,
    /// Who shares it, as configurations say it.
    pub scope: &'static str,
    /// Time left until its time ends.
    pub expires_in: Duration,
    /// Whether it was made for who asked, and is revoked with them.
    pub leased: bool,
    /// Whether its time is over, and it is used because its backend does not answer.
    pub stale: bool,
    /// Whether another version took its place, and it is used for its overlap.
    pub replaced: bool,
}

/// What a rotation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// The version that the backend made for everybody; none where it makes none, and was only asked whether there is one.
    pub version: Option<Version>,
    /// What became of values that were kept.
    pub reread: Reread,
}

/// What a revocation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// How many values were wiped.
    pub wiped: usize,
    /// The version that the backend revoked, or why it did not; [`ProviderError::Unsupported`] where it revokes none.
    pub backend: Result<Version, ProviderError>,
}

/// Why what the operator asked for was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The backend did not do it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// It could not be recorded.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// The host has no locked memory left for what it was to read.
    #[error("the task's budget of locked memory is used up")]
    OverQuota,
}

impl Broker {
    /// Every value that is kept, in no order: for who asks, and for those who hold a version before.
    pub fn kept(&self) -> Vec<KeptSecret> {
        let now = now();
        let current = self.cache.kept(|_| true).into_iter().filter_map(|(place, secret)| Some((place, secret?)));
        let kept = current.chain(self.cache.before()).filter(|(_, secret)| secret.is_live());
        let describe = |(place, secret): (Place, Arc<Secret>)| KeptSecret {
            name: place.key.name,
            version: secret.version().clone(),
            provider: place.key.provider,
            scope: match place.scope {
                ScopeSubject::Task(_) => "task",
                ScopeSubject::Skill(_) => "skill",
                ScopeSubject::Tool(_) => "tool",
                ScopeSubject::Agent => "agent",
            },
            expires_in: secret.expires_in(now),
            leased: secret.lease().is_some(),
            stale: secret.is_stale(now),
            replaced: secret.is_replaced(),
        };
        kept.map(describe).collect()
    }

    /// What the backend says of a secret, without its value.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] where it says nothing without the value; otherwise any [`ProviderError`].
    pub async fn describe(&self, entry: &CatalogEntry) -> Result<Description, ProviderError> {
        let provider = self.providers.get(&entry.provider).ok_or(ProviderError::Unavailable)?;
        let describe = async { provider.admin().ok_or(ProviderError::Unsupported)?.describe(&entry.reference).await };
        answered(self.settings.provider_deadline, describe).await
    }

    /// Records that the operator has something done with a secret: before other processes of the agent, or its backend, are asked
    /// to.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`]: nobody is to be asked then.
    pub async fn announce(
        &self,
        name: &SecretName,
        entry: &CatalogEntry,
        by: &AgentId,
    ) -> Result<(), AuditUnavailable> {
        self.request(name, &entry.provider, &Arc::new(Subject::agent(by.clone())), Cause::Operator).await
    }

    /// Has everyone who keeps the current version of a secret read it again, whenever that was done last.
    pub async fn refresh_kept(self: &Arc<Self>, name: &SecretName, by: &AgentId) -> Reread {
        let agent = Arc::new(Subject::agent(by.clone()));
        self.read_again(|key| key.name == *name, &agent, Cause::Operator).await
    }

    /// Has what backends made for those who keep a secret made anew; the one before is revoked when its overlap is over.
    pub async fn replace_kept(self: &Arc<Self>, name: &SecretName, by: &AgentId) -> Reread {
        let agent = Arc::new(Subject::agent(by.clone()));
        let kept = self.cache.kept(|key| key.name == *name && key.version == VersionSelector::Current);
        let leased = kept.into_iter().filter_map(|(place, secret)| Some((place, secret?)));
        let leased = leased.filter(|(_, secret)| secret.lease().is_some());
        self.each(leased.map(|(place, secret)| (place, Wanted::Another(secret))), &agent, Cause::Operator).await
    }

    /// Wipes what is kept of a secret, whoever holds a handle to it, and ends what backends made of it for those who asked. Answers
    /// with how many values there were. Whoever asks afterwards is answered by the backend.
    pub async fn revoke_kept(&self, name: &SecretName, by: &AgentId) -> usize {
        let agent = Arc::new(Subject::agent(by.clone()));
        let all = self.cache.revoke(|key| key.name == *name);
        let mut wiped = 0;
        for secret in all.iter().flat_map(|revoking| &revoking.taken).flat_map(|taken| &taken.secrets) {
            wiped += 1;
            self.pal.note(&agent, Event::secret_wiped(&**secret, Some(Cause::Operator)));
        }
        join_all(all.into_iter().map(|revoking| self.take_back(revoking, &agent, Some(Cause::Operator)))).await;
        wiped
    }

    /// Has a secret rotated: by its backend, where that makes versions; and what was made for those who asked is made anew.
    ///
    /// # Errors
    ///
    /// [`OperatorError`]; what was kept before stays as it was.
    pub async fn rotate(
        self: &Arc<Self>,
        name: &SecretName,
        entry: &CatalogEntry,
        by: &AgentId,
    ) -> Result<Rotated, OperatorError> {
        let reread = self.replace_kept(name, by).await;
        if reread.kept > 0 {
            return Ok(Rotated { version: None, reread });
        }
        let agent = Arc::new(Subject::agent(by.clone()));
        let rotated = self.rotate_for_all(&key(name, entry), &agent, Cause::Operator).await;
        let (version, reread) = rotated.map_err(|error| match error {
            FetchError::Provider(error) => OperatorError::Provider(error),
            FetchError::Audit(error) => OperatorError::Audit(error),
            FetchError::OverQuota(_) => OperatorError::OverQuota,
        })?;
        Ok(Rotated { version, reread })
    }

    /// Revokes a secret here, as [`revoke_kept`](Self::revoke_kept), and its current version in its backend, where that can.
    ///
    /// # Errors
    ///
    /// [`OperatorError::Audit`], when values are wiped already: a log that is down is no reason to keep them.
    pub async fn revoke_secret(
        self: &Arc<Self>,
        name: &SecretName,
        entry: &CatalogEntry,
        by: &AgentId,
    ) -> Result<Revoked, OperatorError> {
        let wiped = self.revoke_kept(name, by).await;
        let agent = Arc::new(Subject::agent(by.clone()));
        self.request(name, &entry.provider, &agent, Cause::Operator).await?;
        let started = now();
        let backend = self.revoke_version(entry).await;
        if backend != Err(ProviderError::Unsupported) {
            let secret = SecretRef::new(name, &entry.provider).with_version(backend.as_ref().ok().cloned());
            let event = Event::secret_revoked(secret, call::completion(&backend, started), Some(Cause::Operator));
            self.pal.record(&agent, event).await?;
        }
        Ok(Revoked { wiped, backend })
    }

    async fn revoke_version(&self, entry: &CatalogEntry) -> Result<Version, ProviderError> {
        let version = self.describe(entry).await?.version.ok_or(ProviderError::Unsupported)?;
        let provider = self.providers.get(&entry.provider).ok_or(ProviderError::Unavailable)?;
        let revoke =
            async { provider.admin().ok_or(ProviderError::Unsupported)?.revoke(&entry.reference, &version).await };
        let revoked = answered(self.settings.provider_deadline, revoke).await;
        revoked.map(|()| version)
    }
}

fn key(name: &SecretName, entry: &CatalogEntry) -> Key {
    Key {
        name: name.clone(),
        version: VersionSelector::Current,
        provider: entry.provider.clone(),
        reference: entry.reference.clone(),
    }
}
