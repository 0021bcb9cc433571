//! Values in a task's output and log: in every encoding, in pieces, and under each leak policy.

use far_core::capability::{CatalogEntry, LeakPolicy};
use far_core::pal::{EventKind, Pal, Reason};
use far_runtime::{End, Report};
use serde_json::{Value, json};

use super::Case;
use super::summary::{describe_end, get};
use super::trial::Trial;
use crate::host::{Parts, SECRETS, Secrets, results};
use crate::redaction_table::is_not_detectable;
use crate::{TestHost, guests};

/// Text that looks like a secret but is not one.
const OTHER: &str = "omega-flower-4b1d07";
const REPLACED: &str = "completed, redacted";
const AS_IT_WAS: &str = "completed, unchanged";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = result();
    cases.extend(forms());
    cases.extend(choices());
    cases
}

fn result() -> Vec<Case> {
    vec![
        Case {
            id: "21-output",
            description: "a value in the output",
            attack: Trial::new(REPLACED, || write_value(None, "answer", &[("raw", 0)], 1)),
            twin: Trial::new(AS_IT_WAS, || write_value(Some(OTHER), "answer", &[("raw", 0)], 1)),
        },
        Case {
            id: "21-handle-only",
            description: "a value in the output of a skill that only has a handle and got the value from its input",
            attack: Trial::new(REPLACED, || echoed(json!([get("alpha")]))),
            twin: Trial::new(AS_IT_WAS, || echoed(json!([]))),
        },
        Case {
            id: "23-lines",
            description: "a value across several lines of the log",
            attack: Trial::new(REPLACED, || write_value(None, "log", &[("raw", 0), ("base64", 1), ("hex", 0)], 5)),
            twin: Trial::new(AS_IT_WAS, || {
                write_value(Some(OTHER), "log", &[("raw", 0), ("base64", 1), ("hex", 0)], 5)
            }),
        },
        Case {
            id: "23-writes",
            description: "a value across several writes to a stream",
            attack: Trial::new(REPLACED, || write_value(None, "print", &[("raw", 0), ("base64", 1), ("hex", 0)], 7)),
            twin: Trial::new(AS_IT_WAS, || {
                write_value(Some(OTHER), "print", &[("raw", 0), ("base64", 1), ("hex", 0)], 7)
            }),
        },
        Case {
            id: "28-benign",
            description: "text without a value, to make the host change it",
            attack: Trial::new("completed, byte for byte", || benign(100_000)),
            twin: Trial::new(REPLACED, || write_value(None, "answer", &[("raw", 0)], 1)),
        },
    ]
}

fn forms() -> Vec<Case> {
    let found = |id, description, forms: &'static [(&'static str, usize)]| Case {
        id,
        description,
        attack: Trial::new(REPLACED, move || write_value(None, "answer", forms, 1)),
        twin: Trial::new(AS_IT_WAS, move || write_value(Some(OTHER), "answer", forms, 1)),
    };
    let not_found = |id, description, form: &'static str| Case {
        id,
        description,
        // Without a grant of 'reveal', a skill cannot use an undetectable encoding.
        attack: Trial::new("completed, unchanged; listed as not detectable; not granted: refused", move || {
            listed(form)
        }),
        twin: Trial::new(REPLACED, || write_value(None, "answer", &[("raw", 0)], 1)),
    };
    vec![
        found(
            "22-hex",
            "a value in hexadecimal: lower, upper and mixed case",
            &[("hex", 0), ("hex-upper", 1), ("hex-mixed", 0)],
        ),
        found("22-base64", "a value in base64, at every offset", &[("base64", 0), ("base64", 1), ("base64", 2)]),
        found("22-base64url", "a value in base64url", &[("base64url", 0), ("base64url", 1), ("base64url", 2)]),
        found("22-percent", "a value percent-encoded", &[("percent", 0), ("percent", 1), ("query", 0)]),
        not_found("24-reversed", "a reversed value", "reversed"),
        not_found("24-xored", "an XORed value", "xored"),
    ]
}

fn choices() -> Vec<Case> {
    vec![
        Case {
            id: "21-fail-on-leak",
            description: "a value with when-leaked 'fail', in the output of a task that completes",
            attack: Trial::new("scope-violation leaked, recorded as leaked", || chosen(LeakPolicy::Fail, SECRETS)),
            twin: Trial::new("completed [ok, ok], without the value", || chosen(LeakPolicy::Replace, SECRETS)),
        },
        Case {
            id: "27-short",
            description: "a value that is too short for redaction",
            attack: Trial::new("skill-error, recorded as too-short", || chosen(LeakPolicy::Replace, SHORT)),
            twin: Trial::new("completed [ok, ok], with the value", || chosen(LeakPolicy::Ignore, SHORT)),
        },
        Case {
            id: "27-one-character",
            description: "a value of one repeated character, to slow down redaction",
            attack: Trial::new("skill-error, recorded as one-character", || chosen(LeakPolicy::Replace, ALIKE)),
            twin: Trial::new("completed [ok, ok], with the value", || chosen(LeakPolicy::Ignore, ALIKE)),
        },
    ]
}

