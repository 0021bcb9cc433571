//! Which headers of a skill's leave: the engine takes no request with some, and the host takes others out
//! (`far_runtime::egress`).

use far_capability::is_stripped_header;

use super::placed::Headers;
use crate::http::{Error, Fields};

/// With these there is no request.
const REFUSED: [&str; 9] = [
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

/// A request's headers as they go on, as text.
///
/// # Errors
///
/// [`Error::Invalid`]: one is no header, or none that a skill may set.
pub(super) fn leaving(fields: Fields) -> Result<Headers, Error> {
    let mut headers = Headers::new();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        if !is_name(&name) || !is_value(&value) || REFUSED.contains(&&*lower) {
            return Err(Error::Invalid);
        }
        if !is_stripped_header(&lower) {
            headers.push((name, String::from_utf8_lossy(&value).into_owned()));
        }
    }
    Ok(headers)
}

/// A token (RFC 9110, 5.6.2).
fn is_name(text: &str) -> bool {
    let is_of_a_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_a_token)
}

/// One line, with tabs.
fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..))
}
