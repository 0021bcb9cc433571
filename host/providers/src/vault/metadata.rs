//! What is said of secrets without their values; and versions of them, which are removed.

use std::collections::{HashMap, HashSet};

use far_core::provider::{Description, HowGone, ProviderError};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Listing, VersionState};
use super::client::{Ask, Client, Reply, Token};
use super::kv::{absent, numbered};
use super::place::{Place, Source};

/// What is in folders, each asked for once.
#[derive(Default)]
pub(super) struct Folders(Mutex<HashMap<String, HashSet<String>>>);

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

/// Returns whether the secret has a current version, by its metadata.
///
/// # Errors
///
/// `Invalid` for any other answer.
pub(super) fn has_current(reply: &Reply) -> Result<bool, ProviderError> {
    let told: Versions<'_> = Answer::read(&reply.body)?.data()?;
    told.of(told.current_version).map_or(Ok(false), |state| Ok(state.how_gone()?.is_none()))
}

/// What is said of the current version of a secret of the second kind.
///
/// # Errors
///
/// Any of [`ProviderError`]; `NotFound` and `VersionGone` where the server says so.
pub(super) async fn description(client: &Client, token: &Token, path: &str) -> Result<Description, ProviderError> {
    let reply = metadata(client, token, path).await?;
    let told: Versions<'_> = Answer::read(&reply.body)?.data()?;
    // There may be metadata and no version yet.
    let state = told.of(told.current_version).ok_or(ProviderError::NotFound)?;
    if let Some(how) = state.how_gone()? {
        return Err(ProviderError::VersionGone(how));
    }
    let version = numbered(told.current_version)?;
    Ok(Description::new(version).with_age(state.age()?).with_ttl(state.lives()?))
}

/// Removes one version; the server could bring it back. One that is gone is no error.
///
/// # Errors
///
/// `NotFound` for one that never was, where metadata may be read: the server takes any number, and says nothing.
pub(super) async fn remove(client: &Client, token: &Token, place: &Place, number: u64) -> Result<(), ProviderError> {
    let path = place.delete().ok_or(ProviderError::Unsupported)?;
    match how_gone(client, token, place, number).await {
        Ok(Some(_)) => return Ok(()),
        Err(ProviderError::NotFound) => return Err(ProviderError::NotFound),
        // Whatever keeps it from being looked at does not keep it from being removed.
        Ok(None) | Err(_) => {}
    }
    let ask = Ask::post(&path).with_token(token).with_json(&json!({ "versions": [number] }));
    client.ask(ask).await?.ok().map(drop)
}

/// How a version went, if it did.
async fn how_gone(
    client: &Client,
    token: &Token,
    place: &Place,
    number: u64,
) -> Result<Option<HowGone>, ProviderError> {
    let path = place.metadata().ok_or(ProviderError::Unsupported)?;
    let reply = metadata(client, token, &path).await?;
    let told: Versions<'_> = Answer::read(&reply.body)?.data()?;
    told.of(number).ok_or(ProviderError::NotFound)?.how_gone()
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
