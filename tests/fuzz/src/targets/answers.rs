//! Responses of backends.

use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use far_providers::exchange::internal as exchange;
use far_providers::vault::internal::{ResponseKind, read};
use serde_json::Value;

use crate::canary::assert_clean;

pub(super) const TOKENS: &[&str] = &[
    "\"data\":",
    "\"errors\":[]",
    "\"warnings\":",
    "\"metadata\":",
    "\"version\":1",
    "\"deletion_time\":\"\"",
    "\"lease_id\":",
    "\"auth\":",
    "\"client_token\":",
    "\"token\":",
    "\"K4n4ry\"",
    "\\ud83d",
    "\\u0000",
    "null",
    "{",
    "}",
    "\"created_time\":\"2026-01-01T00:00:00Z\"",
    "\"expires_in\":3600",
    "\"token_type\":\"Bearer\"",
    "\"ttl\":60",
];

/// Statuses with a special meaning, and some without one.
const STATUSES: [u16; 16] = [200, 200, 200, 200, 204, 400, 401, 403, 404, 405, 412, 413, 429, 500, 503, 600];

/// Checks a response: the first byte chooses its kind, the second the status and the field.
pub fn answers(data: &[u8]) {
    let &[kind, status, ref body @ ..] = data else { return };
    let field = (status & 0x10 != 0).then_some("token");
    let status = STATUSES[usize::from(status & 0xf)];
    let kind = usize::from(kind) % (ResponseKind::ALL.len() + 2);
    let response = match ResponseKind::ALL.get(kind) {
        Some(kind) => {
            let response = read(*kind, field, status, body);
            if let (Ok(Some(value)), ResponseKind::KvV1 | ResponseKind::KvV2) = (&response, kind) {
                assert_eq!(status, 200);
                assert_is(value, body, ["/data", "/data/data"][usize::from(*kind == ResponseKind::KvV2)], field);
            }
            response
        }
        None if kind == ResponseKind::ALL.len() => token(exchange::oauth2(body), body, "access_token"),
        None => token(exchange::github_app(body), body, "token"),
    };
    match response {
        Err(error) => assert_clean(&error),
        Ok(Some(value)) => assert!(value.expose().len() <= SecretBytes::MAX_LEN),
        Ok(None) => {}
    }
}

/// Asserts that the value is the field's or, without a field, the JSON of the whole object.
fn assert_is(value: &SecretBytes, body: &[u8], data: &str, field: Option<&str>) {
    // A reader of values rejects half a character or deep nesting, which a reader of strings
    // accepts.
    let Ok(response) = serde_json::from_slice::<Value>(body) else { return };
    let data = response.pointer(data).expect("a response with a value has data");
    let expected = match field {
        Some(field) => &data[field],
        None => data,
    };
    match expected {
        Value::String(text) => assert_eq!(value.expose(), text.as_bytes()),
        other => {
            let read: Value = serde_json::from_slice(value.expose()).expect("a value that is not a string is JSON");
            assert_eq!(&read, other);
        }
    }
}

fn token(
    response: Result<SecretBytes, ProviderError>,
    body: &[u8],
    name: &str,
) -> Result<Option<SecretBytes>, ProviderError> {
    if let (Ok(value), Ok(body)) = (&response, serde_json::from_slice::<Value>(body)) {
        assert_eq!(Some(value.expose()), body[name].as_str().map(str::as_bytes));
    }
    response.map(Some)
}
