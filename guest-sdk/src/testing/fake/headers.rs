//! Which headers of a skill's leave: the engine takes no request with some, and the host takes others out
//! (`far_runtime::egress`).

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

/// What a skill has no say in: how bodies are coded and framed, and which method, host or path is meant. Some servers take `_` for
/// `-`, and so does the host.
const STRIPPED: [&str; 25] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "if-range",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "request-range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-host",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
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
        if !STRIPPED.contains(&&*lower.replace('_', "-")) {
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
