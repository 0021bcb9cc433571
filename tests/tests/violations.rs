//! What goes beyond a capability ends the task, whatever it is and however it is tried; the same with the grant works.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test's own steps, too, what is not there is a failed test"
)]

use std::sync::Arc;

use far_core::capability::DenyReason;
use far_core::pal::{EventKind, Outcome, Reason};
use far_runtime::{End, Report};
use far_tests::host::results;
use far_tests::{TestHost, guests};
use serde_json::{Value, json};

/// Runs a probe, and sees that it ended by a violation for this reason, recorded once, without a call of the backend.
async fn violates(host: &TestHost, guest: &str, grants: &[&str], steps: Value, reason: DenyReason) -> Report {
    let report = host.probe(guest, grants, steps).await;
    let End::Violation(violation) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(violation.reason, reason);
    let denied = host.last(EventKind::SecretDenied).unwrap();
    assert_eq!(denied.event.reason, Some(Reason::Denied(reason)));
    let finished = host.last(EventKind::TaskFinished).unwrap();
    assert_eq!(finished.event.outcome, Some(Outcome::ScopeViolation));
    assert_eq!(host.kinds().iter().filter(|kind| **kind == EventKind::SecretDenied).count(), 1);
    report
}

#[tokio::test]
async fn an_undeclared_name_traps() {
    let host = TestHost::new();
    let grants = ["alpha:sign", "gamma:sign"];
    let report =
        violates(&host, guests::PROBE, &grants, json!([{ "do": "get", "name": "gamma" }]), DenyReason::Undeclared)
            .await;
    assert_eq!((report.provider_calls, host.provider.calls()), (0, 0));
}

#[tokio::test]
async fn an_ungranted_name_traps() {
    let host = TestHost::new();
    violates(&host, guests::PROBE, &["beta:sign"], json!([{ "do": "get", "name": "alpha" }]), DenyReason::Ungranted)
        .await;
    assert_eq!(host.provider.calls(), 0);
}

