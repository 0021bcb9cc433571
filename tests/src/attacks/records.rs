//! Values in what a skill says to people; values and guests' words in the records.

use std::sync::Arc;

use far_runtime::End;
use serde_json::{Value, json};

use super::Case;
use super::told::get;
use super::trial::Trial;
use crate::host::SECRETS;
use crate::{TestHost, guests};

/// A text that is a valid name, so that only where it comes from keeps it out of the records.
const WORDS: &str = "a-value-that-is-smuggled-out";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = said();
    cases.extend(recorded_words());
    cases
}

fn said() -> Vec<Case> {
    let case = |id, what, place: &'static str, end: &'static str, as_it_is: &'static str| Case {
        id,
        what,
        attack: Trial::new(end, move || say(None, place)),
        twin: Trial::new(as_it_is, move || say(Some(WORDS), place)),
    };
    vec![
        case(
            "25-error",
            "a value in the error that a skill returns",
            "fail",
            "skill-error, in place of each value its name",
            "skill-error, as it was said",
        ),
        case(
            "25-panic",
            "a value in the words of a panic",
            "panic",
            "trapped, in place of each value its name",
            "trapped, as it was said",
        ),
        case(
            "25-log",
            "a value in the task log",
            "log",
            "completed, in place of each value its name",
            "completed, as it was said",
        ),
        case(
            "25-stdout",
            "a value on stdout",
            "print",
            "completed, in place of each value its name",
            "completed, as it was said",
        ),
        case(
            "25-stderr",
            "a value on stderr",
            "eprint",
            "completed, in place of each value its name",
            "completed, as it was said",
        ),
    ]
}

fn recorded_words() -> Vec<Case> {
    vec![
        Case {
            id: "58-value-as-a-name",
            what: "a value carried into the records as the name of a secret",
            attack: Trial::new("scope-violation, not recorded, a hash", || recorded(json!([get(WORDS)]), WORDS)),
            twin: Trial::new("completed, recorded", || recorded(json!([get("alpha")]), "alpha")),
        },
        Case {
            id: "58-words-in-records",
            what: "a guest's words carried into the records by its log, its output, its error",
            attack: Trial::new("skill-error, not recorded", || {
                let log = json!({ "do": "log", "level": "info", "message": WORDS });
                let print = json!({ "do": "print", "text": WORDS });
                recorded(json!([log, print, { "do": "fail", "message": WORDS }]), WORDS)
            }),
            twin: Trial::new("completed, recorded", || recorded(json!([get("alpha")]), "alpha")),
        },
    ]
}

/// Says a revealed value, or these words instead, in each form that a careless skill may give it, over three writes.
async fn say(words: Option<&str>, place: &str) -> String {
    let value = words.unwrap_or(SECRETS[0].1).as_bytes();
    let forms = [("raw", String::from_utf8_lossy(value).into_owned()), ("hex", hex::encode(value))];
    // An error and a panic are each said once.
    let pieces = if ["fail", "panic"].contains(&place) { 1 } else { 3 };
    let mut seen = Vec::new();
    for (form, text) in forms {
        let host = TestHost::new();
        let steps = json!([
            get("alpha"),
            { "do": "reveal" },
            { "do": "say", "text": words, "place": place, "form": form, "pieces": pieces },
        ]);
        let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], steps).await;
        let mut said: String = report.log.iter().map(|entry| entry.text.as_str()).collect();
        if let End::SkillError(text) = &report.end {
            said.push_str(text);
        }
        let how = match (said.contains(&text), said.contains("[redacted:alpha]")) {
            (true, false) => "as it was said",
            (false, true) => "in place of each value its name",
            _ => "neither",
        };
        seen.push(format!("{}, {how}", report.end.outcome().as_str()));
    }
    seen.dedup();
    seen.join("; ")
}

async fn recorded(steps: Value, words: &str) -> String {
    let host = TestHost::new();
    let report = host.probe(guests::PROBE, &["alpha:sign"], steps).await;
    let records = host.events.records();
    let text = serde_json::to_string(&records.iter().map(Arc::as_ref).collect::<Vec<_>>()).unwrap();
    let recorded = if text.contains(words) { "recorded" } else { "not recorded" };
    let hash = if text.contains("\"unlisted:") { ", a hash" } else { "" };
    format!("{}, {recorded}{hash}", report.end.outcome().as_str())
}
