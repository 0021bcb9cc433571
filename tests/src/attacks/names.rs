//! Names that a backend might read differently from the host.

use far_runtime::Limits;
use serde_json::json;

use super::Case;
use super::summary::{get, probe, summarize};
use super::trial::Trial;
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "04-name-tricks",
            description: "invalid names: other case, other Unicode form, NUL, '..', trailing dot, too long, empty",
            attack: Trial::new("9 × scope-violation invalid-name, 0 calls", tricks),
            twin: Trial::new("completed [ok], 1 call", || probe(&["alpha:sign"], json!([get("alpha")]))),
        },
        Case {
            id: "04-version-tricks",
            description: "an invalid version",
            attack: Trial::new("scope-violation invalid-version, 0 calls", || {
                probe(&["alpha:sign"], json!([{ "do": "get-version", "name": "alpha", "version": "1\u{0}" }]))
            }),
            twin: Trial::new("completed [ok], 1 call", || probe(&["alpha:sign"], json!([get("alpha")]))),
        },
        Case {
            id: "04-huge-name",
            description: "a name of ten megabytes, to make the host copy it",
            attack: Trial::new("limit-exceeded argument, 0 calls", || named(10 << 20)),
            twin: Trial::new("scope-violation invalid-name, 0 calls", || named(1 << 20)),
        },
    ]
}

async fn tricks() -> String {
    let long = "x".repeat(129);
    let names = ["", "ALPHA", "alpha\0", "../alpha", "alpha.", "caf\u{e9}", "cafe\u{301}", "*", &long];
    let mut seen = Vec::new();
    for name in names {
        seen.push(probe(&["alpha:sign"], json!([get(name)])).await);
    }
    seen.dedup();
    format!("{} × {}", names.len(), seen.join("; "))
}

async fn named(length: usize) -> String {
    let host = TestHost::new();
    let input = json!({ "steps": [get(&"x".repeat(length))] });
    let task = host.task(guests::PROBE, &["alpha:sign"], &input).await;
    let report = host.runtime.run(task.with_limits(Limits { input: 16 << 20, ..Limits::default() })).await;
    summarize(&host, &report)
}
