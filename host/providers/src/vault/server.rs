//! Reads, for however many ask.

use std::sync::Arc;
use std::time::Duration;

use far_core::memory::SecretBytes;
use far_core::provider::{Description, Fetched, HowGone, ProviderError, Reference};
use far_core::single_flight::SingleFlight;
use far_core::{Version, VersionSelector};

use super::access::Access;
use super::client::Token;
use super::dynamic::Dynamic;
use super::kv::{self, Read};
use super::metadata::{self, Folders};
use super::place::{Mounts, Place, Source};
use super::static_role;
use crate::network::{Absences, Metrics};
use crate::version::Versions;

/// What a call that goes on without its caller needs.
pub(super) struct Server {
    pub(super) access: Arc<Access>,
    pub(super) mounts: Mounts,
    pub(super) versions: Versions,
    pub(super) known: Vec<Reference>,
    pub(super) reads: SingleFlight<Key, Result<Arc<Answered>, ProviderError>>,
    pub(super) absences: Absences<Key>,
    pub(super) metrics: Arc<Metrics>,
    /// None where nothing is made for who asks.
    pub(super) dynamic: Option<Arc<Dynamic>>,
}

pub(super) type Key = (Reference, VersionSelector);

/// A secret that is being changed: what was read of it before answers nobody who asks afterwards.
struct Stale<'a> {
    server: &'a Server,
    place: &'a Place,
}

impl Drop for Stale<'_> {
    fn drop(&mut self) {
        self.server.forget_reads(self.place);
    }
}

/// One read, for all who asked.
pub(super) struct Answered {
    pub(super) value: SecretBytes,
    pub(super) version: Version,
    pub(super) ttl: Option<Duration>,
}

impl Server {
    /// Reads for all who ask.
    pub(super) async fn read(&self, key: Key) -> Result<Arc<Answered>, ProviderError> {
        let (reference, version) = &key;
        let place = self.place(reference)?;
        let read = match wanted(&place, version) {
            // A text that no version has, such as one of another backend's.
            Err(error) => Err(error),
            Ok(number) => self.access.shell.call(|| self.attempt(&place, number)).await,
        };
        let answered = read.and_then(|read| self.answered(reference, version, read));
        match &answered {
            Ok(_) => self.absences.forget(&key),
            Err(ProviderError::NotFound) => self.absences.note(key),
            Err(_) => {}
        }
        answered.map(Arc::new)
    }

    /// Has nobody who asks from now on wait for a read that is under way: of this secret, whichever its field and version.
    pub(super) fn forget_reads(&self, place: &Place) {
        let path = place.data();
        let is_of = |(reference, _): &Key| self.place(reference).is_ok_and(|other| other.data() == path);
        self.reads.forget(is_of);
    }

    /// Does so when what is done to the secret meanwhile is over, however it ends: it may be done where no answer came.
    fn stale<'a>(&'a self, place: &'a Place) -> Stale<'a> {
        Stale { server: self, place }
    }

    async fn attempt(&self, place: &Place, version: Option<u64>) -> Result<Read, ProviderError> {
        let read = |token: Token| async move {
            match place.source {
                Source::StaticCreds => static_role::read(&self.access.client, &token, place).await,
                _ => kv::read(&self.access.client, &token, place, version).await,
            }
        };
        self.access.as_itself(read).await
    }

    /// What has secrets made.
    ///
    /// # Errors
    ///
    /// `Unsupported` where there is no ledger.
    pub(super) fn dynamic(&self) -> Result<&Arc<Dynamic>, ProviderError> {
        self.dynamic.as_ref().ok_or(ProviderError::Unsupported)
    }

    /// Whether a secret is there, without reading it.
    pub(super) async fn is_there(&self, place: &Place, folders: &Folders) -> Result<bool, ProviderError> {
        let current = self.access.session.current().await?;
        metadata::is_there(&self.access.client, &current.token, place, folders).await
    }

