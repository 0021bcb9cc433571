//! Passwords of a database's users that are there already. The server has one of each, and replaces it by its own plan, or when
//! it is asked to.

use std::borrow::Cow;
use std::time::Duration;

use far_core::Version;
use far_core::memory::SecretBytes;
use far_core::provider::{Description, ProviderError};
use jiff::Timestamp;
use serde::Deserialize;

use super::answer::{Answer, says};
use super::client::{Ask, Client, Reply, Token};
use super::kv::{self, Read, absent, age, instant};
use super::member::without;
use super::place::Place;

/// What the server says of a password, with it or without it.
#[derive(Deserialize)]
struct Rotation<'a> {
    /// RFC 3339.
    #[serde(borrow)]
    last_vault_rotation: Cow<'a, str>,
    /// In seconds; with the password alone.
    #[serde(default)]
    ttl: Option<u64>,
    /// In seconds; without the password, and where there is no other plan.
    #[serde(default)]
    rotation_period: Option<u64>,
}

/// Reads a password, or whatever else there is beside it.
///
/// # Errors
///
/// Any of [`ProviderError`]; `NotFound` where the server says that there is no such role, or there is no such field.
pub(super) async fn read(client: &Client, token: &Token, place: &Place) -> Result<Read, ProviderError> {
    let path = place.data();
    answered(client.ask(Ask::get(&path).with_token(token)).await?, place)
}

/// Reads the answer to [`read`].
///
/// # Errors
///
/// As [`read`].
pub(super) fn answered(reply: Reply, place: &Place) -> Result<Read, ProviderError> {
    let reply = there(reply)?;
    let answer = Answer::unleased(&reply.body)?;
    let rotation: Rotation<'_> = answer.data()?;
    let data = answer.data.ok_or(ProviderError::Invalid)?;
    let value = match &place.field {
        Some(_) => kv::value(data, place)?,
        // The time that is left is another one with each answer, and would have one version be of many values.
        None => SecretBytes::copy_of(&without(data, "ttl")?)?,
    };
    let ttl = rotation.ttl.map(Duration::from_secs).ok_or(ProviderError::Invalid)?;
    Ok(Read { value, version: Some(version(rotation.since()?)?), ttl: Some(ttl) })
}

/// What is said of a password: its role's, and not with it.
///
/// # Errors
///
/// As [`read`].
pub(super) async fn description(client: &Client, token: &Token, path: &str) -> Result<Description, ProviderError> {
    let reply = client.ask(Ask::get(path).with_token(token)).await?;
    if reply.status.as_u16() == 404 {
        return Err(absent(&reply)?);
    }
    let reply = reply.ok()?;
    let rotation: Rotation<'_> = Answer::unleased(&reply.body)?.data()?;
    let since = rotation.since()?;
    let age = age(since);
    let ttl = rotation.rotation_period.filter(|period| *period > 0);
    let ttl = ttl.map(|period| Duration::from_secs(period).saturating_sub(age));
    Ok(Description::new(version(since)?).with_age(age).with_ttl(ttl))
}

/// Has the server replace a password: it does before it answers.
///
/// # Errors
///
/// As [`read`].
pub(super) async fn replace(client: &Client, token: &Token, path: &str) -> Result<(), ProviderError> {
    let reply = client.ask(Ask::post(path).with_token(token).with(&[])).await?;
    there(reply).map(drop)
}

/// What is said where there is a role of this name.
fn there(reply: Reply) -> Result<Reply, ProviderError> {
    let unknown = ["unknown role", "no static role found"].iter().any(|words| says(&reply.body, words));
    if unknown { Err(ProviderError::NotFound) } else { reply.ok() }
}

impl Rotation<'_> {
    fn since(&self) -> Result<Timestamp, ProviderError> {
        instant(&self.last_vault_rotation)
    }
}

/// The instant as one text, in whichever of its ways the server has written it.
fn version(since: Timestamp) -> Result<Version, ProviderError> {
    Version::parse(&since.to_string()).map_err(|_| ProviderError::Invalid)
}
