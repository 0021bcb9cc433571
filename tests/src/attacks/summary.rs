//! Summaries of a task that distinguish a successful attack from a failed one.

use far_runtime::{End, Report};
use serde_json::{Value, json};

use crate::TestHost;

/// The line that a probe logs if it continues after a violation.
const CONTINUED: &str = "continued";

/// Returns a step that shows that the guest continued.
pub(super) fn go_on() -> Value {
    json!({ "do": "log", "level": "info", "message": CONTINUED })
}

/// Returns a step that gets a secret.
pub(super) fn get(name: &str) -> Value {
    json!({ "do": "get", "name": name })
}

/// Returns a step that signs.
pub(super) fn sign() -> Value {
    json!({ "do": "sign", "message": "m" })
}

/// Returns a step that sleeps.
pub(super) fn sleep(ms: u64) -> Value {
    json!({ "do": "sleep", "ms": ms })
}

/// Runs a probe without 'reveal' on a new host, and summarizes it.
pub(super) async fn probe(grants: &'static [&'static str], steps: Value) -> String {
    probe_on(&TestHost::new(), crate::guests::PROBE, grants, steps).await
}

/// Runs a probe with 'reveal' on a new host, and summarizes it.
pub(super) async fn revealing_probe(grants: &'static [&'static str], steps: Value) -> String {
    probe_on(&TestHost::new(), crate::guests::PROBE_REVEALING, grants, steps).await
}

/// Runs a probe and summarizes it.
pub(super) async fn probe_on(host: &TestHost, guest: &str, grants: &[&str], steps: Value) -> String {
    let report = host.probe(guest, grants, steps).await;
    summarize(host, &report)
}

/// Summarizes a task: its end, whether it continued after a violation, and the calls of the
/// backend.
pub(super) fn summarize(host: &TestHost, report: &Report) -> String {
    let continued = report.log.iter().any(|entry| entry.text.contains(CONTINUED));
    let continued = if continued && !matches!(report.end, End::Completed(_)) { ", continued" } else { "" };
    let calls = host.provider.calls();
    format!("{}{continued}, {calls} {}", describe_end(&report.end), if calls == 1 { "call" } else { "calls" })
}

/// Describes the end of a task, with the results of its steps if it completed.
pub(super) fn describe_end(end: &End) -> String {
    let outcome = end.outcome().as_str();
    match end {
        End::Completed(output) => match serde_json::from_slice(output) {
            Ok(Value::Array(steps)) => {
                format!("{outcome} [{}]", steps.iter().map(answer).collect::<Vec<_>>().join(", "))
            }
            _ => outcome.to_owned(),
        },
        End::Violation(violation) => format!("{outcome} {}", violation.reason.token()),
        End::LimitExceeded(limit) => format!("{outcome} {}", limit.as_str()),
        End::Refused(refusal) => format!("{outcome} {}", refusal.kind()),
        _ => outcome.to_owned(),
    }
}

fn answer(step: &Value) -> &str {
    match step.get("error") {
        Some(error) => error.as_str().unwrap_or_default(),
        None => "ok",
    }
}
