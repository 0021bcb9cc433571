//! Values in what leaves a task: its output above all, in every form, in pieces, and as a value that must not be said.

use far_core::capability::{CatalogEntry, WhenLeaked};
use far_core::pal::{EventKind, Pal, Reason};
use far_runtime::{End, Report};
use serde_json::{Value, json};

use super::Case;
use super::told::{end, get};
use super::trial::Trial;
use crate::host::{Parts, SECRETS, Secrets, results};
use crate::listed::is_not_detectable;
use crate::{TestHost, guests};

/// Nobody's secret, and of the shape of one.
const OTHER: &str = "omega-flower-4b1d07";
const REPLACED: &str = "completed, in place of each value its name";
const AS_IT_WAS: &str = "completed, as it was said";

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
            what: "a value in the output",
            attack: Trial::new(REPLACED, || said(None, "answer", &[("raw", 0)], 1)),
            twin: Trial::new(AS_IT_WAS, || said(Some(OTHER), "answer", &[("raw", 0)], 1)),
        },
        Case {
            id: "21-handle-only",
            what: "a value in the output of a skill that may hold no more than a handle, and had it from elsewhere",
            attack: Trial::new(REPLACED, || echoed(json!([get("alpha")]))),
            twin: Trial::new(AS_IT_WAS, || echoed(json!([]))),
        },
        Case {
            id: "23-lines",
            what: "a value over several lines of the log",
            attack: Trial::new(REPLACED, || said(None, "log", &[("raw", 0), ("base64", 1), ("hex", 0)], 5)),
            twin: Trial::new(AS_IT_WAS, || said(Some(OTHER), "log", &[("raw", 0), ("base64", 1), ("hex", 0)], 5)),
        },
        Case {
            id: "23-writes",
            what: "a value over several writes to a stream",
            attack: Trial::new(REPLACED, || said(None, "print", &[("raw", 0), ("base64", 1), ("hex", 0)], 7)),
            twin: Trial::new(AS_IT_WAS, || said(Some(OTHER), "print", &[("raw", 0), ("base64", 1), ("hex", 0)], 7)),
        },
        Case {
            id: "28-benign",
            what: "having the host change what has no value in it",
            attack: Trial::new("completed, byte for byte", || benign(100_000)),
            twin: Trial::new(REPLACED, || said(None, "answer", &[("raw", 0)], 1)),
        },
    ]
}

fn forms() -> Vec<Case> {
    let found = |id, what, forms: &'static [(&'static str, usize)]| Case {
        id,
        what,
        attack: Trial::new(REPLACED, move || said(None, "answer", forms, 1)),
        twin: Trial::new(AS_IT_WAS, move || said(Some(OTHER), "answer", forms, 1)),
    };
    let not_found = |id, what, form: &'static str| Case {
        id,
        what,
        // What is not found is contained by who grants to take bytes at all.
        attack: Trial::new("completed, as it was said; listed as not detectable; not granted: refused", move || {
            listed(form)
        }),
        twin: Trial::new(REPLACED, || said(None, "answer", &[("raw", 0)], 1)),
    };
    vec![
        found(
            "22-hex",
            "a value in hexadecimal, in either case and both",
            &[("hex", 0), ("hex-upper", 1), ("hex-mixed", 0)],
        ),
        found("22-base64", "a value in base64, wherever it begins", &[("base64", 0), ("base64", 1), ("base64", 2)]),
        found("22-base64url", "a value in base64url", &[("base64url", 0), ("base64url", 1), ("base64url", 2)]),
        found("22-percent", "a value percent-encoded", &[("percent", 0), ("percent", 1), ("query", 0)]),
        not_found("24-reversed", "a value from its end to its beginning", "reversed"),
        not_found("24-xored", "a value with some of its bits turned over", "xored"),
    ]
}

fn choices() -> Vec<Case> {
    vec![
        Case {
            id: "21-must-not-be-said",
            what: "a value that must not be said, in the output of a task that completes",
            attack: Trial::new("scope-violation leaked, recorded as leaked", || chosen(WhenLeaked::Fail, SECRETS)),
            twin: Trial::new("completed [ok, ok], without the value", || chosen(WhenLeaked::Replace, SECRETS)),
        },
        Case {
            id: "27-short",
            what: "a value that is too short to be looked for",
            attack: Trial::new("skill-error, recorded as too-short", || chosen(WhenLeaked::Replace, SHORT)),
            twin: Trial::new("completed [ok, ok], with the value", || chosen(WhenLeaked::Ignore, SHORT)),
        },
        Case {
            id: "27-one-character",
            what: "a value of one character, to make redaction slow: a text may begin it at every byte",
            attack: Trial::new("skill-error, recorded as one-character", || chosen(WhenLeaked::Replace, ALIKE)),
            twin: Trial::new("completed [ok, ok], with the value", || chosen(WhenLeaked::Ignore, ALIKE)),
        },
    ]
}

const SHORT: Secrets = &[("alpha", "~7Q")];
const ALIKE: Secrets = &[("alpha", "~~~~~~~~~~~~~~~~")];

fn say(text: Option<&str>, place: &str, (form, offset): (&str, usize), pieces: usize) -> Value {
    json!({ "do": "say", "text": text, "place": place, "form": form, "offset": offset, "pieces": pieces })
}

/// Says a value, or a text instead, in each of these forms; how that was shown.
async fn said(
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

/// Has a probe without a hand on bytes say a value that it was told.
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

/// What is shown between `<` and `>`: a marker with next to nothing beside it, or no marker and no event.
fn shown(host: &TestHost, report: &Report) -> String {
    let mut text: String = report.log.iter().map(|entry| entry.text.as_str()).collect();
    if let End::Completed(output) = &report.end {
        text.push_str(&String::from_utf8_lossy(output));
    }
    let said = text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(said, _)| said);
    let marker = "[redacted:alpha]";
    let recorded = host.last(EventKind::OutputRedacted).is_some();
    let how = match said.split_once(marker) {
        // In base64, what the value shares with its neighbours stays, and so do the neighbours.
        Some((before, after)) if recorded && before.len() + after.len() <= 9 => "in place of each value its name",
        None if !recorded && said.len() >= OTHER.len() => "as it was said",
        _ => "neither",
    };
    format!("{}, {how}", report.end.outcome().as_str())
}

/// A text of so many letters and of what two values begin with, and whether it comes back as it was, of a task that was given
/// both.
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

/// Printable text in which nothing was put.
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

/// A skill that returns a value, under an operator's choice of what then becomes of it.
async fn chosen(when_leaked: WhenLeaked, secrets: Secrets) -> String {
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
    let seen = end(&report.end);
    match (&report.end, reasons) {
        (End::Completed(output), _) => {
            let has_value = String::from_utf8_lossy(output).contains(secrets[0].1);
            format!("{seen}, {} the value", if has_value { "with" } else { "without" })
        }
        (_, Some(reason)) => format!("{seen}, recorded as {reason}"),
        (_, None) => seen,
    }
}
