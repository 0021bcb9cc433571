//! The KV secrets engine, versions 1 and 2.

use std::time::Duration;

use far_core::Version;
use far_core::clock;
use far_core::memory::SecretBytes;
use far_core::provider::{AbsenceReason, ProviderError};
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::client::{Client, Request, Response, Token};
use super::member::member;
use super::path::{SecretKind, VaultPath};
use super::response::{KvVersion, KvVersionMetadata, ResponseBody};
use crate::network::json;

/// A value as the server returned it.
pub(super) struct SecretValue {
    pub(super) value: SecretBytes,
    /// `None` for KV version 1.
    pub(super) version: Option<Version>,
    /// The time until the server's planned deletion or rotation.
    pub(super) ttl: Option<Duration>,
}

/// Reads a value: one version, or the current one.
///
/// # Errors
///
/// Any [`ProviderError`]; `NotFound` only if the server confirms the absence, or the secret lacks
/// the field.
pub(super) async fn read(
    client: &Client,
    token: &Token,
    vault_path: &VaultPath,
    version: Option<u64>,
) -> Result<SecretValue, ProviderError> {
    let mut path = vault_path.read_path();
    if let Some(version) = version {
        path.push_str(&format!("?version={version}"));
    }
    parse(&client.send(Request::get(&path).with_token(token)).await?, vault_path)
}

/// Parses the response to [`read`].
///
/// # Errors
///
/// As [`read`].
pub(super) fn parse(response: &Response, vault_path: &VaultPath) -> Result<SecretValue, ProviderError> {
    match (response.status.as_u16(), &vault_path.kind) {
        (404, SecretKind::KvV2) => Err(not_found_kv2(response)?),
        (404, _) => Err(not_found(response)?),
        (200, kind) => {
            let body = ResponseBody::parse_unleased(&response.body)?;
            match kind {
                SecretKind::KvV1 => {
                    let value = value(body.data.ok_or(ProviderError::Invalid)?, vault_path)?;
                    Ok(SecretValue { value, version: None, ttl: None })
                }
                SecretKind::KvV2 => versioned(&body, vault_path),
                SecretKind::Creds | SecretKind::StaticCreds | SecretKind::Certificate(_) => {
                    Err(ProviderError::Unsupported)
                }
            }
        }
        _ => Err(response.error()),
    }
}

fn versioned(body: &ResponseBody<'_>, vault_path: &VaultPath) -> Result<SecretValue, ProviderError> {
    let KvVersion { data, metadata } = body.data()?;
    if let Some(how) = metadata.absence_reason()? {
        return Err(ProviderError::VersionGone(how));
    }
    let version = version_from_number(metadata.version)?;
    let value = value(data.ok_or(ProviderError::Invalid)?, vault_path)?;
    Ok(SecretValue { value, version: Some(version), ttl: metadata.remaining_ttl()? })
}

/// Returns the [`Version`] of a number. Zero is invalid.
pub(super) fn version_from_number(number: u64) -> Result<Version, ProviderError> {
    let number = Some(number).filter(|number| *number > 0).ok_or(ProviderError::Invalid)?;
    Version::parse(&number.to_string()).map_err(|_| ProviderError::Invalid)
}

/// Returns the field, or the whole object verbatim.
pub(super) fn value(data: &RawValue, vault_path: &VaultPath) -> Result<SecretBytes, ProviderError> {
    match &vault_path.field {
        Some(field) => json::secret(member(data, field)?),
        None => json::secret(data),
    }
}

impl KvVersionMetadata<'_> {
    /// Returns the reason if the version is deleted or destroyed.
    pub(super) fn absence_reason(&self) -> Result<Option<AbsenceReason>, ProviderError> {
        if self.destroyed {
            return Ok(Some(AbsenceReason::Destroyed));
        }
        let ended = !self.deletion_time.is_empty() && self.remaining_ttl()?.is_none();
        Ok(ended.then_some(AbsenceReason::Deleted))
    }

    /// Returns the time until the planned deletion, or `None` if none is pending.
    pub(super) fn remaining_ttl(&self) -> Result<Option<Duration>, ProviderError> {
        if self.deletion_time.is_empty() {
            return Ok(None);
        }
        let left = instant(&self.deletion_time)?.duration_since(clock::wall_time());
        Ok(Duration::try_from(left).ok().filter(|left| !left.is_zero()))
    }

    /// Returns the age, if the server reports a creation time.
    pub(super) fn age(&self) -> Result<Option<Duration>, ProviderError> {
        let created = Some(&*self.created_time).filter(|created| !created.is_empty()).map(instant).transpose()?;
        Ok(created.map(age))
    }
}

/// Parses an RFC 3339 timestamp.
pub(super) fn instant(text: &str) -> Result<Timestamp, ProviderError> {
    text.parse().map_err(|_| ProviderError::Invalid)
}

/// Returns the time since `created`; zero if it lies in the future by the local clock.
pub(super) fn age(created: Timestamp) -> Duration {
    Duration::try_from(clock::wall_time().duration_since(created)).unwrap_or_default()
}

/// Maps a 404 of an engine without versions.
pub(super) fn not_found(response: &Response) -> Result<ProviderError, ProviderError> {
    let is_not_found = ResponseBody::parse(&response.body)?.is_not_found();
    // A missing mount, a different engine or a proxy does not confirm an absence.
    Ok(if is_not_found { ProviderError::NotFound } else { ProviderError::Invalid })
}

/// Maps a 404 of KV version 2.
fn not_found_kv2(response: &Response) -> Result<ProviderError, ProviderError> {
    let body = ResponseBody::parse(&response.body)?;
    if body.data.is_none() {
        return not_found(response);
    }
    let how = body.data::<KvVersion<'_>>()?.metadata.absence_reason()?;
    Ok(how.map_or(ProviderError::Invalid, ProviderError::VersionGone))
}
