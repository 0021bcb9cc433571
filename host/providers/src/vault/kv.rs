//! Keys and values: of the first kind, without versions, and of the second.

use std::time::Duration;

use far_core::Version;
use far_core::clock;
use far_core::memory::SecretBytes;
use far_core::provider::{HowGone, ProviderError};
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::answer::{Answer, VersionState, Versioned};
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
    answered(&client.ask(Ask::get(&path).with_token(token)).await?, place)
}

/// Reads the answer to [`read`].
///
/// # Errors
///
/// As [`read`].
pub(super) fn answered(reply: &Reply, place: &Place) -> Result<Read, ProviderError> {
    match (reply.status.as_u16(), &place.source) {
        (404, Source::KvV2) => Err(gone(reply)?),
        (404, _) => Err(absent(reply)?),
        (200, source) => {
            let answer = Answer::unleased(&reply.body)?;
            match source {
                Source::KvV1 => {
                    let value = value(answer.data.ok_or(ProviderError::Invalid)?, place)?;
                    Ok(Read { value, version: None, ttl: None })
                }
                Source::KvV2 => versioned(&answer, place),
                Source::Creds | Source::StaticCreds | Source::Certificate(_) => Err(ProviderError::Unsupported),
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
pub(super) fn numbered(number: u64) -> Result<Version, ProviderError> {
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
    pub(super) fn how_gone(&self) -> Result<Option<HowGone>, ProviderError> {
        if self.destroyed {
            return Ok(Some(HowGone::Destroyed));
        }
        let ended = !self.deletion_time.is_empty() && self.lives()?.is_none();
        Ok(ended.then_some(HowGone::Deleted))
    }

    /// How long it lives, if its end is planned and has not come.
    pub(super) fn lives(&self) -> Result<Option<Duration>, ProviderError> {
        if self.deletion_time.is_empty() {
            return Ok(None);
        }
        let left = instant(&self.deletion_time)?.duration_since(clock::wall_time());
        Ok(Duration::try_from(left).ok().filter(|left| !left.is_zero()))
    }

    /// How long ago it was made, if the server says so. Its clock may be ahead.
    pub(super) fn age(&self) -> Result<Option<Duration>, ProviderError> {
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
    Duration::try_from(clock::wall_time().duration_since(made)).unwrap_or_default()
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
