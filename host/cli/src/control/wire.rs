//! Requests and responses, one line of JSON each.

use std::time::Duration;

use far_core::SecretName;
use far_core::broker::{CachedSecret, RereadReport};
use serde::{Deserialize, Serialize};

use crate::duration::milliseconds;

/// The maximum length of a request with its line end. A name has at most 128 characters.
pub(super) const REQUEST_LEN_MAX: u64 = 4 * 1024;
/// The maximum length of a response: enough for thousands of cached secrets.
pub(super) const RESPONSE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// A request to a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// List the cached values.
    // Not a unit variant: serde would ignore unknown keys.
    #[serde(rename = "kept")]
    List {},
    /// Read a static secret again.
    Refresh {
        /// The secret.
        secret: SecretName,
    },
    /// Reissue a dynamic secret.
    #[serde(rename = "replace")]
    Reissue {
        /// The secret.
        secret: SecretName,
    },
    /// Wipe a secret, and revoke its leases.
    Revoke {
        /// The secret.
        secret: SecretName,
    },
}

/// A response of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Response {
    #[serde(rename = "kept")]
    Cached(Vec<CachedValue>),
    Reread {
        #[serde(rename = "kept")]
        cached: usize,
        changed: usize,
        failed: usize,
    },
    Wiped(usize),
    /// The request is invalid or unknown.
    #[serde(rename = "refused")]
    Unsupported,
    /// Too many requests wait for backends.
    Busy,
}

/// A cached value, as a process reports it. It is only displayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CachedValue {
    pub(crate) name: SecretName,
    pub(crate) provider: String,
    pub(crate) version: String,
    pub(crate) scope: String,
    pub(crate) expires_in_ms: u64,
    pub(crate) leased: bool,
    pub(crate) stale: bool,
    pub(crate) replaced: bool,
}

impl Request {
    /// Parses a line. Returns `None` if it is not a valid request.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let text = line.strip_suffix(b"\n")?;
        serde_json::from_slice(text).ok()
    }

    /// Returns the line.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        line(self)
    }
}

impl Response {
    /// Parses a line.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line.strip_suffix(b"\n")?).ok()
    }

    /// Returns the line.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        line(self)
    }
}

fn line(message: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

impl From<RereadReport> for Response {
    fn from(RereadReport { cached, changed, failed }: RereadReport) -> Self {
        Self::Reread { cached, changed, failed }
    }
}

impl From<CachedSecret> for CachedValue {
    fn from(secret: CachedSecret) -> Self {
        Self {
            name: secret.name,
            provider: secret.provider.to_string(),
            version: secret.version.to_string(),
            scope: secret.scope.to_owned(),
            expires_in_ms: milliseconds(secret.expires_in),
            leased: secret.leased,
            stale: secret.stale,
            replaced: secret.replaced,
        }
    }
}

impl CachedValue {
    /// Returns the remaining lifetime.
    pub(crate) fn expires_in(&self) -> Duration {
        Duration::from_millis(self.expires_in_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_requests_are_parsed() {
        let secret = || SecretName::parse("ci/token").unwrap();
        for (request, written) in [
            (Request::List {}, r#"{"do":"kept"}"#),
            (Request::Refresh { secret: secret() }, r#"{"do":"refresh","secret":"ci/token"}"#),
            (Request::Reissue { secret: secret() }, r#"{"do":"replace","secret":"ci/token"}"#),
            (Request::Revoke { secret: secret() }, r#"{"do":"revoke","secret":"ci/token"}"#),
        ] {
            assert_eq!(request.line().unwrap(), format!("{written}\n").into_bytes());
            assert_eq!(Request::parse(format!("{written}\n").as_bytes()), Some(request));
            assert_eq!(Request::parse(written.as_bytes()), None, "no line end");
        }
        for hostile in [
            "",
            "\n",
            "null\n",
            "[]\n",
            r#"{"do":"reveal","secret":"ci/token"}"#,
            r#"{"do":"revoke"}"#,
            r#"{"do":"revoke","secret":"../x"}"#,
            r#"{"do":"revoke","secret":"a","secret":"b"}"#,
            r#"{"do":"revoke","secret":"a","value":"b"}"#,
            r#"{"do":"kept","secret":"a"}"#,
            r#"{"do":"kept","do":"kept"}"#,
            r#"{"do":"kept"}{"do":"kept"}"#,
            "{\"do\":\"kept\"}\n{\"do\":\"kept\"}",
            "\u{0}",
        ] {
            assert_eq!(Request::parse(format!("{hostile}\n").as_bytes()), None, "{hostile}");
        }
    }
}
