//! Task files, TOML and JSON.

use std::time::Duration;

use far_cli::internal::task_file as read;
use far_core::capability::Operation;

use super::far_toml::{assert_plain, assert_readable};

pub(super) const TOKENS: &[&str] = &[
    "skill = \"a.wasm\"\n",
    "[input]\n",
    "[[grants]]\n",
    "secret = \"key\"\n",
    "operations = [\"seal\"]\n",
    "destinations = [\"https://a.example\"]\n",
    "max-uses = 1\n",
    "expires = \"1h\"\n",
    "only-sealed = true\n",
    "versions = \"any\"\n",
    "[limits]\n",
    "timeout = \"5s\"\n",
    "memory = \"1025MiB\"\n",
    "memory = 0\n",
    "\"limits\":{",
    "\"grants\":[{",
    "9223372036854775807",
    "inf",
    "{",
    "}",
    "\\u0000",
];

/// Checks that no key is skipped, and that accepted values are within their bounds.
pub fn task_files(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let json = text.trim_start().starts_with('{');
    let task = match read(text, json) {
        Ok(task) => task,
        Err(refused) => return assert_readable(&refused, text),
    };
    for (at, grant) in task.grants.iter().enumerate() {
        assert!(task.grants[..at].iter().all(|other| other.secret() != grant.secret()), "a secret is granted twice");
        assert!(grant.expires_in().is_none_or(|time| !time.is_zero() && time <= Duration::from_secs(30 * 86_400)));
        let terms = grant.terms();
        assert_eq!(terms.operations().contains(Operation::Seal), !terms.destinations().is_empty());
        terms.destinations().iter().for_each(assert_plain);
    }
    task.egress.iter().for_each(assert_plain);
    assert!(task.timeout.is_none_or(|time| !time.is_zero() && time <= Duration::from_secs(86_400)));
    assert!(task.limits.iter().all(|limit| *limit > 0 && *limit <= 1_000_000_000_000));
    if let Some(input) = task.input {
        serde_json::from_slice::<serde_json::Value>(&input).expect("the input is JSON");
    }
    let unknown = match text.trim_start().strip_prefix('{').filter(|_| json) {
        Some(rest) if rest.trim_start().starts_with('}') => format!("{{\"unknown\":1{rest}"),
        Some(rest) => format!("{{\"unknown\":1,{rest}"),
        None => format!("unknown = 1\n{text}"),
    };
    assert!(read(&unknown, json).is_err(), "an unknown key is skipped");
}
