//! The audit file of `--audit` after a real task.

use std::process::Output;

use super::completed::webhook;
use crate::fixture::Far;

fn output(far: &Far, words: &str) -> (Output, String) {
    let output = far.command().args(words.split_whitespace()).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text)
}

#[test]
fn printed_head_verifies_complete_audit_file() {
    let far = webhook().words("--audit kept/far.jsonl");
    let (ran, printed) = output(&far, "");
    assert_eq!((ran.status.code(), printed.as_str()), (Some(0), r#"{"valid":true}"#));
    let stderr = String::from_utf8(ran.stderr).unwrap();
    let proof = stderr.lines().last().unwrap().strip_prefix("audit kept/far.jsonl: head ").unwrap();
    let (head, key) = proof.split_once(", key ").unwrap();

    let written = std::fs::read_to_string(far.path("kept/far.jsonl")).unwrap();
    let events: Vec<_> = written
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].as_str().unwrap().to_owned())
        .collect();
    let expected = "audit.opened audit.checkpoint task.admitted task.started secret.requested secret.fetched \
                    secret.injected secret.signed secret.wiped task.finished audit.checkpoint";
    assert_eq!(events.join(" "), expected);

    let verified = Far::new().words("audit verify").args([far.path("kept/far.jsonl").display()]);
    let (sound, table) = output(&verified, &format!("--key {key} --head {head}"));
    assert_eq!(sound.status.code(), Some(0), "{table}");
    assert!(table.ends_with("proven by the saved head\n"), "{table}");
}

#[test]
fn unusable_audit_file_releases_nothing() {
    let far = webhook().words("--audit .env/far.jsonl");
    let (ran, printed) = output(&far, "");
    assert_eq!((ran.status.code(), printed.as_str()), (Some(5), ""));
}
