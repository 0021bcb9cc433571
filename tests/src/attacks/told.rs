//! What was seen of a task, in the fewest words that tell a success of the attacker from a failure.

use far_runtime::{End, Report};
use serde_json::{Value, json};

use crate::TestHost;

/// What a probe writes to its log when it was let on.
const WENT_ON: &str = "went on";

/// The step that shows that a guest was let on.
pub(super) fn go_on() -> Value {
    json!({ "do": "log", "level": "info", "message": WENT_ON })
}

/// The step that gets a secret.
pub(super) fn get(name: &str) -> Value {
    json!({ "do": "get", "name": name })
}

/// The step that signs.
pub(super) fn sign() -> Value {
    json!({ "do": "sign", "message": "m" })
}

/// The step that sleeps.
pub(super) fn sleep(ms: u64) -> Value {
    json!({ "do": "sleep", "ms": ms })
}

/// A probe without a hand on bytes, on a host of its own, in words.
pub(super) async fn probe(grants: &'static [&'static str], steps: Value) -> String {
    probe_on(&TestHost::new(), crate::guests::PROBE, grants, steps).await
}

/// A probe that may reveal.
pub(super) async fn revealing_probe(grants: &'static [&'static str], steps: Value) -> String {
    probe_on(&TestHost::new(), crate::guests::PROBE_REVEALING, grants, steps).await
}

/// A probe, in words.
pub(super) async fn probe_on(host: &TestHost, guest: &str, grants: &[&str], steps: Value) -> String {
    let report = host.probe(guest, grants, steps).await;
    told(host, &report)
}

/// How a task ended, with its steps' answers if it completed, whether it went on, and how often the backend was called.
pub(super) fn told(host: &TestHost, report: &Report) -> String {
    let went_on = report.log.iter().any(|entry| entry.text.contains(WENT_ON));
    let went_on = if went_on && !matches!(report.end, End::Completed(_)) { ", went on" } else { "" };
    let calls = host.provider.calls();
    format!("{}{went_on}, {calls} {}", end(&report.end), if calls == 1 { "call" } else { "calls" })
}

/// How a task ended.
pub(super) fn end(end: &End) -> String {
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
