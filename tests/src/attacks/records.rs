//! Values in the log of a skill, and values and guest strings in the records.

use std::sync::Arc;

use far_runtime::End;
use serde_json::{Value, json};

use super::Case;
use super::summary::get;
use super::trial::Trial;
use crate::host::SECRETS;
use crate::{TestHost, guests};

/// A valid name: only its origin keeps it out of the records.
const GUEST_TEXT: &str = "a-value-that-is-smuggled-out";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = log_cases();
    cases.extend(recorded_strings());
    cases
}

fn log_cases() -> Vec<Case> {
    let case = |id, description, place: &'static str, end: &'static str, unchanged: &'static str| Case {
        id,
        description,
        attack: Trial::new(end, move || say(None, place)),
        twin: Trial::new(unchanged, move || say(Some(GUEST_TEXT), place)),
    };
    vec![
        case("25-error", "a value in a skill's error", "fail", "skill-error, redacted", "skill-error, unchanged"),
        case("25-panic", "a value in a panic message", "panic", "trapped, redacted", "trapped, unchanged"),
        case("25-log", "a value in the task log", "log", "completed, redacted", "completed, unchanged"),
        case("25-stdout", "a value on stdout", "print", "completed, redacted", "completed, unchanged"),
        case("25-stderr", "a value on stderr", "eprint", "completed, redacted", "completed, unchanged"),
    ]
}

fn recorded_strings() -> Vec<Case> {
    vec![
        Case {
            id: "58-value-as-a-name",
            description: "a value smuggled into the records as the name of a secret",
            attack: Trial::new("scope-violation, not recorded, a hash", || {
                recorded(json!([get(GUEST_TEXT)]), GUEST_TEXT)
            }),
            twin: Trial::new("completed, recorded", || recorded(json!([get("alpha")]), "alpha")),
        },
        Case {
            id: "58-words-in-records",
            description: "guest strings smuggled into the records by log, output and error",
            attack: Trial::new("skill-error, not recorded", || {
                let log = json!({ "do": "log", "level": "info", "message": GUEST_TEXT });
                let print = json!({ "do": "print", "text": GUEST_TEXT });
                recorded(json!([log, print, { "do": "fail", "message": GUEST_TEXT }]), GUEST_TEXT)
            }),
            twin: Trial::new("completed, recorded", || recorded(json!([get("alpha")]), "alpha")),
        },
    ]
}

/// Writes a revealed value, or this text, in each encoding of a careless skill, in three writes.
async fn say(text: Option<&str>, place: &str) -> String {
    let value = text.unwrap_or(SECRETS[0].1).as_bytes();
    let forms = [("raw", String::from_utf8_lossy(value).into_owned()), ("hex", hex::encode(value))];
    // An error and a panic are written once.
    let pieces = if ["fail", "panic"].contains(&place) { 1 } else { 3 };
    let mut seen = Vec::new();
    for (form, encoded) in forms {
        let host = TestHost::new();
        let steps = json!([
            get("alpha"),
            { "do": "reveal" },
            { "do": "say", "text": text, "place": place, "form": form, "pieces": pieces },
        ]);
        let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], steps).await;
        let mut log: String = report.log.iter().map(|entry| entry.text.as_str()).collect();
        if let End::SkillError(text) = &report.end {
            log.push_str(text);
        }
        let how = match (log.contains(&encoded), log.contains("[redacted:alpha]")) {
            (true, false) => "unchanged",
            (false, true) => "redacted",
            _ => "neither",
        };
        seen.push(format!("{}, {how}", report.end.outcome().as_str()));
    }
    seen.dedup();
    seen.join("; ")
}

async fn recorded(steps: Value, text: &str) -> String {
    let host = TestHost::new();
    let report = host.probe(guests::PROBE, &["alpha:sign"], steps).await;
    let records = host.events.records();
    let json = serde_json::to_string(&records.iter().map(Arc::as_ref).collect::<Vec<_>>()).unwrap();
    let recorded = if json.contains(text) { "recorded" } else { "not recorded" };
    let hash = if json.contains("\"unlisted:") { ", a hash" } else { "" };
    format!("{}, {recorded}{hash}", report.end.outcome().as_str())
}
