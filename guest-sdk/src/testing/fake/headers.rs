//! Filters a skill's headers. The engine rejects some requests, and the host strips other headers
//! (`far_runtime::egress`).

use far_capability::is_stripped_header;

use super::placement::Headers;
use crate::http::{Error, Fields};

/// Headers that make a request invalid.
const REJECTED: [&str; 9] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Returns the headers that leave the host, as strings.
///
/// # Errors
///
/// [`Error::Invalid`] if a header is malformed, or one that a skill may not set.
pub(super) fn forwarded(fields: Fields) -> Result<Headers, Error> {
    let mut headers = Headers::new();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        if !is_name(&name) || !is_value(&value) || REJECTED.contains(&&*lower) {
            return Err(Error::Invalid);
        }
        if !is_stripped_header(&lower) {
            headers.push((name, String::from_utf8_lossy(&value).into_owned()));
        }
    }
    Ok(headers)
}

/// Returns true for a token (RFC 9110, 5.6.2).
fn is_name(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Returns true for a single line, which may contain tabs.
fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..))
}
