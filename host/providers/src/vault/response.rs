//! The server's response bodies, as far as the provider reads them. They never appear in a log or
//! an error.

use std::borrow::Cow;

use far_core::provider::ProviderError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::network::json;

/// The outer JSON object of every response.
#[derive(Deserialize)]
pub(super) struct ResponseBody<'a> {
    /// The lease id, empty if the response carries no lease.
    #[serde(borrow, default)]
    pub(super) lease_id: Cow<'a, str>,
    /// In seconds. For KV version 1 this is a refresh hint, not a lease.
    #[serde(default)]
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) auth: Option<AuthBlock<'a>>,
    #[serde(default)]
    warnings: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    errors: Option<Vec<IgnoredAny>>,
}

/// A token that was issued or renewed.
#[derive(Deserialize)]
pub(super) struct AuthBlock<'a> {
    #[serde(borrow)]
    pub(super) client_token: &'a RawValue,
    /// The accessor, which revokes the token without revealing it; may be empty.
    #[serde(borrow, default)]
    pub(super) accessor: Cow<'a, str>,
    /// In seconds; 0 for a token that never expires.
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// The response to a token's lookup of itself.
#[derive(Deserialize)]
pub(super) struct TokenLookup {
    /// In seconds; 0 for a token that never expires.
    pub(super) ttl: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// One version of a KV version 2 secret.
#[derive(Deserialize)]
pub(super) struct KvVersion<'a> {
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) metadata: KvVersionMetadata<'a>,
}

/// The metadata of a KV version 2 version.
#[derive(Deserialize)]
pub(super) struct KvVersionMetadata<'a> {
    #[serde(default)]
    pub(super) version: u64,
    /// RFC 3339, or empty.
    #[serde(borrow, default)]
    pub(super) created_time: Cow<'a, str>,
    /// RFC 3339, or empty. It may lie in the future.
    #[serde(borrow, default)]
    pub(super) deletion_time: Cow<'a, str>,
    #[serde(default)]
    pub(super) destroyed: bool,
}

/// The body of an error response.
#[derive(Deserialize)]
struct ErrorBody {
    errors: Vec<String>,
}

/// Returns true if an error message of the body contains `words`. The messages are compared and
/// then dropped.
pub(super) fn has_error(body: &[u8], words: &str) -> bool {
    serde_json::from_slice::<ErrorBody>(body)
        .is_ok_and(|parsed| parsed.errors.iter().any(|error| error.contains(words)))
}

/// The keys in a folder. The name of a subfolder ends in a slash.
#[derive(Deserialize)]
pub(super) struct KeyList {
    pub(super) keys: Vec<String>,
}

/// An unwrapped AppRole secret id.
#[derive(Deserialize)]
pub(super) struct UnwrappedSecretId<'a> {
    #[serde(borrow)]
    pub(super) secret_id: &'a RawValue,
}

/// The metadata of a wrapping token.
#[derive(Deserialize)]
pub(super) struct WrappingLookup<'a> {
    #[serde(borrow)]
    pub(super) creation_path: Cow<'a, str>,
}

impl<'a> ResponseBody<'a> {
    /// Parses a response body.
    ///
    /// # Errors
    ///
    /// `Invalid` for anything but a JSON object. The parser's error may quote the body, so it is
    /// dropped.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, ProviderError> {
        serde_json::from_slice(body).ok().filter(|_| json::is_object(body)).ok_or(ProviderError::Invalid)
    }

    /// Parses the response of an engine without dynamic secrets.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a response with a lease, because the provider would not revoke it.
    pub(super) fn parse_unleased(body: &'a [u8]) -> Result<Self, ProviderError> {
        let body = Self::parse(body)?;
        if body.lease_id.is_empty() { Ok(body) } else { Err(ProviderError::Unsupported) }
    }

    /// Parses the `data` object.
    pub(super) fn data<T: Deserialize<'a>>(&self) -> Result<T, ProviderError> {
        let data = self.data.filter(|data| json::is_object(data.get().as_bytes())).ok_or(ProviderError::Invalid)?;
        serde_json::from_str(data.get()).map_err(|_| ProviderError::Invalid)
    }

    /// Returns true if the body of a 404 means "not found": an empty list of errors and nothing
    /// else. A missing mount or a different engine reports an error or a warning.
    pub(super) fn is_not_found(&self) -> bool {
        let unwarned = self.warnings.as_ref().is_none_or(Vec::is_empty);
        unwarned && self.data.is_none() && self.errors.as_ref().is_some_and(Vec::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_with_lease_is_parsed() {
        let body = br#"{"lease_id":"database/creds/x/1","lease_duration":60,"renewable":true,"data":{"keys":[]}}"#;
        let body = ResponseBody::parse(body).unwrap();
        assert_eq!((&*body.lease_id, body.lease_duration, body.renewable), ("database/creds/x/1", 60, true));
        assert!(body.data::<KeyList>().unwrap().keys.is_empty());
    }

    #[test]
    fn list_for_data_is_invalid() {
        let body = ResponseBody::parse(br#"{"data":[{"token":"x"},{"version":1}]}"#).unwrap();
        assert_eq!(body.data::<KvVersion<'_>>().err(), Some(ProviderError::Invalid));
    }

    #[test]
    fn not_found_requires_empty_error_list() {
        let is_not_found = |body: &str| ResponseBody::parse(body.as_bytes()).map(|body| body.is_not_found());
        assert_eq!(is_not_found(r#"{"errors":[]}"#), Ok(true));
        for body in [
            r#"{"errors":["no handler for route"]}"#,
            r#"{"data":null,"warnings":["Invalid path for a versioned K/V secrets engine."]}"#,
            r#"{"data":{"data":null},"errors":[]}"#,
            "{}",
        ] {
            assert_eq!(is_not_found(body), Ok(false), "{body}");
        }
        for body in ["", "<html>", "[]", "{", "\"canary\""] {
            assert_eq!(is_not_found(body), Err(ProviderError::Invalid), "{body}");
        }
    }
}
