//! Static roles of the database engine. The server rotates the password of such a user, on schedule
//! or on request.

use std::borrow::Cow;
use std::time::Duration;

use far_core::Version;
use far_core::memory::SecretBytes;
use far_core::provider::{Description, ProviderError};
use jiff::Timestamp;
use serde::Deserialize;

use super::client::{Client, Request, Response, Token};
use super::kv::{self, SecretValue, age, instant, not_found};
use super::member::without;
use super::path::VaultPath;
use super::response::{ResponseBody, has_error};

/// A static role or its credentials.
#[derive(Deserialize)]
struct Rotation<'a> {
    /// RFC 3339.
    #[serde(borrow)]
    last_vault_rotation: Cow<'a, str>,
    /// In seconds; only in the response with the password.
    #[serde(default)]
    ttl: Option<u64>,
    /// In seconds; only in the response without the password, and absent if the role has another
    /// schedule.
    #[serde(default)]
    rotation_period: Option<u64>,
}

/// Reads a field of a static role's credentials.
///
/// # Errors
///
/// Any [`ProviderError`]; `NotFound` if the server reports an unknown role, or the field is absent.
pub(super) async fn read(client: &Client, token: &Token, vault_path: &VaultPath) -> Result<SecretValue, ProviderError> {
    let path = vault_path.read_path();
    parse(client.send(Request::get(&path).with_token(token)).await?, vault_path)
}

/// Parses the response to [`read`].
///
/// # Errors
///
/// As [`read`].
pub(super) fn parse(response: Response, vault_path: &VaultPath) -> Result<SecretValue, ProviderError> {
    let response = map_unknown_role(response)?;
    let body = ResponseBody::parse_unleased(&response.body)?;
    let rotation: Rotation<'_> = body.data()?;
    let data = body.data.ok_or(ProviderError::Invalid)?;
    let value = match &vault_path.field {
        Some(_) => kv::value(data, vault_path)?,
        // The TTL differs in every response; with it, one version would have many values.
        None => SecretBytes::copy_of(&without(data, "ttl")?)?,
    };
    let ttl = rotation.ttl.map(Duration::from_secs).ok_or(ProviderError::Invalid)?;
    Ok(SecretValue { value, version: Some(version(rotation.since()?)?), ttl: Some(ttl) })
}

/// Describes a static role without reading its password.
///
/// # Errors
///
/// As [`read`].
pub(super) async fn description(client: &Client, token: &Token, path: &str) -> Result<Description, ProviderError> {
    let response = client.send(Request::get(path).with_token(token)).await?;
    if response.status.as_u16() == 404 {
        return Err(not_found(&response)?);
    }
    let response = response.ok()?;
    let rotation: Rotation<'_> = ResponseBody::parse_unleased(&response.body)?.data()?;
    let since = rotation.since()?;
    let age = age(since);
    let ttl = rotation.rotation_period.filter(|period| *period > 0);
    let ttl = ttl.map(|period| Duration::from_secs(period).saturating_sub(age));
    Ok(Description::new(version(since)?).with_age(age).with_ttl(ttl))
}

/// Rotates a password. The server finishes the rotation before it responds.
///
/// # Errors
///
/// As [`read`].
pub(super) async fn rotate(client: &Client, token: &Token, path: &str) -> Result<(), ProviderError> {
    let response = client.send(Request::post(path).with_token(token).with_strings(&[])).await?;
    map_unknown_role(response).map(drop)
}

/// Maps the error messages for an unknown role to `NotFound`.
fn map_unknown_role(response: Response) -> Result<Response, ProviderError> {
    let unknown = ["unknown role", "no static role found"].iter().any(|words| has_error(&response.body, words));
    if unknown { Err(ProviderError::NotFound) } else { response.ok() }
}

impl Rotation<'_> {
    fn since(&self) -> Result<Timestamp, ProviderError> {
        instant(&self.last_vault_rotation)
    }
}

/// Returns the version: the instant in its canonical form.
fn version(since: Timestamp) -> Result<Version, ProviderError> {
    Version::parse(&since.to_string()).map_err(|_| ProviderError::Invalid)
}
