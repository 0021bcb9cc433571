//! Limits of components and tasks: excess is refused before the run, or ends the task with a record
//! of the limit. The host and other tasks are not affected.

#![expect(clippy::unwrap_used, reason = "missing data is a failed test, in a probe's steps too")]

use far_core::pal::{EventKind, Outcome, Reason};
use far_runtime::{End, Limit, Report, Task};
use far_tests::host::results;
use far_tests::{TestHost, guests};
use serde_json::{Value, json};

/// Returns a component with these parts, whose `run` has these instructions, with a memory
/// and `realloc`.
fn component(parts: &str, run: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          {parts}
          (core module $run
            (import "own" "memory" (memory 1))
            (import "host" "call" (func $call (result i32)))
            (func (export "run") (param i32 i32) (result i32) {run}))
          (core module $own
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "call") (result i32) i32.const 0))
          (core instance $own (instantiate $own))
          (core instance $run (instantiate $run (with "own" (instance $own)) (with "host" (instance $host))))
          (func (export "run") (param "input" (list u8)) (result (result (list u8) (error string)))
            (canon lift (core func $run "run") (memory (core memory $own "memory")) (realloc (core func $own "realloc")))))"#
    );
    wat::parse_str(text).unwrap()
}

/// Returns a component without calls, with `count` more instances of a module.
fn instances(count: usize, module: &str) -> Vec<u8> {
    let host =
        r#"(core module $no (func (export "call") (result i32) i32.const 0)) (core instance $host (instantiate $no))"#;
    let more = "(core instance (instantiate $more))".repeat(count);
    component(&format!("(core module $more {module}) {more} {host}"), "i32.const 0")
}

async fn ran(host: &TestHost, component: Vec<u8>) -> Report {
    let skill = host.runtime.load(component).await.unwrap();
    host.runtime.run(Task::new(&skill)).await
}

/// Asserts that a run ended at a limit and that the limit is recorded.
fn assert_exceeded(host: &TestHost, report: &Report, limit: Limit) {
    assert_eq!(report.end, End::LimitExceeded(limit));
    let finished = host.last(EventKind::TaskFinished).unwrap().event.clone();
    let expected = (Some(Outcome::LimitExceeded), Some(Reason::Token(limit.as_str())));
    assert_eq!((finished.outcome(), finished.reason()), expected);
}

#[tokio::test]
async fn oversized_component_is_refused() {
    let host = TestHost::new();
    // Three instances and one memory belong to the component itself.
    for (most, module) in [(29, ""), (1, "(memory 1)"), (16, "(table 1 funcref)")] {
        let twin = ran(&host, instances(most, module)).await;
        assert_eq!(twin.end, End::Completed(Vec::new()), "{most} of ({module})");
        let error = host.runtime.load(instances(most + 1, module)).await.unwrap_err();
        assert_eq!(error.kind(), "component-limits", "{most} + 1 of ({module})");
    }
    let parts = [
        "(table 10_000_000 funcref)",
        "(table 100_001 funcref)",
        "(memory 16385)",
        "(memory 1) (memory 1)",
        "(table 1 funcref) (table 1 funcref)",
        &"(global (mut i64) (i64.const 0))".repeat(100_000),
    ];
    for module in parts {
        let error = host.runtime.load(instances(1, module)).await.unwrap_err();
        assert_eq!(error.kind(), "component-limits", "{module:.40}: {error:?}");
        let refused = host.last(EventKind::TaskRefused).unwrap().event.clone();
        assert_eq!(refused.reason(), Some(Reason::Token("component-limits")));
    }
}

#[tokio::test]
async fn instantiation_beyond_limits_ends_task() {
    let host = TestHost::new();
    for (count, module, limit) in [
        (1, "(memory 1025)", Limit::Memory),
        (2, "(table 60_000 funcref)", Limit::Tables),
        (15, "(table 7_000 funcref)", Limit::Tables),
    ] {
        let report = ran(&host, instances(count, module)).await;
        assert_exceeded(&host, &report, limit);
    }
    assert_eq!(ran(&host, instances(1, "(table 60_000 funcref)")).await.end, End::Completed(Vec::new()));
}

fn repeated_gets(count: usize, next_step: &Value) -> Value {
    (0..count).flat_map(|_| [json!({ "do": "get", "name": "alpha" }), next_step.clone()]).collect()
}

#[tokio::test]
async fn secret_handles_are_limited() {
    let host = TestHost::new();
    let nothing = json!({ "do": "list" });
    let report = host.probe(guests::PROBE, &["alpha:sign"], repeated_gets(1025, &nothing)).await;
    assert_exceeded(&host, &report, Limit::Handles);
    assert_eq!(host.provider.calls(), 1);
    let twin = host.probe(guests::PROBE, &["alpha:sign"], repeated_gets(1024, &nothing)).await;
    assert_eq!(results(&twin).len(), 2048);
    let dropped = host.probe(guests::PROBE, &["alpha:sign"], repeated_gets(1500, &json!({ "do": "drop" }))).await;
    assert_eq!(dropped.end.outcome(), Outcome::Completed);
}

/// Imports WASI's standard output.
const STDOUT: &str = r#"
  (import "wasi:io/streams@0.2.0" (instance $streams (export "output-stream" (type (sub resource)))))
  (alias export $streams "output-stream" (type $stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $stream (type $outer))
    (export "output-stream" (type $stream (eq $outer)))
    (export "get-stdout" (func (result (own $stream))))))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core instance $host (export "call" (func $get)))"#;

#[tokio::test]
async fn wasi_handles_are_limited() {
    let host = TestHost::new();
    let endless = "(loop $again (drop (call $call)) (br $again)) unreachable";
    let report = ran(&host, component(STDOUT, endless)).await;
    assert_exceeded(&host, &report, Limit::Handles);
    let once = ran(&host, component(STDOUT, "(drop (call $call)) i32.const 0")).await;
    assert_eq!(once.end, End::Completed(Vec::new()));
}
