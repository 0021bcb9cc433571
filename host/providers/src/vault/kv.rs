//! Keys and values: of the first kind, without versions, and of the second.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use far_core::Version;
use far_core::memory::SecretBytes;
use far_core::provider::{Description, HowGone, ProviderError};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::{Answer, Listing, VersionState, Versioned};
use super::client::{Ask, Client, Reply, Token};
use super::member::member;
use super::place::{Place, Source};
use crate::network::json;

/// A value, as the server has it.
pub(super) struct Read {
    pub(super) value: SecretBytes,
    /// None where there are no versions.
    pub(super) version: Option<Version>,
    /// Until the server has planned to delete or replace it.
    pub(super) ttl: Option<Duration>,
}

/// What is in folders, each asked for once.
#[derive(Default)]
pub(super) struct Folders(Mutex<HashMap<String, HashSet<String>>>);

/// Reads a value: the version asked for, or the current one.
///
/// # Errors
///
/// Any of [`ProviderError`]; `NotFound` only where the server says that there is nothing, or the secret has no such field.
pub(super) async fn read(
    client: &Client,
    token: &Token,
    place: &Place,
    version: Option<u64>,
) -> Result<Read, ProviderError> {
    let mut path = place.data();
    if let Some(version) = version {
        path.push_str(&format!("?version={version}"));
    }
    let reply = client.ask(Ask::get(&path).with_token(token)).await?;
    match (reply.status.as_u16(), place.source) {
        (404, Source::KvV2) => Err(gone(&reply)?),
        (404, _) => Err(absent(&reply)?),
        (200, source) => {
            let answer = Answer::unleased(&reply.body)?;
            match source {
                Source::KvV1 => {
                    let value = value(answer.data.ok_or(ProviderError::Invalid)?, place)?;
                    Ok(Read { value, version: None, ttl: None })
                }
                Source::KvV2 => versioned(&answer, place),
                Source::Creds => Err(ProviderError::Unsupported),
            }
        }
        _ => Err(reply.refusal()),
    }
}

fn versioned(answer: &Answer<'_>, place: &Place) -> Result<Read, ProviderError> {
    let Versioned { data, metadata } = answer.data()?;
    if let Some(how) = metadata.how_gone()? {
        return Err(ProviderError::VersionGone(how));
    }
    let version = numbered(metadata.version)?;
    let value = value(data.ok_or(ProviderError::Invalid)?, place)?;
    Ok(Read { value, version: Some(version), ttl: metadata.lives()? })
}

/// The version of a number. Zero is no version's.
fn numbered(number: u64) -> Result<Version, ProviderError> {
    let number = Some(number).filter(|number| *number > 0).ok_or(ProviderError::Invalid)?;
    Version::parse(&number.to_string()).map_err(|_| ProviderError::Invalid)
}

/// The field, or all of them as they were written.
pub(super) fn value(data: &RawValue, place: &Place) -> Result<SecretBytes, ProviderError> {
    match &place.field {
        Some(field) => json::secret(member(data, field)?),
        None => json::secret(data),
    }
}

impl VersionState<'_> {
    /// How the version went, if it did.
    fn how_gone(&self) -> Result<Option<HowGone>, ProviderError> {
        if self.destroyed {
            return Ok(Some(HowGone::Destroyed));
        }
        let ended = !self.deletion_time.is_empty() && self.lives()?.is_none();
        Ok(ended.then_some(HowGone::Deleted))
    }

    /// How long it lives, if its end is planned and has not come.
    fn lives(&self) -> Result<Option<Duration>, ProviderError> {
        if self.deletion_time.is_empty() {
            return Ok(None);
        }
        let left = instant(&self.deletion_time)?.duration_since(Timestamp::now());
        Ok(Duration::try_from(left).ok().filter(|left| !left.is_zero()))
    }

    /// How long ago it was made, if the server says so. Its clock may be ahead.
    fn age(&self) -> Result<Option<Duration>, ProviderError> {
        let made = Some(&*self.created_time).filter(|made| !made.is_empty()).map(instant).transpose()?;
        Ok(made.map(age))
    }
}

/// An instant, as the server writes it: RFC 3339.
pub(super) fn instant(text: &str) -> Result<Timestamp, ProviderError> {
    text.parse().map_err(|_| ProviderError::Invalid)
}

/// How long ago that was; nothing for what is still to come by this clock.
pub(super) fn age(made: Timestamp) -> Duration {
    Duration::try_from(Timestamp::now().duration_since(made)).unwrap_or_default()
}

