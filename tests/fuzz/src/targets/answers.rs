//! Answers of backends.

use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use far_providers::exchange::internal as exchange;
use far_providers::vault::internal::{Question, read};
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

/// Every status that has a meaning of its own, and some that have none.
const STATUSES: [u16; 16] = [200, 200, 200, 200, 204, 400, 401, 403, 404, 405, 412, 413, 429, 500, 503, 600];

/// Checks an answer: the first byte chooses the question, the second the status and the field.
pub fn answers(data: &[u8]) {
    let &[question, status, ref body @ ..] = data else { return };
    let field = (status & 0x10 != 0).then_some("token");
    let status = STATUSES[usize::from(status & 0xf)];
    let question = usize::from(question) % (Question::ALL.len() + 2);
    let answer = match Question::ALL.get(question) {
        Some(question) => {
            let answer = read(*question, field, status, body);
            if let (Ok(Some(value)), Question::KvV1 | Question::KvV2) = (&answer, question) {
                assert_eq!(status, 200);
                assert_is(value, body, ["/data", "/data/data"][usize::from(*question == Question::KvV2)], field);
            }
            answer
        }
        None if question == Question::ALL.len() => token(exchange::oauth2(body), body, "access_token"),
        None => token(exchange::github_app(body), body, "token"),
    };
    match answer {
        Err(error) => assert_clean(&error),
        Ok(Some(value)) => assert!(value.expose().len() <= SecretBytes::MAX_LEN),
        Ok(None) => {}
    }
}

/// The value is that of the field; without one, it is the text of the whole object.
fn assert_is(value: &SecretBytes, body: &[u8], data: &str, field: Option<&str>) {
    // A reader of values stops where a reader of texts does not: at half a character, or deep down.
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return };
    let data = answer.pointer(data).expect("an answer with a value has data");
    let expected = match field {
        Some(field) => &data[field],
        None => data,
    };
    match expected {
        Value::String(text) => assert_eq!(value.expose(), text.as_bytes()),
        other => {
            let read: Value = serde_json::from_slice(value.expose()).expect("a value that is no string is JSON");
            assert_eq!(&read, other);
        }
    }
}

fn token(
    answer: Result<SecretBytes, ProviderError>,
    body: &[u8],
    name: &str,
) -> Result<Option<SecretBytes>, ProviderError> {
    if let (Ok(value), Ok(body)) = (&answer, serde_json::from_slice::<Value>(body)) {
        assert_eq!(Some(value.expose()), body[name].as_str().map(str::as_bytes));
    }
    answer.map(Some)
}