#[tokio::test]
async fn a_name_that_is_none_traps() {
    let long = "x".repeat(129);
    for name in ["", "ALPHA", "alpha\0", "../alpha", "alpha.", "caf\u{e9}", "*", &long] {
        let host = TestHost::new();
        let steps = json!([{ "do": "get", "name": name }]);
        violates(&host, guests::PROBE, &["alpha:sign"], steps, DenyReason::InvalidName).await;
        assert_eq!(host.provider.calls(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_name_of_ten_megabytes_ends_the_task_before_it_is_copied() {
    let host = TestHost::new();
    let input = json!({ "steps": [{ "do": "get", "name": "x".repeat(10 << 20) }] });
    let task = host.task(guests::PROBE, &["alpha:sign"], &input).await;
    let limits = far_runtime::Limits { input: 16 << 20, ..Default::default() };
    let report = host.runtime.run(task.with_limits(limits)).await;
    assert_eq!(report.end, End::LimitExceeded(far_runtime::Limit::Argument));
    assert_eq!(host.provider.calls(), 0);
}

#[tokio::test]
async fn an_operation_that_the_grant_lacks_traps() {
    for (grant, step) in
        [("alpha:sign", json!({ "do": "reveal" })), ("alpha:reveal", json!({ "do": "sign", "message": "m" }))]
    {
        let host = TestHost::new();
        let steps = json!([{ "do": "get", "name": "alpha" }, step]);
        // Another secret's reveal lets the guest in, and is no help.
        let grants = [grant, "beta:reveal"];
        violates(&host, guests::PROBE_REVEALING, &grants, steps, DenyReason::Operation).await;
        assert_eq!(host.provider.calls(), 1, "for the handle, which was granted");
    }
    let host = TestHost::new();
    let steps = json!([{ "do": "refresh", "name": "alpha" }]);
    violates(&host, guests::PROBE, &["alpha:sign"], steps, DenyReason::Operation).await;
    assert_eq!(host.provider.calls(), 0);
}

#[tokio::test]
async fn a_version_that_the_grant_excludes_traps() {
    let host = TestHost::new();
    let steps = json!([{ "do": "get-version", "name": "alpha", "version": "1" }]);
    violates(&host, guests::PROBE, &["alpha:sign"], steps, DenyReason::Version).await;
    let host = TestHost::new();
    let steps = json!([{ "do": "get-version", "name": "alpha", "version": "a b" }]);
    violates(&host, guests::PROBE, &["alpha:sign"], steps, DenyReason::InvalidVersion).await;
    assert_eq!(host.provider.calls(), 0);
}

#[tokio::test]
async fn a_component_without_a_declaration_gets_nothing() {
    let host = TestHost::new();
    let report = host.run(guests::UNDECLARED, &["alpha:sign"], &json!({})).await;
    assert!(matches!(&report.end, End::Violation(violation) if violation.reason == DenyReason::Undeclared));
    assert_eq!(host.provider.calls(), 0);
}

#[tokio::test]
async fn a_start_function_gets_nothing() {
    let host = TestHost::new();
    let report = host.run(guests::EARLY, &["alpha:sign"], &json!({})).await;
    assert!(matches!(&report.end, End::Violation(violation) if violation.reason == DenyReason::OutsideRun));
    assert!(!host.kinds().contains(&EventKind::TaskStarted));
    assert_eq!(host.provider.calls(), 0);
}

#[tokio::test]
async fn what_exists_and_what_does_not_are_denied_alike() {
    let mut ends = Vec::new();
    for name in ["gamma", "nothing-of-that-name"] {
        let host = TestHost::new();
        let steps = json!([{ "do": "get", "name": name }]);
        violates(&host, guests::PROBE, &["alpha:sign"], steps, DenyReason::Undeclared).await;
        ends.push((host.kinds(), host.provider.calls()));
    }
    assert_eq!(ends[0], ends[1]);
}

#[tokio::test]
async fn text_of_a_guest_is_not_recorded() {
    let host = TestHost::new();
    let text = "a-value-that-a-guest-smuggles-out";
    let steps = json!([
        { "do": "log", "level": "info", "message": text },
        { "do": "print", "text": text },
        { "do": "get", "name": text },
    ]);
    violates(&host, guests::PROBE, &["alpha:sign"], steps, DenyReason::Undeclared).await;
    let records = host.events.records();
    let events = serde_json::to_string(&records.iter().map(Arc::as_ref).collect::<Vec<_>>()).unwrap();
    assert!(!events.contains("smuggles"), "{events}");
    assert!(events.contains("unlisted:"));
}

#[tokio::test]
async fn the_twins_with_the_grant_succeed() {
    let host = TestHost::new();
    let steps = json!([
        { "do": "get", "name": "alpha" },
        { "do": "sign", "message": "m" },
        { "do": "reveal" },
        { "do": "refresh", "name": "alpha" },
        { "do": "get", "name": "beta" },
        { "do": "reveal" },
    ]);
    let grants = ["alpha:sign,reveal,refresh", "beta:reveal"];
    let report = host.probe(guests::PROBE_REVEALING, &grants, steps).await;
    let results = results(&report);
    assert!(results.iter().all(|result| result.get("ok").is_some()), "{results:?}");
    assert_eq!(results[2]["ok"]["length"], "alpha-canary-7f3a91".len());
    assert!(host.last(EventKind::SecretDenied).is_none());

    let host = TestHost::new();
    let report = host.run(guests::REQUIRED, &["alpha:sign", "beta:sign"], &json!({})).await;
    assert_eq!(report.end.outcome(), Outcome::Completed);
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_checked_like_any_other() {
    let host = TestHost::new();
    let long = "x".repeat((1 << 20) + 1);
    let steps = json!({ "steps": [{ "do": "get", "name": "alpha" }, { "do": "sign", "message": long }] });
    let limits = far_runtime::Limits { input: 2 << 20, ..Default::default() };
    for (grant, end) in [("alpha:refresh", Outcome::ScopeViolation), ("alpha:sign", Outcome::Completed)] {
        let task = host.task(guests::PROBE, &[grant], &steps).await.with_limits(limits);
        let report = host.runtime.run(task).await;
        assert_eq!(report.end.outcome(), end, "{:?}", report.end);
        if end == Outcome::Completed {
            assert_eq!(results(&report)[1]["error"], "too-large");
        }
    }
}

/// A component whose `cabi_realloc`, which the engine calls to pass the input, asks for its task's id.
const CALLS_OUT_OF_REALLOC: &str = r#"(component
    (import "tinkerbell:skill/task@0.1.0" (instance $task (export "time-left" (func (result u64)))))
    (core func $time-left (canon lower (func $task "time-left")))
    (core module $m
        (import "task" "time-left" (func $time-left (result i64)))
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (drop (call $time-left)) (i32.const 8))
        (func (export "run") (param i32 i32) (result i32) (i32.const 0)))
    (core instance $i (instantiate $m (with "task" (instance (export "time-left" (func $time-left))))))
    (func $run (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "run" (func $run)))"#;

#[tokio::test]
async fn calling_out_of_realloc_is_a_violation() {
    let host = TestHost::new();
    let skill = host.runtime.load(wat::parse_str(CALLS_OUT_OF_REALLOC).unwrap()).await.unwrap();
    let report = host.runtime.run(far_runtime::Task::new(&skill).with_input("{}")).await;
    let End::Violation(violation) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(violation.reason, DenyReason::OutsideRun);
    assert!(host.last(EventKind::SecretDenied).is_some());
    let twin = wat::parse_str(CALLS_OUT_OF_REALLOC.replace("(call $time-left)", "(i64.const 0)")).unwrap();
    let skill = host.runtime.load(twin).await.unwrap();
    let twin = host.runtime.run(far_runtime::Task::new(&skill).with_input("{}")).await;
    assert_eq!(twin.end.outcome(), Outcome::Completed, "{:?}", twin.end);
}
