//! A task's output and log contain none of its values in any encoding, and other text stays
//! unchanged.

#![expect(clippy::unwrap_used, reason = "missing data is a failed test, in a probe's steps too")]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use far_core::capability::{CatalogEntry, DenyReason, LeakPolicy};
use far_core::pal::{EventKind, Outcome, Pal, Reason, Receipt, Record, Sink};
use far_core::provider::ProviderError;
use far_providers::MemoryProvider;
use far_runtime::{End, Limit, Limits, LogSource, Report};
use far_tests::host::{Parts, SECRETS, Secrets, results};
use far_tests::redaction_table::{ROWS, TOO_WEAK, published};
use far_tests::{TestHost, guests};
use serde_json::{Value, json};

/// Text like the value of `alpha` that is not secret.
const OTHER: &str = "omega-flower-4b1d07";
const GRANTS: [&str; 2] = ["alpha:reveal", "beta:reveal"];

/// The encodings that redaction finds, and the characters shown at the end: in base64, one of them
/// has two bits of the value.
const FORMS: [(&str, usize); 6] =
    [("raw", 0), ("hex", 0), ("base64", 3), ("base64url", 3), ("percent", 0), ("json", 0)];

/// Returns a step that writes the value of the last handle, or this text.
fn say(text: Option<&str>, place: &str, form: &str, pieces: usize) -> Value {
    json!({ "do": "say", "text": text, "place": place, "form": form, "pieces": pieces })
}

/// Runs these steps after the skill revealed `alpha`.
async fn run_revealed(host: &TestHost, steps: &[Value], limits: Limits) -> Report {
    let before = [json!({ "do": "get", "name": "alpha" }), json!({ "do": "reveal" })];
    let steps = [&before[..], steps].concat();
    let task = host.task(guests::PROBE_REVEALING, &GRANTS, &json!({ "steps": steps })).await.with_limits(limits);
    host.runtime.run(task).await
}

/// Returns the skill's text in one place, without the standard library's text about a panic.
fn text_in(report: &Report, place: &str) -> String {
    let is_there = |source| match place {
        "log" => matches!(source, LogSource::Log(_)),
        "print" => source == LogSource::Stdout,
        _ => source == LogSource::Stderr,
    };
    let log = report.log.iter().filter(|entry| is_there(entry.source)).map(|entry| entry.text.as_str());
    match &report.end {
        End::SkillError(text) | End::BackendUnavailable(text) if place == "fail" => text.clone(),
        _ if place == "panic" => {
            log.collect::<String>().lines().find(|line| line.starts_with('<')).unwrap_or_default().to_owned()
        }
        _ => log.collect(),
    }
}

/// Returns the secrets and counts of the recorded redactions.
fn redactions(host: &TestHost, report: &Report) -> Vec<(String, Option<u64>)> {
    let records = host.events.records();
    let of_task = records.iter().filter(|record| record.subject.task_id == report.task_id);
    let redacted = of_task.filter(|record| record.event.kind() == EventKind::OutputRedacted);
    redacted.map(|record| (record.event.secret_name().unwrap().to_string(), record.event.count())).collect()
}

#[tokio::test]
async fn value_is_redacted_in_every_form() {
    let host = TestHost::new();
    for (place, pieces) in
        [("log", 1), ("log", 7), ("print", 1), ("print", 19), ("eprint", 3), ("fail", 1), ("panic", 1)]
    {
        for (form, shown) in FORMS {
            let twin = run_revealed(&host, &[say(Some(OTHER), place, form, pieces)], Limits::default()).await;
            let other = text_in(&twin, place);
            let report = run_revealed(&host, &[say(None, place, form, pieces)], Limits::default()).await;
            host.assert_no_value(&report);

            let text = text_in(&report, place);
            let (begin, end) = ("<[redacted:alpha]", &text[text.len() - shown - 1..]);
            assert_eq!(text, format!("{begin}{end}"), "{place}, {form}, {pieces} pieces");
            assert_eq!(report.end.outcome(), twin.end.outcome());
            assert_eq!(redactions(&host, &report), [("alpha".to_owned(), Some(1))]);
            if form == "raw" {
                assert_eq!(other, format!("<{OTHER}>"));
            }
            assert!(other.len() >= OTHER.len() + 2 && !other.contains("redacted"), "{other}");
        }
    }
}

