//! What is asked and answered: one line of JSON each.

use std::time::Duration;

use far_core::SecretName;
use far_core::broker::{KeptSecret, Reread};
use serde::{Deserialize, Serialize};

use crate::duration::milliseconds;

/// The longest request, with its line end. A name has 128 characters at most.
pub(super) const REQUEST_MAX: u64 = 4 * 1024;
/// The longest answer: of a process that keeps thousands of secrets.
pub(super) const ANSWER_MAX: u64 = 4 * 1024 * 1024;

/// What a process is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Ask {
    /// What it keeps.
    // Not a unit: of one, unknown keys would be passed over.
    Kept {},
    /// To read a secret again that its backend has for everybody.
    Refresh {
        /// The secret.
        secret: SecretName,
    },
    /// To have another one made in the place of what was made for it.
    Replace {
        /// The secret.
        secret: SecretName,
    },
    /// To wipe a secret, and to end what was made for it.
    Revoke {
        /// The secret.
        secret: SecretName,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Answer {
    Kept(Vec<Kept>),
    Reread {
        kept: usize,
        changed: usize,
        failed: usize,
    },
    Wiped(usize),
    /// The request is none.
    Refused,
    /// Too many requests wait for backends.
    Busy,
}

/// What a process keeps of a secret. What it says is shown, and nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    pub(crate) name: SecretName,
    pub(crate) provider: String,
    pub(crate) version: String,
    pub(crate) scope: String,
    pub(crate) expires_in_ms: u64,
    pub(crate) leased: bool,
    pub(crate) stale: bool,
    pub(crate) replaced: bool,
}

impl Ask {
    /// Reads a line. None if it is anything but a request: no word of it is answered with.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let text = line.strip_suffix(b"\n")?;
        serde_json::from_slice(text).ok()
    }

    /// As a line.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        line(self)
    }
}

impl Answer {
    /// Reads a line.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line.strip_suffix(b"\n")?).ok()
    }

    /// As a line.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        line(self)
    }
}

fn line(what: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    Ok(line)
}

impl From<Reread> for Answer {
    fn from(Reread { kept, changed, failed }: Reread) -> Self {
        Self::Reread { kept, changed, failed }
    }
}

impl From<KeptSecret> for Kept {
    fn from(kept: KeptSecret) -> Self {
        Self {
            name: kept.name,
            provider: kept.provider.to_string(),
            version: kept.version.to_string(),
            scope: kept.scope.to_owned(),
            expires_in_ms: milliseconds(kept.expires_in),
            leased: kept.leased,
            stale: kept.stale,
            replaced: kept.replaced,
        }
    }
}

impl Kept {
    /// What is left of its time.
    pub(crate) fn expires_in(&self) -> Duration {
        Duration::from_millis(self.expires_in_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_as_it_is_written_and_nothing_else() {
        let secret = || SecretName::parse("ci/token").unwrap();
        for (ask, written) in [
            (Ask::Kept {}, r#"{"do":"kept"}"#),
            (Ask::Refresh { secret: secret() }, r#"{"do":"refresh","secret":"ci/token"}"#),
            (Ask::Replace { secret: secret() }, r#"{"do":"replace","secret":"ci/token"}"#),
            (Ask::Revoke { secret: secret() }, r#"{"do":"revoke","secret":"ci/token"}"#),
        ] {
            assert_eq!(ask.line().unwrap(), format!("{written}\n").into_bytes());
            assert_eq!(Ask::parse(format!("{written}\n").as_bytes()), Some(ask));
            assert_eq!(Ask::parse(written.as_bytes()), None, "it has no end");
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
            assert_eq!(Ask::parse(format!("{hostile}\n").as_bytes()), None, "{hostile}");
        }
    }
}
