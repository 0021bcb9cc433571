//! A `.env` file as a backend, for development only.
//!
//! Every process of the user can read a file on disk, so it is no place for production secrets.
//! Only an explicit choice of the operator enables this backend, and a long-running agent must
//! refuse it.
//!
//! # Format
//!
#![doc = include_str!("format.md")]
//!
//! # Reloading
//!
//! [`DotEnv::open`] reads the file, and each call reads it again, with the same checks. If the file
//! cannot be read or parsed, the previous values stay, and only `refresh_secret` reports the error.
//! If the file is accessible to other users, or is a link, all values are dropped until it is
//! corrected. A truncated file can look complete. Replace the file by renaming a new one over it.
//!
//! # Security
//!
//! The parser is part of this crate: the available parsers expand variables, set the process
//! environment, or quote lines in errors. The file's bytes are in one buffer that is zeroed after
//! parsing; each value is written directly into a [`SecretBytes`]. The process environment is never
//! modified.

mod error;
mod file;
#[doc(hidden)]
pub mod internal;
mod parse;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use far_core::memory::SecretBytes;
use far_core::provider::{
    AbsenceReason, Description, FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretAdmin, SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};
use parking_lot::{Mutex, RwLock};

pub use self::error::{DotEnvError, Problem};
use self::parse::{ParseError, Secrets};
use crate::version::{RandomError, VersionHasher};

/// The format of the file, in Markdown.
pub const FORMAT: &str = include_str!("format.md");

/// A `.env` file as a backend, for development only.
///
/// A [`Reference`] is the secret's name: `github-token` for the key `GITHUB_TOKEN`. Requires a
/// tokio runtime: the file is read on a blocking thread.
///
/// ```
/// use std::os::unix::fs::PermissionsExt;
///
/// use far_core::ProviderId;
/// use far_providers::DotEnv;
///
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join(".env");
/// std::fs::write(&path, "GITHUB_TOKEN=ghp_123")?;
/// std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
/// let provider = DotEnv::open(ProviderId::parse("dotenv")?, &path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DotEnv {
    id: ProviderId,
    file: Arc<EnvFile>,
}

/// The file and its secrets.
struct EnvFile {
    path: PathBuf,
    versions: VersionHasher,
    /// `None` after the file was rejected, until it is corrected.
    secrets: RwLock<Option<Secrets>>,
    /// Serializes reads, so that an older read cannot overwrite a newer one.
    reading: Mutex<()>,
}

impl DotEnv {
    /// The maximum file size: 1 MiB.
    pub const MAX_FILE: u64 = 1024 * 1024;

    /// Reads a file. Blocks the thread.
    ///
    /// # Errors
    ///
    /// [`DotEnvError`] if the file is accessible to other users, or a line is invalid.
    ///
    /// # Security
    ///
    /// The values stay in the host's memory until the provider is dropped.
    pub fn open(id: ProviderId, path: &Path) -> Result<Self, DotEnvError> {
        let file = EnvFile {
            path: path.to_owned(),
            versions: VersionHasher::random("env").map_err(|RandomError| DotEnvError::Random)?,
            secrets: RwLock::new(None),
            reading: Mutex::new(()),
        };
        file.read()?;
        Ok(Self { id, file: Arc::new(file) })
    }

    /// Reads the file again, on a blocking thread.
    async fn reload(&self) -> Result<(), ProviderError> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || file.read());
        read.await.map_err(|_| ProviderError::Unavailable)?.map_err(|error| error.as_provider_error())
    }

    /// Reads the file again. On failure the previous values stay, unless the file is rejected.
    async fn try_reload(&self) -> Result<(), ProviderError> {
        match self.reload().await {
            Err(ProviderError::Denied) => Err(ProviderError::Denied),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl SecretProvider for DotEnv {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn get_secret(
        &self,
        reference: &Reference,
        version: &VersionSelector,
    ) -> Result<FetchedSecret, ProviderError> {
        self.try_reload().await?;
        self.file.with(reference, |current, value| match version {
            VersionSelector::Exactly(requested) if *requested != current => {
                Err(ProviderError::VersionGone(AbsenceReason::Destroyed))
            }
            _ => fetched(current, value),
        })
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        self.try_reload().await?;
        let secrets = self.file.secrets.read();
        Ok(secrets.as_ref().ok_or(ProviderError::Denied)?.keys().map(Reference::named).collect())
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError> {
        self.reload().await?;
        self.file.with(reference, |current, value| {
            if *known == current {
                Ok(RefreshOutcome::Unchanged)
            } else {
                fetched(current, value).map(RefreshOutcome::Changed)
            }
        })
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        Some(self)
    }
}

#[async_trait]
impl SecretAdmin for DotEnv {
    /// Reports no age: the file's age is not the secret's.
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError> {
        self.try_reload().await?;
        self.file.with(reference, |current, _| Ok(Description::new(current)))
    }
}

impl EnvFile {
    /// Replaces the secrets by those in the file. On failure the previous ones stay, unless the
    /// file is rejected.
    fn read(&self) -> Result<(), DotEnvError> {
        let _reading = self.reading.lock();
        match self.load() {
            Ok(secrets) => *self.secrets.write() = Some(secrets),
            Err(error) => {
                if error.as_provider_error() == ProviderError::Denied {
                    *self.secrets.write() = None;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn load(&self) -> Result<Secrets, DotEnvError> {
        parse_content(&file::read(&self.path)?, &self.path)
    }

    /// Passes the current version and value of a secret to `show`.
    fn with<T>(
        &self,
        reference: &Reference,
        show: impl FnOnce(Version, &SecretBytes) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        let secrets = self.secrets.read();
        let secrets = secrets.as_ref().ok_or(ProviderError::Denied)?;
        let value = secrets.get(reference.as_str()).ok_or(ProviderError::NotFound)?;
        show(self.versions.version_of(reference.as_str(), value).map_err(|_| ProviderError::Invalid)?, value)
    }
}

/// Parses the content of the file at `path`.
fn parse_content(content: &[u8], path: &Path) -> Result<Secrets, DotEnvError> {
    let refused = |ParseError { line, problem }| DotEnvError::Line { path: path.to_owned(), line, problem };
    parse::parse(content).map_err(refused)
}

/// Returns a copy in its own locked memory.
fn fetched(version: Version, value: &SecretBytes) -> Result<FetchedSecret, ProviderError> {
    let value = SecretBytes::copy_of(value.expose())?;
    Ok(FetchedSecret::new(value, version))
}

impl fmt::Debug for DotEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DotEnv").field("id", &self.id).field("path", &self.file.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