/// What a 404 says where there are no versions.
pub(super) fn absent(reply: &Reply) -> Result<ProviderError, ProviderError> {
    let says_nothing = Answer::read(&reply.body)?.says_nothing();
    // A mount that is not there, another engine, a proxy: that is not what was asked.
    Ok(if says_nothing { ProviderError::NotFound } else { ProviderError::Invalid })
}

/// What a 404 says where there are.
fn gone(reply: &Reply) -> Result<ProviderError, ProviderError> {
    let answer = Answer::read(&reply.body)?;
    if answer.data.is_none() {
        return absent(reply);
    }
    let how = answer.data::<Versioned<'_>>()?.metadata.how_gone()?;
    Ok(how.map_or(ProviderError::Invalid, ProviderError::VersionGone))
}

/// Whether a secret is there, without reading it.
///
/// # Errors
///
/// `Denied` if neither its metadata may be read nor its folder listed.
pub(super) async fn is_there(
    client: &Client,
    token: &Token,
    place: &Place,
    folders: &Folders,
) -> Result<bool, ProviderError> {
    let Some(path) = place.metadata() else { return folders.have(client, token, place).await };
    let reply = client.ask(Ask::get(&path).with_token(token)).await?;
    match reply.status.as_u16() {
        // A role is there, or is not.
        200 if place.source != Source::KvV2 => Ok(true),
        200 => has_current(&reply),
        403 => folders.have(client, token, place).await,
        404 => absent(&reply).and_then(not_found),
        _ => Err(reply.refusal()),
    }
}

/// What is said of all versions of a secret.
#[derive(Deserialize)]
struct Versions<'a> {
    current_version: u64,
    #[serde(borrow)]
    versions: HashMap<&'a str, VersionState<'a>>,
}

impl Versions<'_> {
    /// What is said of one of them.
    fn of(&self, number: u64) -> Option<&VersionState<'_>> {
        self.versions.get(number.to_string().as_str())
    }
}

fn has_current(reply: &Reply) -> Result<bool, ProviderError> {
    let told: Versions<'_> = Answer::read(&reply.body)?.data()?;
    told.of(told.current_version).map_or(Ok(false), |state| Ok(state.how_gone()?.is_none()))
}

/// What is said of the current version of a secret of the second kind.
///
/// # Errors
///
/// As [`read`].
pub(super) async fn describe(client: &Client, token: &Token, path: &str) -> Result<Description, ProviderError> {
    let reply = metadata(client, token, path).await?;
    let told: Versions<'_> = Answer::read(&reply.body)?.data()?;
    // There may be metadata and no version yet.
    let state = told.of(told.current_version).ok_or(ProviderError::NotFound)?;
    if let Some(how) = state.how_gone()? {
        return Err(ProviderError::VersionGone(how));
    }
    let version = Some(numbered(told.current_version)?);
    Ok(Description { version, age: state.age()?, ttl: state.lives()?, leased: false })
}

async fn metadata(client: &Client, token: &Token, path: &str) -> Result<Reply, ProviderError> {
    let reply = client.ask(Ask::get(path).with_token(token)).await?;
    match reply.status.as_u16() {
        200 => Ok(reply),
        404 => Err(absent(&reply)?),
        _ => Err(reply.refusal()),
    }
}

impl Folders {
    async fn have(&self, client: &Client, token: &Token, place: &Place) -> Result<bool, ProviderError> {
        let (folder, name) = place.folder().ok_or(ProviderError::Unsupported)?;
        if let Some(names) = self.0.lock().get(&folder) {
            return Ok(names.contains(name));
        }
        let names = list(client, token, &folder).await?;
        let has = names.contains(name);
        self.0.lock().insert(folder, names);
        Ok(has)
    }
}

/// The secrets in a folder: not the folders in it. One that is empty is not there.
async fn list(client: &Client, token: &Token, folder: &str) -> Result<HashSet<String>, ProviderError> {
    let path = format!("{folder}?list=true");
    let reply = client.ask(Ask::get(&path).with_token(token)).await?;
    match reply.status.as_u16() {
        200 => {
            let Listing { keys } = Answer::read(&reply.body)?.data()?;
            Ok(keys.into_iter().filter(|name| !name.ends_with('/')).collect())
        }
        404 => absent(&reply).and_then(not_found).map(|_| HashSet::new()),
        _ => Err(reply.refusal()),
    }
}

/// An absence is an answer here.
fn not_found(error: ProviderError) -> Result<bool, ProviderError> {
    if error == ProviderError::NotFound { Ok(false) } else { Err(error) }
}
