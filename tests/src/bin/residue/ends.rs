//! Every end of a task or a value: afterwards, the value is nowhere in memory.

use std::time::Duration;

use far_core::pal::EventKind;
use far_needle::Needle;
use far_runtime::{End, Report};
use far_tests::process_memory::{MemoryRegion, ProcessMemory};
use serde_json::{Value, json};

use crate::backend::ResponseMode;
use crate::controls::LONG;
use crate::dotenv_file::FileTail;
use crate::host::{Host, secret};
use crate::row::Row;
use crate::sink::Refusal;

/// Long enough for a guest to get, sign and reveal.
const SHORT: Duration = Duration::from_secs(3);

/// Reports whether an id has one of these prefixes. An empty list selects all ids.
pub(crate) fn is_selected(id: &str, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|only| id.starts_with(only.as_str()))
}

/// Checks memory after all ends, or after the selected ends of skills.
pub(crate) async fn all(host: &Host, memory: &mut ProcessMemory, only: &[String]) -> Vec<Row> {
    let selected = |id: &str| is_selected(id, only);
    let mut rows = Vec::new();
    for (id, last, outcome) in skill_ends() {
        if selected(id) {
            rows.push(after_skill(host, memory, id, &last, outcome).await);
        }
    }
    if only.is_empty() {
        rows.push(cancelled(host, memory).await);
        rows.push(with_backend(host, memory, "host-panic.backend", ResponseMode::Panic).await);
        rows.push(sink_panics(host, memory).await);
        rows.push(expired(host, memory).await);
        rows.extend(rotated(host, memory).await);
        rows.extend(revoked(host, memory).await);
        rows.push(with_backend(host, memory, "failed-parse", ResponseMode::Truncated).await);
        rows.push(dotenv_failed_parse(host, memory).await);
        rows.push(dotenv(host, memory).await);
        rows.push(refused_audit(host, memory).await);
    }
    rows
}

/// Returns the ends that a skill causes: the last step after get, sign and reveal, and the outcome.
fn skill_ends() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("completed", json!({ "do": "identity" }), "completed"),
        ("skill-error", json!({ "do": "fail", "message": "no" }), "skill-error"),
        ("trap", json!({ "do": "panic", "message": "no" }), "trapped"),
        ("exit", json!({ "do": "exit", "code": 1 }), "trapped"),
        ("scope-violation", json!({ "do": "get", "name": "gamma" }), "scope-violation"),
        ("limit", json!({ "do": "allocate", "mib": 100 }), "limit-exceeded"),
        ("time-out.in-host", json!({ "do": "sleep", "ms": 600_000 }), "timed-out"),
        ("time-out.in-guest", json!({ "do": "spin" }), "timed-out"),
    ]
}

/// Returns the steps of a skill that has several copies of the value in its memory before the last
/// step.
fn revealed(last: &Value) -> Value {
    json!([{ "do": "get", "name": "alpha" }, { "do": "sign", "message": "m" }, { "do": "leak" }, last])
}

async fn after_skill(host: &Host, memory: &mut ProcessMemory, id: &str, last: &Value, outcome: &str) -> Row {
    let secret = host.alpha(ResponseMode::Complete);
    let timeout = if outcome == "timed-out" { SHORT } else { LONG };
    let (report, recorded) = host.run(&revealed(last), timeout).await;
    let seen = seen(&report, &recorded, EventKind::SecretRevealed, &secret);
    drop(report);
    let expected = format!("secret.revealed, {outcome}");
    Row::clean(id, &expected, seen, &memory.search(&secret).unwrap())
}

/// Describes how far the value got, the outcome, and whether the output has the value.
fn seen(report: &Report, recorded: &[EventKind], reached: EventKind, secret: &Needle) -> String {
    let reached = if recorded.contains(&reached) { reached.as_str() } else { "not reached" };
    let returned = match &report.end {
        End::Completed(output) if !secret.find_in(output).is_empty() => " with the value",
        _ => "",
    };
    format!("{reached}, {}{returned}", report.end.outcome().as_str())
}

async fn cancelled(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = host.alpha(ResponseMode::Complete);
    let mut steps = revealed(&json!({ "do": "log", "level": "info", "message": "revealed" }));
    steps.as_array_mut().unwrap().push(json!({ "do": "sleep", "ms": 600_000 }));
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SecretRevealed).await;
    running.recorded(EventKind::SkillLogged).await;
    running.cancel().await;
    Row::clean(
        "cancelled",
        "secret.revealed, cancelled",
        "secret.revealed, cancelled",
        &memory.search(&secret).unwrap(),
    )
}

/// Runs a task whose backend fails while it holds the value. The guest gets 'unavailable' and
/// fails.
async fn with_backend(host: &Host, memory: &mut ProcessMemory, id: &str, mode: ResponseMode) -> Row {
    let secret = host.alpha(mode);
    let steps = json!([{ "do": "get", "name": "alpha" }, { "do": "fail", "message": "gave up" }]);
    let (report, recorded) = host.run(&steps, LONG).await;
    let seen = seen(&report, &recorded, EventKind::SecretFetched, &secret);
    Row::clean(id, "secret.fetched, backend-unavailable", seen, &memory.search(&secret).unwrap())
}