#[tokio::test]
async fn text_without_value_records_nothing() {
    let host = TestHost::new();
    let places = ["log", "print", "eprint"].map(|place| say(Some(OTHER), place, "raw", 2));
    let report = run_revealed(&host, &places, Limits::default()).await;
    assert_eq!(report.end.outcome(), Outcome::Completed);
    assert_eq!(redactions(&host, &report), []);
}

#[tokio::test]
async fn value_across_interleaved_lines_is_redacted() {
    let value = SECRETS[0].1;
    let (one, two) = value.split_at(8);
    let log = |message: &str| json!({ "do": "log", "level": "info", "message": message });
    let print = |text: &str| json!({ "do": "print", "text": text });
    let steps = [log(&format!("a {one}")), print("out 1\n"), log(""), log(&format!("{two} b")), print("out 2\n")];
    let host = TestHost::new();
    let report = run_revealed(&host, &steps, Limits::default()).await;
    let log: Vec<_> = report.log.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(log, ["a [redacted:alpha]", "out 1\n", "", " b", "out 2\n"]);
    assert_eq!(report.log_discarded, 0);
}

#[tokio::test]
async fn log_cap_cuts_no_value() {
    let host = TestHost::new();
    let steps = |text| [json!({ "do": "print", "text": "four\n" }), say(text, "print", "raw", 2)];
    let whole = ["four\n<[redacted:alpha]>".to_owned(), format!("four\n<{OTHER}>")];
    for room in 1..=whole[1].len() + 4 {
        let limits = Limits { log: 32 + room, ..Limits::default() };
        for (text, whole) in [None, Some(OTHER)].into_iter().zip(&whole) {
            let report = run_revealed(&host, &steps(text), limits).await;
            assert_eq!(text_in(&report, "print"), whole[..room.min(whole.len())]);
            assert_eq!(report.log_discarded as usize, whole.len().saturating_sub(room), "room for {room}");
            assert_eq!(report.end.outcome(), Outcome::Completed);
        }
    }
}

#[tokio::test]
async fn stopped_task_log_is_redacted() {
    let limits = Limits { timeout: Duration::from_millis(500), ..Limits::default() };
    for (last, outcome) in [
        (json!({ "do": "spin" }), Outcome::TimedOut),
        (json!({ "do": "get", "name": "gamma" }), Outcome::ScopeViolation),
        (json!({ "do": "exit", "code": 1 }), Outcome::Trapped),
    ] {
        let host = TestHost::new();
        let report = run_revealed(&host, &[say(None, "print", "raw", 2), last], limits).await;
        assert_eq!(report.end.outcome(), outcome);
        assert_eq!(text_in(&report, "print"), "<[redacted:alpha]>");
        let kinds = host.kinds();
        let of = |kind| kinds.iter().position(|other| *other == kind).unwrap();
        assert!(of(EventKind::OutputRedacted) < of(EventKind::TaskFinished));
    }
}

#[tokio::test]
async fn each_secret_has_marker_and_event() {
    let steps = [
        say(None, "print", "raw", 1),
        say(None, "log", "hex", 1),
        json!({ "do": "get", "name": "beta" }),
        say(None, "print", "raw", 1),
        say(None, "fail", "raw", 1),
    ];
    let host = TestHost::new();
    let report = run_revealed(&host, &steps, Limits::default()).await;
    assert_eq!(text_in(&report, "print"), "<[redacted:alpha]><[redacted:beta]>");
    assert_eq!(report.end, End::SkillError("<[redacted:beta]>".to_owned()));
    assert_eq!(redactions(&host, &report), [("alpha".to_owned(), Some(2)), ("beta".to_owned(), Some(2))]);
}

