//! Reads that concurrent callers share.

use std::sync::Arc;
use std::time::Duration;

use far_core::memory::SecretBytes;
use far_core::provider::{AbsenceReason, Description, FetchedSecret, ProviderError, Reference};
use far_core::single_flight::SingleFlight;
use far_core::{Version, VersionSelector};

use super::access::Access;
use super::client::Token;
use super::dynamic::Dynamic;
use super::kv::{self, SecretValue};
use super::metadata::{self, FolderCache};
use super::path::{Mounts, SecretKind, VaultPath};
use super::static_role;
use crate::network::{Metrics, NegativeCache};
use crate::version::VersionHasher;

/// The state of a provider. Calls that outlive their caller hold a reference to it.
pub(super) struct Server {
    pub(super) access: Arc<Access>,
    pub(super) mounts: Mounts,
    pub(super) versions: VersionHasher,
    pub(super) known: Vec<Reference>,
    pub(super) reads: SingleFlight<ReadKey, Result<Arc<SharedRead>, ProviderError>>,
    pub(super) negative_cache: NegativeCache<ReadKey>,
    pub(super) metrics: Arc<Metrics>,
    /// `None` without a lease journal.
    pub(super) dynamic: Option<Arc<Dynamic>>,
}

pub(super) type ReadKey = (Reference, VersionSelector);

/// Detaches the reads in flight of a changed secret when it is dropped.
struct DetachGuard<'a> {
    server: &'a Server,
    vault_path: &'a VaultPath,
}

impl Drop for DetachGuard<'_> {
    fn drop(&mut self) {
        self.server.detach_reads(self.vault_path);
    }
}

/// The result of a read, shared by its callers.
pub(super) struct SharedRead {
    pub(super) value: SecretBytes,
    pub(super) version: Version,
    pub(super) ttl: Option<Duration>,
}

impl Server {
    /// Reads a secret on behalf of all waiting callers.
    pub(super) async fn read(&self, key: ReadKey) -> Result<Arc<SharedRead>, ProviderError> {
        let (reference, version) = &key;
        let vault_path = self.parse_path(reference)?;
        let read = match version_number(&vault_path, version) {
            // The string is not a version of this engine.
            Err(error) => Err(error),
            Ok(number) => self.access.retry.call(|| self.attempt(&vault_path, number)).await,
        };
        let shared = read.and_then(|read| self.shared_read(reference, version, read));
        match &shared {
            Ok(_) => self.negative_cache.remove(&key),
            Err(ProviderError::NotFound) => self.negative_cache.insert(key),
            Err(_) => {}
        }
        shared.map(Arc::new)
    }

    /// Detaches the reads in flight of this secret, of every field and version. Later callers start
    /// a new read.
    pub(super) fn detach_reads(&self, vault_path: &VaultPath) {
        let path = vault_path.read_path();
        let is_of = |(reference, _): &ReadKey| self.parse_path(reference).is_ok_and(|other| other.read_path() == path);
        self.reads.forget(is_of);
    }

    /// Returns a guard that detaches reads when the change is over. A failed request may have
    /// changed the secret too.
    fn detach_guard<'a>(&'a self, vault_path: &'a VaultPath) -> DetachGuard<'a> {
        DetachGuard { server: self, vault_path }
    }

    async fn attempt(&self, vault_path: &VaultPath, version: Option<u64>) -> Result<SecretValue, ProviderError> {
        let read = |token: Token| async move {
            match vault_path.kind {
                SecretKind::StaticCreds => static_role::read(&self.access.client, &token, vault_path).await,
                _ => kv::read(&self.access.client, &token, vault_path, version).await,
            }
        };
        self.access.with_token(read).await
    }

    /// Returns the issuer of dynamic secrets.
    ///
    /// # Errors
    ///
    /// `Unsupported` without a lease journal.
    pub(super) fn dynamic(&self) -> Result<&Arc<Dynamic>, ProviderError> {
        self.dynamic.as_ref().ok_or(ProviderError::Unsupported)
    }

    /// Returns true if the secret exists, without reading it.
    pub(super) async fn exists(&self, vault_path: &VaultPath, folders: &FolderCache) -> Result<bool, ProviderError> {
        let current = self.access.session.current().await?;
        metadata::exists(&self.access.client, &current.token, vault_path, folders).await
    }

