//! What the server answers, as far as it is read. Nothing here is printed.

use std::borrow::Cow;

use far_core::provider::ProviderError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::network::json;

/// Every answer with a body.
#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    /// Empty unless what was given out ends with a lease of its own.
    #[serde(borrow, default)]
    pub(super) lease_id: Cow<'a, str>,
    /// In seconds. Of keys and values of the first kind it is advice on when to look again, and no lease.
    #[serde(default)]
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) auth: Option<Auth<'a>>,
    #[serde(default)]
    warnings: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    errors: Option<Vec<IgnoredAny>>,
}

/// A token that was given out, or given more time.
#[derive(Deserialize)]
pub(super) struct Auth<'a> {
    #[serde(borrow)]
    pub(super) client_token: &'a RawValue,
    /// By which it is ended without being shown; empty where there is none.
    #[serde(borrow, default)]
    pub(super) accessor: Cow<'a, str>,
    /// In seconds; zero for one that does not end.
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// What the server says of a token to whoever has it.
#[derive(Deserialize)]
pub(super) struct SelfLookup {
    /// In seconds; zero for one that does not end.
    pub(super) ttl: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// One version of a secret of the second kind.
#[derive(Deserialize)]
pub(super) struct Versioned<'a> {
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) metadata: VersionState<'a>,
}

/// What is said of a version.
#[derive(Deserialize)]
pub(super) struct VersionState<'a> {
    #[serde(default)]
    pub(super) version: u64,
    /// RFC 3339, or empty.
    #[serde(borrow, default)]
    pub(super) created_time: Cow<'a, str>,
    /// RFC 3339, or empty. It may be in the future.
    #[serde(borrow, default)]
    pub(super) deletion_time: Cow<'a, str>,
    #[serde(default)]
    pub(super) destroyed: bool,
}

/// Why something was refused, in words.
#[derive(Deserialize)]
struct Refusal {
    errors: Vec<String>,
}

/// Whether a refusal has these words in it. They are compared, and go nowhere.
pub(super) fn says(body: &[u8], words: &str) -> bool {
    serde_json::from_slice::<Refusal>(body).is_ok_and(|told| told.errors.iter().any(|error| error.contains(words)))
}

/// What is in a folder; a name that ends in a slash is a folder's.
#[derive(Deserialize)]
pub(super) struct Listing {
    pub(super) keys: Vec<String>,
}

/// A secret id that was in a wrapping.
#[derive(Deserialize)]
pub(super) struct Unwrapped<'a> {
    #[serde(borrow)]
    pub(super) secret_id: &'a RawValue,
}

/// What is said of a wrapping without opening it.
#[derive(Deserialize)]
pub(super) struct Wrapping<'a> {
    #[serde(borrow)]
    pub(super) creation_path: Cow<'a, str>,
}

impl<'a> Answer<'a> {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// `Invalid` for anything else. What the library says of it may have a piece of it in it, and goes nowhere.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, ProviderError> {
        serde_json::from_slice(body).ok().filter(|_| json::is_object(body)).ok_or(ProviderError::Invalid)
    }

    /// Reads the answer of an engine that makes nothing for who asks.
    ///
    /// # Errors
    ///
    /// `Unsupported` for one with a lease: nobody would end it.
    pub(super) fn unleased(body: &'a [u8]) -> Result<Self, ProviderError> {
        let answer = Self::read(body)?;
        if answer.lease_id.is_empty() { Ok(answer) } else { Err(ProviderError::Unsupported) }
    }

    /// What is in it.
    pub(super) fn data<T: Deserialize<'a>>(&self) -> Result<T, ProviderError> {
        let data = self.data.filter(|data| json::is_object(data.get().as_bytes())).ok_or(ProviderError::Invalid)?;
        serde_json::from_str(data.get()).map_err(|_| ProviderError::Invalid)
    }

    /// Whether a 404 with this body says that there is nothing, which is an empty list of errors, and no more than that: a
    /// server that has no such mount, or another engine there, says something.
    pub(super) fn says_nothing(&self) -> bool {
        let unwarned = self.warnings.as_ref().is_none_or(Vec::is_empty);
        unwarned && self.data.is_none() && self.errors.as_ref().is_some_and(Vec::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_lease_where_there_is_one() {
        let body = br#"{"lease_id":"database/creds/x/1","lease_duration":60,"renewable":true,"data":{"keys":[]}}"#;
        let answer = Answer::read(body).unwrap();
        assert_eq!((&*answer.lease_id, answer.lease_duration, answer.renewable), ("database/creds/x/1", 60, true));
        assert!(answer.data::<Listing>().unwrap().keys.is_empty());
    }

    #[test]
    fn list_for_data_is_invalid() {
        let answer = Answer::read(br#"{"data":[{"token":"x"},{"version":1}]}"#).unwrap();
        assert_eq!(answer.data::<Versioned<'_>>().err(), Some(ProviderError::Invalid));
    }

    #[test]
    fn a_404_is_an_absence_only_if_nothing_else_is_said() {
        let says_nothing = |body: &str| Answer::read(body.as_bytes()).map(|answer| answer.says_nothing());
        assert_eq!(says_nothing(r#"{"errors":[]}"#), Ok(true));
        for body in [
            r#"{"errors":["no handler for route"]}"#,
            r#"{"data":null,"warnings":["Invalid path for a versioned K/V secrets engine."]}"#,
            r#"{"data":{"data":null},"errors":[]}"#,
            "{}",
        ] {
            assert_eq!(says_nothing(body), Ok(false), "{body}");
        }
        for body in ["", "<html>", "[]", "{", "\"canary\""] {
            assert_eq!(says_nothing(body), Err(ProviderError::Invalid), "{body}");
        }
    }
}