    /// What the server says of a secret without its value.
    pub(super) async fn description(&self, place: &Place) -> Result<Description, ProviderError> {
        let path = place.metadata().ok_or(ProviderError::Unsupported)?;
        let describe = |token: Token| {
            let path = &path;
            async move {
                match place.source {
                    Source::KvV2 => metadata::description(&self.access.client, &token, path).await,
                    Source::StaticCreds => static_role::description(&self.access.client, &token, path).await,
                    Source::KvV1 | Source::Creds | Source::Certificate(_) => Err(ProviderError::Unsupported),
                }
            }
        };
        self.access.shell.call(|| self.access.as_itself(describe)).await
    }

    /// Removes a version of a secret.
    pub(super) async fn remove_version(&self, place: &Place, version: &Version) -> Result<(), ProviderError> {
        if place.source != Source::KvV2 {
            return Err(ProviderError::Unsupported);
        }
        let number = number(version)?;
        let remove = |token| async move { metadata::remove(&self.access.client, &token, place, number).await };
        let _stale = self.stale(place);
        self.access.shell.call(|| self.access.as_itself(remove)).await
    }

    /// Has a secret replaced: the version that is there then.
    pub(super) async fn replace_password(&self, place: &Place) -> Result<Version, ProviderError> {
        let path = place.rotation().ok_or(ProviderError::Unsupported)?;
        let replace = |token: Token| {
            let path = &path;
            async move { static_role::replace(&self.access.client, &token, path).await }
        };
        {
            let _stale = self.stale(place);
            self.access.shell.once(|| self.access.as_itself(replace)).await?;
        }
        // A call of its own: what could not be read back is not rotated once more.
        let read = self.access.shell.call(|| self.attempt(place, None)).await?;
        read.version.ok_or(ProviderError::Invalid)
    }

    /// Whether the server takes the provider's token.
    pub(super) async fn reach(&self) -> Result<(), ProviderError> {
        let current = self.access.session.current().await?;
        if self.access.session.has_ended(&current).await {
            self.access.session.current().await?;
        }
        Ok(())
    }

    fn answered(
        &self,
        reference: &Reference,
        asked_for: &VersionSelector,
        read: Read,
    ) -> Result<Answered, ProviderError> {
        let Read { value, version, ttl } = read;
        let version = match version {
            Some(version) => version,
            None => self.versions.of(reference.as_str(), &value).map_err(|_| ProviderError::Invalid)?,
        };
        match asked_for {
            // Where one value is kept, each replaces the one before for good.
            VersionSelector::Exactly(other) if *other != version => Err(ProviderError::VersionGone(HowGone::Destroyed)),
            _ => Ok(Answered { value, version, ttl }),
        }
    }

    /// The operator's references were looked at as they were configured: another's may be anything.
    pub(super) fn place(&self, reference: &Reference) -> Result<Place, ProviderError> {
        self.mounts.place(reference.as_str()).map_err(|_| ProviderError::Unsupported)
    }
}

/// The number of the version to ask for; none for the current one, and where there are no numbers.
fn wanted(place: &Place, version: &VersionSelector) -> Result<Option<u64>, ProviderError> {
    match (&place.source, version) {
        (Source::KvV2, VersionSelector::Exactly(version)) => number(version).map(Some),
        _ => Ok(None),
    }
}

/// The number of a version of the second kind.
fn number(version: &Version) -> Result<u64, ProviderError> {
    let number: Option<u64> = version.as_str().parse().ok();
    // Zero would be the current one, and other ways to write a number would be other versions.
    let number = number.filter(|number| *number > 0 && number.to_string() == version.as_str());
    number.ok_or(ProviderError::NotFound)
}

impl Answered {
    /// A copy for one who asked, in memory of its own that is wiped in its own time.
    pub(super) fn copy(&self) -> Result<Fetched, ProviderError> {
        let value = SecretBytes::copy_of(self.value.expose())?;
        Ok(Fetched::new(value, self.version.clone()).with_ttl(self.ttl))
    }
}
