//! Metadata of secrets, and deletion of KV version 2 versions.

use std::collections::{HashMap, HashSet};

use far_core::provider::{AbsenceReason, Description, ProviderError};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Request, Response, Token};
use super::kv::{not_found, version_from_number};
use super::path::{SecretKind, VaultPath};
use super::response::{KeyList, KvVersionMetadata, ResponseBody};

/// The keys of folders, each listed once.
#[derive(Default)]
pub(super) struct FolderCache(Mutex<HashMap<String, HashSet<String>>>);

/// Returns true if a secret exists, without reading it.
///
/// # Errors
///
/// `Denied` if the token may neither read the metadata nor list the folder.
pub(super) async fn exists(
    client: &Client,
    token: &Token,
    vault_path: &VaultPath,
    folders: &FolderCache,
) -> Result<bool, ProviderError> {
    let Some(path) = vault_path.metadata_path() else { return folders.contains(client, token, vault_path).await };
    let response = client.send(Request::get(&path).with_token(token)).await?;
    match response.status.as_u16() {
        // A role has no versions.
        200 if vault_path.kind != SecretKind::KvV2 => Ok(true),
        200 => has_current_version(&response),
        403 => folders.contains(client, token, vault_path).await,
        404 => not_found(&response).and_then(not_found_is_false),
        _ => Err(response.error()),
    }
}

/// The metadata of a KV version 2 secret.
#[derive(Deserialize)]
struct Metadata<'a> {
    current_version: u64,
    #[serde(borrow)]
    versions: HashMap<&'a str, KvVersionMetadata<'a>>,
}

impl Metadata<'_> {
    /// Returns the metadata of one version.
    fn of(&self, number: u64) -> Option<&KvVersionMetadata<'_>> {
        self.versions.get(number.to_string().as_str())
    }
}

/// Returns true if the secret has a current version that is not deleted.
///
/// # Errors
///
/// `Invalid` for a response that is not KV version 2 metadata.
pub(super) fn has_current_version(response: &Response) -> Result<bool, ProviderError> {
    let metadata: Metadata<'_> = ResponseBody::parse(&response.body)?.data()?;
    metadata.of(metadata.current_version).map_or(Ok(false), |state| Ok(state.absence_reason()?.is_none()))
}

/// Describes the current version of a KV version 2 secret.
///
/// # Errors
///
/// Any [`ProviderError`]; `NotFound` and `VersionGone` only if the server confirms it.
pub(super) async fn description(client: &Client, token: &Token, path: &str) -> Result<Description, ProviderError> {
    let response = metadata(client, token, path).await?;
    let metadata: Metadata<'_> = ResponseBody::parse(&response.body)?.data()?;
    // Metadata can exist before the first version.
    let state = metadata.of(metadata.current_version).ok_or(ProviderError::NotFound)?;
    if let Some(how) = state.absence_reason()? {
        return Err(ProviderError::VersionGone(how));
    }
    let version = version_from_number(metadata.current_version)?;
    Ok(Description::new(version).with_age(state.age()?).with_ttl(state.remaining_ttl()?))
}

/// Deletes one version, which an operator can undelete. An absent version is not an error.
///
/// # Errors
///
/// `NotFound` for a version that never existed, if the token may read metadata. The server itself
/// accepts any number.
pub(super) async fn delete(
    client: &Client,
    token: &Token,
    vault_path: &VaultPath,
    number: u64,
) -> Result<(), ProviderError> {
    let path = vault_path.delete_path().ok_or(ProviderError::Unsupported)?;
    match absence_reason(client, token, vault_path, number).await {
        Ok(Some(_)) => return Ok(()),
        Err(ProviderError::NotFound) => return Err(ProviderError::NotFound),
        // An error while reading the metadata does not prevent the deletion.
        Ok(None) | Err(_) => {}
    }
    let request = Request::post(&path).with_token(token).with_json(&json!({ "versions": [number] }));
    client.send(request).await?.ok().map(drop)
}

/// Returns the reason if the version is deleted or destroyed.
async fn absence_reason(
    client: &Client,
    token: &Token,
    vault_path: &VaultPath,
    number: u64,
) -> Result<Option<AbsenceReason>, ProviderError> {
    let path = vault_path.metadata_path().ok_or(ProviderError::Unsupported)?;
    let response = metadata(client, token, &path).await?;
    let metadata: Metadata<'_> = ResponseBody::parse(&response.body)?.data()?;
    metadata.of(number).ok_or(ProviderError::NotFound)?.absence_reason()
}

async fn metadata(client: &Client, token: &Token, path: &str) -> Result<Response, ProviderError> {
    let response = client.send(Request::get(path).with_token(token)).await?;
    match response.status.as_u16() {
        200 => Ok(response),
        404 => Err(not_found(&response)?),
        _ => Err(response.error()),
    }
}

impl FolderCache {
    async fn contains(&self, client: &Client, token: &Token, vault_path: &VaultPath) -> Result<bool, ProviderError> {
        let (folder, name) = vault_path.folder().ok_or(ProviderError::Unsupported)?;
        if let Some(names) = self.0.lock().get(&folder) {
            return Ok(names.contains(name));
        }
        let names = list(client, token, &folder).await?;
        let has = names.contains(name);
        self.0.lock().insert(folder, names);
        Ok(has)
    }
}

/// Lists the secrets in a folder, without its subfolders. An empty folder does not exist.
async fn list(client: &Client, token: &Token, folder: &str) -> Result<HashSet<String>, ProviderError> {
    let path = format!("{folder}?list=true");
    let response = client.send(Request::get(&path).with_token(token)).await?;
    match response.status.as_u16() {
        200 => {
            let KeyList { keys } = ResponseBody::parse(&response.body)?.data()?;
            Ok(keys.into_iter().filter(|name| !name.ends_with('/')).collect())
        }
        404 => not_found(&response).and_then(not_found_is_false).map(|_| HashSet::new()),
        _ => Err(response.error()),
    }
}

/// Maps `NotFound` to `false`.
fn not_found_is_false(error: ProviderError) -> Result<bool, ProviderError> {
    if error == ProviderError::NotFound { Ok(false) } else { Err(error) }
}