    /// Describes a secret without reading its value.
    pub(super) async fn description(&self, vault_path: &VaultPath) -> Result<Description, ProviderError> {
        let path = vault_path.metadata_path().ok_or(ProviderError::Unsupported)?;
        let describe = |token: Token| {
            let path = &path;
            async move {
                match vault_path.kind {
                    SecretKind::KvV2 => metadata::description(&self.access.client, &token, path).await,
                    SecretKind::StaticCreds => static_role::description(&self.access.client, &token, path).await,
                    SecretKind::KvV1 | SecretKind::Creds | SecretKind::Certificate(_) => {
                        Err(ProviderError::Unsupported)
                    }
                }
            }
        };
        self.access.retry.call(|| self.access.with_token(describe)).await
    }

    /// Deletes a version of a KV version 2 secret.
    pub(super) async fn delete_version(&self, vault_path: &VaultPath, version: &Version) -> Result<(), ProviderError> {
        if vault_path.kind != SecretKind::KvV2 {
            return Err(ProviderError::Unsupported);
        }
        let number = number(version)?;
        let delete = |token| async move { metadata::delete(&self.access.client, &token, vault_path, number).await };
        let _guard = self.detach_guard(vault_path);
        self.access.retry.call(|| self.access.with_token(delete)).await
    }

    /// Rotates the password of a static role; returns the new version.
    pub(super) async fn rotate(&self, vault_path: &VaultPath) -> Result<Version, ProviderError> {
        let path = vault_path.rotate_path().ok_or(ProviderError::Unsupported)?;
        let rotate = |token: Token| {
            let path = &path;
            async move { static_role::rotate(&self.access.client, &token, path).await }
        };
        {
            let _guard = self.detach_guard(vault_path);
            self.access.retry.once(|| self.access.with_token(rotate)).await?;
        }
        // A separate call: a failed read must not repeat the rotation.
        let read = self.access.retry.call(|| self.attempt(vault_path, None)).await?;
        read.version.ok_or(ProviderError::Invalid)
    }

    /// Checks that the server accepts the provider's token.
    pub(super) async fn check_token(&self) -> Result<(), ProviderError> {
        let current = self.access.session.current().await?;
        if self.access.session.is_expired(&current).await {
            self.access.session.current().await?;
        }
        Ok(())
    }

    fn shared_read(
        &self,
        reference: &Reference,
        requested: &VersionSelector,
        read: SecretValue,
    ) -> Result<SharedRead, ProviderError> {
        let SecretValue { value, version, ttl } = read;
        let version = match version {
            Some(version) => version,
            None => self.versions.version_of(reference.as_str(), &value).map_err(|_| ProviderError::Invalid)?,
        };
        match requested {
            // Without numbered versions, only the current one is readable.
            VersionSelector::Exactly(other) if *other != version => {
                Err(ProviderError::VersionGone(AbsenceReason::Destroyed))
            }
            _ => Ok(SharedRead { value, version, ttl }),
        }
    }

    /// Parses a reference. The operator's were validated at startup; other callers may pass
    /// anything.
    pub(super) fn parse_path(&self, reference: &Reference) -> Result<VaultPath, ProviderError> {
        self.mounts.parse_path(reference.as_str()).map_err(|_| ProviderError::Unsupported)
    }
}

/// Returns the version number to request; `None` for the current version, or if the engine has no
/// numbers.
fn version_number(vault_path: &VaultPath, version: &VersionSelector) -> Result<Option<u64>, ProviderError> {
    match (&vault_path.kind, version) {
        (SecretKind::KvV2, VersionSelector::Exactly(version)) => number(version).map(Some),
        _ => Ok(None),
    }
}

/// Parses a KV version 2 version.
fn number(version: &Version) -> Result<u64, ProviderError> {
    let number: Option<u64> = version.as_str().parse().ok();
    // The server takes 0 for the current version. Other spellings of a number would be distinct
    // versions.
    let number = number.filter(|number| *number > 0 && number.to_string() == version.as_str());
    number.ok_or(ProviderError::NotFound)
}

impl SharedRead {
    /// Returns a copy for one caller, in its own locked memory.
    pub(super) fn copy(&self) -> Result<FetchedSecret, ProviderError> {
        let value = SecretBytes::copy_of(self.value.expose())?;
        Ok(FetchedSecret::new(value, self.version.clone()).with_ttl(self.ttl))
    }
}