#[tokio::test]
async fn unfetched_value_is_not_redacted() {
    let host = TestHost::new();
    let steps = [say(Some(SECRETS[1].1), "print", "raw", 1)];
    let report = run_revealed(&host, &steps, Limits::default()).await;
    assert_eq!(text_in(&report, "print"), format!("<{}>", SECRETS[1].1), "the text came from the input");
}

#[tokio::test]
async fn output_is_redacted_and_counted() {
    let host = TestHost::new();
    let steps = [say(None, "print", "raw", 1), json!({ "do": "leak" })];
    let report = run_revealed(&host, &steps, Limits::default()).await;
    assert_eq!(results(&report)[3]["ok"]["value"], "[redacted:alpha]");
    assert_eq!(redactions(&host, &report), [("alpha".to_owned(), Some(2))]);
    host.assert_no_value(&report);
}

#[tokio::test]
async fn output_oversized_by_markers_is_withheld() {
    let text = SECRETS[0].1.repeat(20);
    let step = json!({ "do": "say", "text": text, "place": "answer" });
    let most = |output| Limits { output, ..Limits::default() };
    let host = TestHost::with(&[("alpha", "cana")], Pal::builder());
    let fits = run_revealed(&host, std::slice::from_ref(&step), most(2000)).await;
    assert_eq!(results(&fits)[2]["ok"]["said"], format!("<{}>", text.replace("cana", "[redacted:alpha]")));
    let over = run_revealed(&host, &[step], most(text.len() + 200)).await;
    assert_eq!(over.end, End::LimitExceeded(Limit::Output));
    assert_eq!(redactions(&host, &over), [("alpha".to_owned(), Some(20))]);
}

/// A long value with a space, quotes and non-ASCII characters. Its first byte occurs only once.
const LONG: Secrets = &[(
    "alpha",
    "Qb8 'h7\\2k\"d+/=%&\u{fc}\u{1f511} m0x5-w2r9.t6y1 n4c7v3_z8l5 j1g9f2s6 p0o4i8u3 e7a5d1h9 k2b6n0m4 c8x3",
)];

