//! A `.env` file as a backend, for development only.
//!
//! A file on disk is no place for a secret that matters: whoever becomes the user can read it. So nothing but an
//! explicit choice of the operator may lead here, and a long-running agent is to refuse this backend.
//!
//! # The file
//!
//! ```text
//! # a comment
//! GITHUB_TOKEN=ghp_123          # the secret 'github-token'
//! export EMPTY=
//! LITERAL='every byte but a single quote: \n $HOME # "'
//! ESCAPED="a line\nand a quote \""
//! KEY="-----BEGIN KEY-----
//! several lines
//! -----END KEY-----"
//! ```
//!
//! - The file is UTF-8, with or without a byte order mark; lines end with LF or CRLF. There is no NUL, and no carriage
//!   return that ends no line. A value that is not text does not fit in here.
//! - A key is `[A-Za-z_][A-Za-z0-9_]*`, with or without `export ` before it. It makes the secret's name: lower case,
//!   `_` becomes `-`. Two lines that make one name are an error, whether their keys are the same or not.
//! - Spaces and tabs around key and value are not part of them. An empty value is a value.
//! - A value without quotes is what stands there, up to the line's end or to a `#` after whitespace.
//! - In single quotes everything is what it is. In double quotes `\n` `\r` `\t` `\\` `\"` `\$` are escapes, and any
//!   other backslash is an error. Both may go over several lines; a line's end in them is `\n`, whichever the file has.
//! - Nothing is substituted: `$` is a dollar sign.
//!
//! # When it is read
//!
//! [`DotEnv::open`] reads it, and each call does so again under the same checks. A file that cannot be read or parsed
//! changes nothing: the values of before stay, and only `refresh_secret` says so. A file that others may open, or that
//! is a link, ends them: there are none until it is right again. A file that was cut off where a line ends, or in a
//! value without quotes, looks like a whole one: write a new file beside the old one, and rename it.
//!
//! # Security
//!
//! The parser is the crate's own: those at hand substitute variables, set the process environment, or keep the line in
//! their errors. The file's bytes are in one buffer that is wiped after parsing; each value goes from there into a
//! [`SecretBytes`]. The environment of the process is never written.

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
    Description, Fetched, HowGone, ProviderError, Reference, Refreshed, SecretAdmin, SecretProvider,
};
use far_core::{ProviderId, Version, VersionSelector};
use parking_lot::{Mutex, RwLock};

pub use self::error::{DotEnvError, Problem};
use self::parse::{Refused, Secrets};
use crate::version::{NoRandom, Versions};

/// A `.env` file as a backend, for development only.
///
/// A [`Reference`] is the secret's name, as its key makes it: `github-token` for `GITHUB_TOKEN`. Must be called within
/// a tokio runtime: the file is read again on a thread for blocking calls.
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
    source: Arc<Source>,
}

/// The file, and what was in it.
struct Source {
    path: PathBuf,
    versions: Versions,
    /// None after the file was refused, until it is right again.
    secrets: RwLock<Option<Secrets>>,
    /// Held while the file is read, so that what was read first is not stored last.
    reading: Mutex<()>,
}

impl DotEnv {
    /// The largest file, in bytes: 1 MiB.
    pub const MAX_FILE: u64 = 1024 * 1024;

    /// Reads a file. Blocks the thread meanwhile.
    ///
    /// # Errors
    ///
    /// [`DotEnvError`]: the file is not the effective user's alone, or a line breaks a rule of [`dotenv`](self).
    ///
    /// # Security
    ///
    /// The values are in the host's memory from here on, until the provider is dropped.
    pub fn open(id: ProviderId, path: &Path) -> Result<Self, DotEnvError> {
        let source = Source {
            path: path.to_owned(),
            versions: Versions::random("env").map_err(|NoRandom| DotEnvError::Random)?,
            secrets: RwLock::new(None),
            reading: Mutex::new(()),
        };
        source.read()?;
        Ok(Self { id, source: Arc::new(source) })
    }

    /// Reads the file again, away from the threads that must not block.
    async fn read_again(&self) -> Result<(), ProviderError> {
        let source = self.source.clone();
        let read = tokio::task::spawn_blocking(move || source.read());
        read.await.map_err(|_| ProviderError::Unavailable)?.map_err(|error| error.as_provider_error())
    }

    /// Reads the file again if it can be; else what was there stays, unless the file is refused.
    async fn catch_up(&self) -> Result<(), ProviderError> {
        match self.read_again().await {
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

    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        self.catch_up().await?;
        self.source.with(reference, |current, value| match version {
            VersionSelector::Exactly(asked_for) if *asked_for != current => {
                Err(ProviderError::VersionGone(HowGone::Destroyed))
            }
            _ => fetched(current, value),
        })
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        self.catch_up().await?;
        let secrets = self.source.secrets.read();
        Ok(secrets.as_ref().ok_or(ProviderError::Denied)?.keys().map(Reference::named).collect())
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError> {
        self.read_again().await?;
        self.source.with(reference, |current, value| {
            if *known == current { Ok(Refreshed::Unchanged) } else { fetched(current, value).map(Refreshed::Changed) }
        })
    }

    fn admin(&self) -> Option<&dyn SecretAdmin> {
        Some(self)
    }
}

#[async_trait]
impl SecretAdmin for DotEnv {
    /// A file's age is none of a secret's: other lines are in it.
    async fn describe(&self, reference: &Reference) -> Result<Description, ProviderError> {
        self.catch_up().await?;
        self.source.with(reference, |current, _| Ok(Description::new(current)))
    }
}

impl Source {
    /// Takes over what the file says now; if that cannot be had, what was there stays, unless the file is refused.
    fn read(&self) -> Result<(), DotEnvError> {
        let _reading = self.reading.lock();
        match self.parsed() {
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

    fn parsed(&self) -> Result<Secrets, DotEnvError> {
        parsed(&file::read(&self.path)?, &self.path)
    }

    /// Shows one secret's current version and value.
    fn with<T>(
        &self,
        reference: &Reference,
        show: impl FnOnce(Version, &SecretBytes) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        let secrets = self.secrets.read();
        let secrets = secrets.as_ref().ok_or(ProviderError::Denied)?;
        let value = secrets.get(reference.as_str()).ok_or(ProviderError::NotFound)?;
        show(self.versions.of(reference.as_str(), value).map_err(|_| ProviderError::Invalid)?, value)
    }
}

/// Parses the content of the file at `path`.
fn parsed(content: &[u8], path: &Path) -> Result<Secrets, DotEnvError> {
    let refused = |Refused { line, problem }| DotEnvError::Line { path: path.to_owned(), line, problem };
    parse::parse(content).map_err(refused)
}

/// A copy, in memory of its own that is wiped in its own time.
fn fetched(version: Version, value: &SecretBytes) -> Result<Fetched, ProviderError> {
    let value = SecretBytes::copy_of(value.expose())?;
    Ok(Fetched::new(value, version))
}

impl fmt::Debug for DotEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DotEnv").field("id", &self.id).field("path", &self.source.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