const SHORT: Secrets = &[("alpha", "~7Q")];
const ALIKE: Secrets = &[("alpha", "~~~~~~~~~~~~~~~~")];

fn say(text: Option<&str>, place: &str, (form, offset): (&str, usize), pieces: usize) -> Value {
    json!({ "do": "say", "text": text, "place": place, "form": form, "offset": offset, "pieces": pieces })
}

/// Writes a value, or other text, in each of these encodings, and returns how it is shown.
async fn write_value(
    text: Option<&'static str>,
    place: &'static str,
    forms: &'static [(&'static str, usize)],
    pieces: usize,
) -> String {
    let mut seen = Vec::new();
    for form in forms {
        let host = TestHost::new();
        let steps = json!([get("alpha"), { "do": "reveal" }, say(text, place, *form, pieces)]);
        let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], steps).await;
        seen.push(shown(&host, &report));
    }
    seen.dedup();
    seen.join("; ")
}

/// Runs a probe without 'reveal' that returns a value from its input.
async fn echoed(before: Value) -> String {
    let host = TestHost::new();
    let mut steps = before;
    steps.as_array_mut().unwrap().push(say(Some(SECRETS[0].1), "answer", ("raw", 0), 1));
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await;
    let report = host.runtime.run(task).await;
    shown(&host, &report)
}

async fn listed(form: &'static str) -> String {
    let host = TestHost::new();
    let steps = json!([get("alpha"), { "do": "reveal" }, say(None, "answer", (form, 0), 1)]);
    let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], steps.clone()).await;
    let listed = if is_not_detectable(form) { "listed as not detectable" } else { "not listed" };
    let ungranted = host.probe(guests::PROBE_REVEALING, &["alpha:sign"], steps).await;
    format!("{}; {listed}; not granted: {}", shown(&host, &report), ungranted.end.outcome().as_str())
}

/// Classifies the text between `<` and `>`: redacted to a marker, or unchanged without an event.
fn shown(host: &TestHost, report: &Report) -> String {
    let mut text: String = report.log.iter().map(|entry| entry.text.as_str()).collect();
    if let End::Completed(output) = &report.end {
        text.push_str(&String::from_utf8_lossy(output));
    }
    let shown = text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(text, _)| text);
    let marker = "[redacted:alpha]";
    let recorded = host.last(EventKind::OutputRedacted).is_some();
    let how = match shown.split_once(marker) {
        // In base64, characters shared with the neighbors stay, and so do the neighbors.
        Some((before, after)) if recorded && before.len() + after.len() <= 9 => "redacted",
        None if !recorded && shown.len() >= OTHER.len() => "unchanged",
        _ => "neither",
    };
    format!("{}, {how}", report.end.outcome().as_str())
}

/// Returns whether text with prefixes of two revealed values comes back unchanged.
async fn benign(length: usize) -> String {
    let begun = |(_, value): &(&str, &'static str)| value.split_at(value.len() - 1).0;
    let text = &format!("{} {} {}", random(length), begun(&SECRETS[0]), begun(&SECRETS[1]));
    let host = TestHost::new();
    let steps = json!([
        get("alpha"),
        get("beta"),
        { "do": "reveal" },
        say(Some(text), "answer", ("raw", 0), 1),
        say(Some(text), "answer", ("base64", 0), 1),
    ]);
    let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal", "beta:reveal"], steps).await;
    let same =
        results(&report)[3]["ok"]["said"] == format!("<{text}>") && host.last(EventKind::OutputRedacted).is_none();
    format!("{}, {}", report.end.outcome().as_str(), if same { "byte for byte" } else { "changed" })
}

/// Returns random printable text.
fn random(length: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b' ' + (state % 95) as u8)
    };
    (0..length).map(letter).collect()
}

/// Runs a skill that returns a value, under this leak policy.
async fn chosen(when_leaked: LeakPolicy, secrets: Secrets) -> String {
    let entry = Box::new(move |entry: &mut CatalogEntry| entry.when_leaked = when_leaked);
    let host = TestHost::of(Parts { secrets, entry, pal: Pal::builder(), ..Parts::default() });
    let steps = json!({ "steps": [get("alpha"), { "do": "leak" }] });
    let task = host.task(guests::PROBE_REVEALING, &["alpha:reveal"], &steps).await;
    let report = host.runtime.run(task).await;
    let reasons = host
        .events
        .records()
        .iter()
        .filter_map(|record| match record.event.reason() {
            Some(Reason::Denied(reason)) => Some(reason.token()),
            Some(Reason::Token(token)) => Some(token),
            _ => None,
        })
        .next_back();
    let seen = describe_end(&report.end);
    match (&report.end, reasons) {
        (End::Completed(output), _) => {
            let has_value = String::from_utf8_lossy(output).contains(secrets[0].1);
            format!("{seen}, {} the value", if has_value { "with" } else { "without" })
        }
        (_, Some(reason)) => format!("{seen}, recorded as {reason}"),
        (_, None) => seen,
    }
}
