//! Every way that a task, or a value, can end: after each, the value is nowhere.

use std::time::Duration;

use far_core::pal::EventKind;
use far_needle::Needle;
use far_runtime::{End, Report};
use far_tests::process_memory::{Place, ProcessMemory};
use serde_json::{Value, json};

use crate::backend::Manner;
use crate::controls::LONG;
use crate::dotenv_file::Rest;
use crate::host::{Host, secret};
use crate::row::Row;
use crate::sink::Refusal;

/// Long enough for a guest to get, sign and reveal.
const SHORT: Duration = Duration::from_secs(3);

/// Whether a check is one of these, or begins as one of them does; each is where there are none.
pub(crate) fn is_wanted(id: &str, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|only| id.starts_with(only.as_str()))
}

/// After all ends; or after those whose names begin so.
pub(crate) async fn all(host: &Host, memory: &mut ProcessMemory, only: &[String]) -> Vec<Row> {
    let wanted = |id: &str| is_wanted(id, only);
    let mut rows = Vec::new();
    for (id, last, outcome) in of_skills() {
        if wanted(id) {
            rows.push(of_skill(host, memory, id, &last, outcome).await);
        }
    }
    if only.is_empty() {
        rows.push(cancelled(host, memory).await);
        rows.push(with_backend(host, memory, "host-panic.backend", Manner::Panics).await);
        rows.push(sink_panics(host, memory).await);
        rows.push(expired(host, memory).await);
        rows.extend(rotated(host, memory).await);
        rows.extend(revoked(host, memory).await);
        rows.push(with_backend(host, memory, "failed-parse", Manner::CutOff).await);
        rows.push(dotenv_failed_parse(host, memory).await);
        rows.push(dotenv(host, memory).await);
        rows.push(refused_audit(host, memory).await);
    }
    rows
}

