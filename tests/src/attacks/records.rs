//! Values and guests' words in the records.

use std::sync::Arc;

use far_core::guard::Guard;
use serde_json::{Value, json};

use super::Case;
use super::told::get;
use super::trial::Trial;
use crate::{TestHost, guests};

/// A text that is a valid name, so that only where it comes from keeps it out of the records.
const WORDS: &str = "a-value-that-is-smuggled-out";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "58-value-as-a-name",
            what: "a value carried into the records as the name of a secret",
            guards: &[Guard::UnlistedLabel],
            attack: Trial::new("scope-violation, not recorded, a hash", || recorded(json!([get(WORDS)]), WORDS)),
            twin: Trial::new("completed, recorded", || recorded(json!([get("alpha")]), "alpha")),
        },
        Case {
            id: "58-words-in-records",
            what: "a guest's words carried into the records by its log, its output, its error",
            guards: &[],
            attack: Trial::new("skill-error, not recorded", || {
                let log = json!({ "do": "log", "level": "info", "message": WORDS });
                let print = json!({ "do": "print", "text": WORDS });
                recorded(json!([log, print, { "do": "fail", "message": WORDS }]), WORDS)
            }),
            twin: Trial::new("completed, recorded", || recorded(json!([get("alpha")]), "alpha")),
        },
    ]
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