#[tokio::test]
async fn published_redaction_table_holds() {
    let published: Vec<_> = published().into_iter().filter(|(form, _)| *form != TOO_WEAK).collect();
    let listed: Vec<_> = ROWS.iter().map(|row| (row.form, row.found)).collect();
    let yes = |(form, found): (&'static str, &str)| (form, found.starts_with("yes"));
    assert_eq!(published.into_iter().map(yes).collect::<Vec<_>>(), listed, "the probe covers the table");
    let host = TestHost::with(LONG, Pal::builder());
    for row in ROWS {
        for (form, offset) in row.encodings {
            // The output is a JSON string already, in which JSON escapes are a second encoding.
            for place in ["print", "eprint", "log", "fail", "panic", "answer"]
                .into_iter()
                .filter(|place| *form != "json" || *place != "answer")
            {
                let step = json!({ "do": "say", "place": place, "form": form, "offset": offset });
                let report = run_revealed(&host, &[step], Limits::default()).await;
                let shown = match &report.end {
                    End::Completed(_) if place == "answer" => {
                        results(&report)[2]["ok"]["said"].as_str().unwrap().to_owned()
                    }
                    _ => text_in(&report, place),
                };
                let context = format!("{form} at {offset} in {place}: {shown}");
                assert_eq!(shown.contains("[redacted:alpha]"), row.found, "{context}");
                assert_eq!(redactions(&host, &report).len(), usize::from(row.found), "{context}");
                // Allows a neighbor's characters, and the rest where an encoding splits a byte.
                assert!(!row.found || shown.len() <= "<[redacted:alpha]>".len() + 9, "{context}");
            }
        }
    }
}

#[tokio::test]
async fn weak_value_needs_ignore() {
    assert!(published().iter().any(|(form, found)| *form == TOO_WEAK && found.starts_with("no")));
    for (value, when_leaked, refused) in [
        ("~7Q", LeakPolicy::Replace, Some("too-short")),
        ("~7Q", LeakPolicy::Fail, Some("too-short")),
        ("~7Q", LeakPolicy::Ignore, None),
        ("~7QX", LeakPolicy::Replace, None),
        ("~~~~~~~~", LeakPolicy::Replace, Some("one-character")),
        ("~~~~~~~~", LeakPolicy::Fail, Some("one-character")),
        ("~~~~~~~~", LeakPolicy::Ignore, None),
        ("", LeakPolicy::Replace, None),
    ] {
        let secrets: &'static [_] = Box::leak(Box::new([("alpha", value)]));
        let entry = Box::new(move |entry: &mut CatalogEntry| entry.when_leaked = when_leaked);
        let host = TestHost::of(Parts { secrets, entry, ..Parts::default() });
        let steps = json!({ "steps": [{ "do": "get", "name": "alpha" }] });
        let report = host.runtime.run(host.task(guests::PROBE_REVEALING, &GRANTS, &steps).await).await;
        let seen = results(&report)[0]["error"].as_str().map(str::to_owned);
        assert_eq!(seen, refused.map(|_| "unavailable".to_owned()), "{value}, {when_leaked:?}");
        let injected = host.last(EventKind::SecretInjected).unwrap();
        assert_eq!(injected.event.reason(), refused.map(Reason::Token));
    }
}

#[tokio::test]
async fn leak_with_fail_policy_ends_task() {
    let entry = || Box::new(|entry: &mut CatalogEntry| entry.when_leaked = LeakPolicy::Fail);
    for place in ["answer", "log", "print", "eprint", "fail", "panic"] {
        let host = TestHost::of(Parts { entry: entry(), ..Parts::default() });
        let twin =
            run_revealed(&host, &[json!({ "do": "say", "text": OTHER, "place": place })], Limits::default()).await;
        assert_ne!(twin.end.outcome(), Outcome::ScopeViolation);
        let report = run_revealed(&host, &[json!({ "do": "say", "place": place })], Limits::default()).await;
        let End::Violation(violation) = &report.end else { panic!("{place}: {:?}", report.end) };
        assert_eq!((violation.secret.to_string(), violation.reason), ("alpha".to_owned(), DenyReason::Leaked));
        host.assert_no_value(&report);
        let kinds = host.kinds();
        let last =
            [EventKind::SecretDenied, EventKind::SecretWiped, EventKind::OutputRedacted, EventKind::TaskFinished];
        assert_eq!(kinds[kinds.len() - 4..], last, "{place}");
        assert_eq!(
            host.last(EventKind::SecretDenied).unwrap().event.reason(),
            Some(Reason::Denied(DenyReason::Leaked))
        );
    }
}

#[tokio::test]
async fn leak_is_recorded_after_violation() {
    let host =
        TestHost::of(Parts { entry: Box::new(|entry| entry.when_leaked = LeakPolicy::Fail), ..Parts::default() });
    let steps = [say(None, "print", "raw", 1), json!({ "do": "get", "name": "gamma" })];
    let report = run_revealed(&host, &steps, Limits::default()).await;
    let End::Violation(violation) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(violation.reason, DenyReason::Undeclared);
    let denied = host.kinds().into_iter().filter(|kind| *kind == EventKind::SecretDenied).count();
    assert_eq!(denied, 2);
}

/// A sink that makes the backend fail after a value was revealed.
#[derive(Default)]
struct FailBackendAfterReveal(OnceLock<Arc<MemoryProvider>>);

impl Sink for FailBackendAfterReveal {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        if record.event.kind() == EventKind::SecretRevealed {
            self.0.get().unwrap().fail_with(Some(ProviderError::Unavailable));
        }
        Receipt::Ready(Ok(()))
    }
}

#[tokio::test]
async fn backend_failure_message_is_redacted() {
    let fails = Arc::new(FailBackendAfterReveal::default());
    let host = TestHost::with(SECRETS, Pal::builder().sink(fails.clone()));
    fails.0.set(host.provider.clone()).unwrap();
    let steps = [json!({ "do": "get", "name": "beta" }), say(None, "fail", "raw", 1)];
    let report = run_revealed(&host, &steps, Limits::default()).await;
    assert_eq!(report.end, End::BackendUnavailable("<[redacted:alpha]>".to_owned()));
}