/// Ends that a skill comes to by itself, after it got, signed and revealed: what it does then, and how it is told.
fn of_skills() -> Vec<(&'static str, Value, &'static str)> {
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

/// Steps up to the last one: the bytes are in the guest's memory then, more than once.
fn revealed(last: &Value) -> Value {
    json!([{ "do": "get", "name": "alpha" }, { "do": "sign", "message": "m" }, { "do": "leak" }, last])
}

async fn of_skill(host: &Host, memory: &mut ProcessMemory, id: &str, last: &Value, outcome: &str) -> Row {
    let secret = host.alpha(Manner::Well);
    let timeout = if outcome == "timed-out" { SHORT } else { LONG };
    let (report, recorded) = host.run(&revealed(last), timeout).await;
    let seen = seen(&report, &recorded, EventKind::SecretRevealed, &secret);
    drop(report);
    let expected = format!("secret.revealed, {outcome}");
    Row::clean(id, &expected, seen, &memory.search(&secret).unwrap())
}

/// How far the value came, how the task ended, and whether it returned the value.
fn seen(report: &Report, recorded: &[EventKind], reached: EventKind, secret: &Needle) -> String {
    let reached = if recorded.contains(&reached) { reached.as_str() } else { "not reached" };
    let returned = match &report.end {
        End::Completed(output) if !secret.find_in(output).is_empty() => " with the value",
        _ => "",
    };
    format!("{reached}, {}{returned}", report.end.outcome().as_str())
}

async fn cancelled(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = host.alpha(Manner::Well);
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

/// A backend that fails with the value in its hands; the guest is told that it is unavailable, and gives up.
async fn with_backend(host: &Host, memory: &mut ProcessMemory, id: &str, manner: Manner) -> Row {
    let secret = host.alpha(manner);
    let steps = json!([{ "do": "get", "name": "alpha" }, { "do": "fail", "message": "gave up" }]);
    let (report, recorded) = host.run(&steps, LONG).await;
    let seen = seen(&report, &recorded, EventKind::SecretFetched, &secret);
    Row::clean(id, "secret.fetched, backend-unavailable", seen, &memory.search(&secret).unwrap())
}

/// A required sink that panics in the middle of a host call, once the guest has the value.
async fn sink_panics(host: &Host, memory: &mut ProcessMemory) -> Row {
    let (at, reached) = (EventKind::SkillLogged, EventKind::SecretRevealed);
    with_sink(host, memory, ("host-panic.sink", "audit-unavailable"), (at, Refusal::Panic), reached).await
}

/// A required sink that does not take the record of the release.
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
    let secret = host.alpha(Manner::Well);
    host.sink.refuse(Some(refusal));
    let last = json!({ "do": "log", "level": "info", "message": "revealed" });
    let (report, recorded) = host.run(&revealed(&last), LONG).await;
    host.sink.refuse(None);
    let seen = seen(&report, &recorded, reached, &secret);
    let expected = format!("{}, {outcome}", reached.as_str());
    Row::clean(id, &expected, seen, &memory.search(&secret).unwrap())
}

/// The value's time ends while a guest holds a handle that it has signed with, and so does the time that it may be stale.
async fn expired(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = secret();
    host.backend.set(secret.value(), Some(Duration::from_secs(1)), Manner::Well);
    let sign = json!({ "do": "sign", "message": "m" });
    let steps = json!([{ "do": "get", "name": "alpha" }, sign, { "do": "sleep", "ms": 600_000 }]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SecretSigned).await;
    running.recorded(EventKind::SecretExpired).await;
    let findings = memory.search(&secret).unwrap();
    running.cancel().await;
    Row::clean("expired.handle-held", "expired", "expired", &findings)
}

/// The value is rotated while a guest holds a handle to it: the one before is there for its overlap, and no longer.
async fn rotated(host: &Host, memory: &mut ProcessMemory) -> [Row; 3] {
    let (old, new) = (host.alpha(Manner::Well), secret());
    host.backend.rotate_to(new.value());
    let steps = json!([
        { "do": "get", "name": "alpha" },
        { "do": "sign", "message": "m" },
        { "do": "refresh", "name": "alpha" },
        { "do": "log", "level": "info", "message": "has it" },
        { "do": "sleep", "ms": 600_000 },
    ]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SkillLogged).await;
    let (before, after) = (memory.search(&old).unwrap(), memory.search(&new).unwrap());
    running.recorded(EventKind::SecretExpired).await;
    let left = memory.search(&old).unwrap();
    running.cancel().await;
    [
        Row::found_in("control.rotated.new-version", &[Place::Locked], &after),
        Row::found_in("control.rotated.in-overlap", &[Place::Locked], &before),
        Row::clean("rotated.old-version", "its overlap is over", "its overlap is over", &left),
    ]
}

/// The operator revokes a value while a guest holds a handle that it has signed with.
async fn revoked(host: &Host, memory: &mut ProcessMemory) -> [Row; 2] {
    let secret = host.alpha(Manner::Well);
    let sign = json!({ "do": "sign", "message": "m" });
    let steps = json!([{ "do": "get", "name": "alpha" }, sign, { "do": "sleep", "ms": 600_000 }]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SecretSigned).await;
    let before = memory.search(&secret).unwrap();
    let wiped = host.runtime.revoke_kept(&"alpha".parse().unwrap()).await;
    let findings = memory.search(&secret).unwrap();
    running.cancel().await;
    let control = Row::found_in("control.revoked.before", &[Place::Locked], &before);
    [control, Row::clean("revoked.handle-held", "1 value wiped", format!("{wiped} value wiped"), &findings)]
}

/// The `.env` backend: a value goes when the file has it no more, and the task that used it has ended.
async fn dotenv(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = secret();
    host.env_file.write("BETA", secret.value(), Rest::Well);
    let (report, recorded) = host.run(&json!([{ "do": "get", "name": "beta" }, { "do": "leak" }]), LONG).await;
    let seen = seen(&report, &recorded, EventKind::SecretRevealed, &secret);
    drop(report);
    host.forget_dotenv().await;
    let findings = memory.search(&secret).unwrap();
    let row = Row::clean("dotenv.completed", "secret.revealed, completed", seen, &findings);
    // The backend wipes its buffer by itself.
    row.not_through_freed_heap()
}

/// A line after the value cannot be parsed: nothing of the file is taken over.
async fn dotenv_failed_parse(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = secret();
    host.env_file.write("BETA", secret.value(), Rest::Broken);
    let (report, recorded) = host.run(&json!([{ "do": "get", "name": "beta" }, { "do": "leak" }]), LONG).await;
    // The value of before, which was empty, stays.
    let seen = seen(&report, &recorded, EventKind::SecretRevealed, &secret);
    drop(report);
    let findings = memory.search(&secret).unwrap();
    host.forget_dotenv().await;
    Row::clean("dotenv.failed-parse", "secret.revealed, completed", seen, &findings).not_through_freed_heap()
}