/// Runs a task whose required sink panics during a host call, after the guest got the value.
async fn sink_panics(host: &Host, memory: &mut ProcessMemory) -> Row {
    let (at, reached) = (EventKind::SkillLogged, EventKind::SecretRevealed);
    with_sink(host, memory, ("host-panic.sink", "audit-unavailable"), (at, Refusal::Panic), reached).await
}

/// Runs a task whose required sink rejects the record of the release.
async fn refused_audit(host: &Host, memory: &mut ProcessMemory) -> Row {
    let (at, reached) = (EventKind::SecretRevealed, EventKind::SecretSigned);
    with_sink(host, memory, ("refused-audit", "audit-unavailable"), (at, Refusal::Full), reached).await
}

async fn with_sink(
    host: &Host,
    memory: &mut ProcessMemory,
    (id, outcome): (&str, &str),
    refusal: (EventKind, Refusal),
    reached: EventKind,
) -> Row {
    let secret = host.alpha(ResponseMode::Complete);
    host.sink.refuse(Some(refusal));
    let last = json!({ "do": "log", "level": "info", "message": "revealed" });
    let (report, recorded) = host.run(&revealed(&last), LONG).await;
    host.sink.refuse(None);
    let seen = seen(&report, &recorded, reached, &secret);
    let expected = format!("{}, {outcome}", reached.as_str());
    Row::clean(id, &expected, seen, &memory.search(&secret).unwrap())
}

/// Lets the value and its stale-if-error time expire while a guest holds a used handle.
async fn expired(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = secret();
    host.backend.set(secret.value(), Some(Duration::from_secs(1)), ResponseMode::Complete);
    let sign = json!({ "do": "sign", "message": "m" });
    let steps = json!([{ "do": "get", "name": "alpha" }, sign, { "do": "sleep", "ms": 600_000 }]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SecretSigned).await;
    running.recorded(EventKind::SecretExpired).await;
    let findings = memory.search(&secret).unwrap();
    running.cancel().await;
    Row::clean("expired.handle-held", "expired", "expired", &findings)
}

/// Rotates the value while a guest holds a handle. The previous version lives only for its overlap.
async fn rotated(host: &Host, memory: &mut ProcessMemory) -> [Row; 3] {
    let (old, new) = (host.alpha(ResponseMode::Complete), secret());
    host.backend.rotate_to(new.value());
    let steps = json!([
        { "do": "get", "name": "alpha" },
        { "do": "sign", "message": "m" },
        { "do": "refresh", "name": "alpha" },
        { "do": "log", "level": "info", "message": "refreshed" },
        { "do": "sleep", "ms": 600_000 },
    ]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SkillLogged).await;
    let (before, after) = (memory.search(&old).unwrap(), memory.search(&new).unwrap());
    running.recorded(EventKind::SecretExpired).await;
    let left = memory.search(&old).unwrap();
    running.cancel().await;
    [
        Row::found_in("control.rotated.new-version", &[MemoryRegion::Locked], &after),
        Row::found_in("control.rotated.in-overlap", &[MemoryRegion::Locked], &before),
        Row::clean("rotated.old-version", "its overlap has ended", "its overlap has ended", &left),
    ]
}

/// Revokes the value while a guest holds a used handle.
async fn revoked(host: &Host, memory: &mut ProcessMemory) -> [Row; 2] {
    let secret = host.alpha(ResponseMode::Complete);
    let sign = json!({ "do": "sign", "message": "m" });
    let steps = json!([{ "do": "get", "name": "alpha" }, sign, { "do": "sleep", "ms": 600_000 }]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SecretSigned).await;
    let before = memory.search(&secret).unwrap();
    let wiped = host.runtime.revoke(&"alpha".parse().unwrap()).await;
    let findings = memory.search(&secret).unwrap();
    running.cancel().await;
    let control = Row::found_in("control.revoked.before", &[MemoryRegion::Locked], &before);
    [control, Row::clean("revoked.handle-held", "1 value wiped", format!("{wiped} value wiped"), &findings)]
}

/// Removes a value from the `.env` after the task that used it ended.
async fn dotenv(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = secret();
    host.env_file.write("BETA", secret.value(), FileTail::Valid);
    let (report, recorded) = host.run(&json!([{ "do": "get", "name": "beta" }, { "do": "leak" }]), LONG).await;
    let seen = seen(&report, &recorded, EventKind::SecretRevealed, &secret);
    drop(report);
    host.forget_dotenv().await;
    let findings = memory.search(&secret).unwrap();
    let row = Row::clean("dotenv.completed", "secret.revealed, completed", seen, &findings);
    // The backend wipes its own buffer.
    row.not_through_freed_heap()
}

/// Writes a malformed line after the value, so that the backend rejects the whole file.
async fn dotenv_failed_parse(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = secret();
    host.env_file.write("BETA", secret.value(), FileTail::Malformed);
    let (report, recorded) = host.run(&json!([{ "do": "get", "name": "beta" }, { "do": "leak" }]), LONG).await;
    // The previous value, which was empty, stays current.
    let seen = seen(&report, &recorded, EventKind::SecretRevealed, &secret);
    drop(report);
    let findings = memory.search(&secret).unwrap();
    host.forget_dotenv().await;
    Row::clean("dotenv.failed-parse", "secret.revealed, completed", seen, &findings).not_through_freed_heap()
}
