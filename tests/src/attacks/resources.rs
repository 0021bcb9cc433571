//! Excessive use of time, memory, log, records and calls.

use std::time::Duration;

use far_core::pal::{EventKind, Reason};
use far_runtime::{End, Limits, Task};
use serde_json::{Value, json};

use super::Case;
use super::summary::{describe_end, get, sleep, summarize};
use super::trial::Trial;
use crate::host::Parts;
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = time();
    cases.extend(memory());
    cases.extend(sizes());
    cases
}

fn time() -> Vec<Case> {
    vec![
        Case {
            id: "41-endless-loop",
            description: "an endless loop",
            attack: Trial::new("timed-out in time", || run_briefly(json!({ "do": "spin" }))),
            twin: Trial::new("completed [ok] in time", || run_briefly(sleep(1))),
        },
        Case {
            id: "41-endless-calls",
            description: "an endless loop of host calls",
            attack: Trial::new("timed-out in time", || run_briefly(json!({ "do": "spin-around-calls" }))),
            twin: Trial::new("completed [ok] in time", || run_briefly(json!({ "do": "identity" }))),
        },
        Case {
            id: "41-endless-wait",
            description: "a wait in the host beyond the task's time",
            attack: Trial::new("timed-out in time", || run_briefly(sleep(60_000))),
            twin: Trial::new("completed [ok] in time", || run_briefly(sleep(1))),
        },
        Case {
            id: "46-busy-neighbors",
            description: "the processor time of neighbors, by computing on every worker",
            attack: Trial::new("the neighbor: completed [ok]", || beside(json!({ "do": "spin" }))),
            twin: Trial::new("the neighbor: completed [ok]", || beside(sleep(60_000))),
        },
    ]
}

fn memory() -> Vec<Case> {
    vec![
        Case {
            id: "42-memory",
            description: "more memory than the task's limit",
            attack: Trial::new("limit-exceeded memory, 0 calls", || allocate(64)),
            twin: Trial::new("completed [ok], 0 calls", || allocate(16)),
        },
        Case {
            id: "42-tables",
            description: "more table elements than the task's limit, in two tables",
            attack: Trial::new("grown, not grown", || tables(60_000)),
            twin: Trial::new("grown, grown", || tables(40_000)),
        },
        Case {
            id: "42-stack",
            description: "endless recursion",
            attack: Trial::new("limit-exceeded stack", || component("(call $again)")),
            twin: Trial::new("completed", || component("")),
        },
        Case {
            id: "42-full-pool",
            description: "every slot of the pool, to make the next task fail",
            attack: Trial::new("6 × completed [ok]", || at_once(6)),
            twin: Trial::new("2 × completed [ok]", || at_once(2)),
        },
    ]
}

fn sizes() -> Vec<Case> {
    vec![
        Case {
            id: "26-output-flood",
            description: "an endless log on stdout",
            attack: Trial::new("completed, at most 1000 kept, 98000 or more counted", || flood("print")),
            twin: Trial::new("completed, at most 1000 kept, 0 or more counted", || flood("identity")),
        },
        Case {
            id: "26-log-flood",
            description: "an endless log, line by line",
            attack: Trial::new("completed, at most 1000 kept, 98000 or more counted", || flood("log")),
            twin: Trial::new("completed, at most 1000 kept, 0 or more counted", || flood("identity")),
        },
        Case {
            id: "43-huge-argument",
            description: "an argument of ten megabytes",
            attack: Trial::new("limit-exceeded argument, 1 call", || sign(10 << 20)),
            twin: Trial::new("completed [ok, ok], 1 call", || sign(1 << 20)),
        },
        Case {
            id: "43-huge-input",
            description: "an input beyond its limit",
            attack: Trial::new("refused input, 0 calls", || {
                limited(json!([]), Limits { input: 10, ..Limits::default() })
            }),
            twin: Trial::new("completed [], 0 calls", || {
                limited(json!([]), Limits { input: 100, ..Limits::default() })
            }),
        },
        Case {
            id: "44-many-gets",
            description: "ten million handles in sequence",
            attack: Trial::new("limit-exceeded host-calls, 1 call, 1000 handles, ended once for host-calls", || {
                many(10_000_000)
            }),
            twin: Trial::new("completed [ok], 1 call, 999 handles, ended once", || many(999)),
        },
        Case {
            id: "44-many-records",
            description: "a PAL of megabytes, by handles in sequence",
            attack: Trial::new("limit-exceeded records, 1 call, 48 handles, ended once for records", || recorded(1000)),
            twin: Trial::new("completed [ok], 1 call, 40 handles, ended once", || recorded(40)),
        },
        Case {
            id: "44-held-handles",
            description: "more concurrent handles than the task's limit",
            attack: Trial::new("limit-exceeded handles, 1 call", || hold(1025)),
            twin: Trial::new("completed [ok], 1 call", || hold(1024)),
        },
        Case {
            id: "45-output",
            description: "an output beyond its limit",
            attack: Trial::new("limit-exceeded output, 0 calls", || output(2000)),
            twin: Trial::new("completed [ok], 0 calls", || output(900)),
        },
        Case {
            id: "45-huge-output",
            description: "an output of fifty megabytes",
            attack: Trial::new("limit-exceeded argument, 0 calls", || output(50 << 20)),
            twin: Trial::new("completed [ok], 0 calls", || output(900)),
        },
    ]
}

/// Runs a step with a limit of 300 ms. Twice as much is in time, because the machine is busy.
async fn run_briefly(step: Value) -> String {
    let host = TestHost::new();
    let timeout = Duration::from_millis(300);
    let limits = Limits { timeout, host_calls: Limits::MAX.host_calls, ..Limits::default() };
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": [step] })).await.with_limits(limits);
    let report = host.runtime.run(task).await;
    let in_time = if report.duration < timeout * 2 { "in time" } else { "late" };
    format!("{} {in_time}", describe_end(&report.end))
}

/// Runs a small task with a limit of 2 s beside eight that repeat this step for 6 s.
async fn beside(step: Value) -> String {
    let host = TestHost::of(Parts { max_tasks: 16, ..Parts::default() });
    let limits = |seconds| Limits { timeout: Duration::from_secs(seconds), ..Limits::default() };
    let busy = host.task(guests::PROBE, &[], &json!({ "steps": [step] })).await.with_limits(limits(6));
    let mut running = Vec::new();
    for _ in 0..8 {
        running.push(host.spawn_until(busy.clone(), EventKind::TaskStarted).await);
    }
    let steps = json!({ "steps": [get("alpha")] });
    let task = host.task(guests::PROBE, &["alpha:sign"], &steps).await.with_limits(limits(2));
    let runtime = host.runtime.clone();
    let neighbor = tokio::spawn(async move { runtime.run(task).await }).await.unwrap();
    running.iter().for_each(tokio::task::JoinHandle::abort);
    format!("the neighbor: {}", describe_end(&neighbor.end))
}

async fn limited(steps: Value, limits: Limits) -> String {
    let host = TestHost::new();
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await.with_limits(limits);
    let report = host.runtime.run(task).await;
    summarize(&host, &report)
}

async fn allocate(mib: usize) -> String {
    let limits = Limits { memory: 32 << 20, ..Limits::default() };
    limited(json!([{ "do": "allocate", "mib": mib }]), limits).await
}

async fn sign(length: usize) -> String {
    let limits = Limits { input: 16 << 20, ..Limits::default() };
    limited(json!([get("alpha"), { "do": "sign", "message": "x".repeat(length) }]), limits).await
}

async fn output(bytes: usize) -> String {
    let limits = Limits { output: 1000, memory: 512 << 20, ..Limits::default() };
    limited(json!([{ "do": "output", "bytes": bytes }]), limits).await
}

async fn flood(step: &str) -> String {
    let text = format!("{}\n", "x".repeat(999));
    let step = match step {
        "print" => json!({ "do": "print", "text": text }),
        "log" => json!({ "do": "log", "level": "info", "message": text }),
        other => json!({ "do": other }),
    };
    let host = TestHost::new();
    let steps: Vec<_> = (0..100).map(|_| step.clone()).collect();
    let task = host.task(guests::PROBE, &[], &json!({ "steps": steps })).await;
    let report = host.runtime.run(task.with_limits(Limits { log: 1000, ..Limits::default() })).await;
    let kept = match report.log.iter().map(|entry| entry.text.len()).sum() {
        0..=1000_usize => "at most 1000",
        _ => "more",
    };
    let counted = report.log_discarded / 98_000 * 98_000;
    format!("{}, {kept} kept, {counted} or more counted", report.end.outcome().as_str())
}

async fn many(times: u64) -> String {
    gets(times, Limits { host_calls: 1000, ..Limits::default() }).await
}

/// Gets a secret repeatedly with a limit of fifty records.
async fn recorded(times: u64) -> String {
    gets(times, Limits { records: 50, ..Limits::default() }).await
}

async fn gets(times: u64, limits: Limits) -> String {
    let host = TestHost::new();
    let steps = json!({ "steps": [{ "do": "get-many", "name": "alpha", "times": times }] });
    let task = host.task(guests::PROBE, &["alpha:sign"], &steps).await.with_limits(limits);
    let report = host.runtime.run(task).await;
    let count = |kind| host.kinds().iter().filter(|other| **other == kind).count();
    let (handles, ends) = (count(EventKind::SecretInjected), count(EventKind::TaskFinished));
    let ended = if ends == 1 { "ended once" } else { "not ended once" };
    let last = host.last(EventKind::TaskFinished).and_then(|record| record.event.reason());
    let reason = if let Some(Reason::Token(reason)) = last { format!(" for {reason}") } else { String::new() };
    format!("{}, {handles} handles, {ended}{reason}", summarize(&host, &report))
}

async fn hold(handles: u64) -> String {
    limited(json!([{ "do": "hold-many", "name": "alpha", "times": handles }]), Limits::default()).await
}

/// Runs concurrent tasks with two slots.
async fn at_once(tasks: usize) -> String {
    let host = TestHost::of(Parts { max_tasks: 2, ..Parts::default() });
    let task = host.task(guests::PROBE, &[], &json!({ "steps": [sleep(200)] })).await;
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let (runtime, task) = (host.runtime.clone(), task.clone());
            tokio::spawn(async move { describe_end(&runtime.run(task).await.end) })
        })
        .collect();
    let mut seen = Vec::new();
    for run in running {
        seen.push(run.await.unwrap());
    }
    seen.sort();
    seen.dedup();
    format!("{tasks} × {}", seen.join("; "))
}

/// Grows two tables in turn, and returns whether each grew.
async fn tables(elements: u32) -> String {
    let grow = |table: &str| format!("(call {table} (i32.const {elements}))");
    // The output has a byte for each table: 1 if it grew.
    let steps = format!(
        "(i32.store8 (i32.const 64) (i32.ge_s {} (i32.const 0))) (i32.store8 (i32.const 65) (i32.ge_s {} (i32.const 0)))
         (i32.store (i32.const 36) (i32.const 64)) (i32.store (i32.const 40) (i32.const 2))",
        grow("$grow-one"),
        grow("$grow-other")
    );
    match run(&steps).await {
        End::Completed(output) => {
            let grown = output.iter().map(|grown| if *grown == 1 { "grown" } else { "not grown" });
            grown.collect::<Vec<_>>().join(", ")
        }
        other => describe_end(&other),
    }
}

async fn component(steps: &'static str) -> String {
    describe_end(&run(steps).await)
}

async fn run(steps: &str) -> End {
    let host = TestHost::new();
    let skill = host.runtime.load(wat::parse_str(COMPONENT.replace("STEPS", steps)).unwrap()).await.unwrap();
    host.runtime.run(Task::new(&skill).with_input("{}")).await.end
}

/// Returns the output whose address and length are written at 36 and 40.
const COMPONENT: &str = r#"(component
    (core module $table
        (table 0 funcref)
        (func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))
    (core instance $one (instantiate $table))
    (core instance $other (instantiate $table))
    (core module $m
        (import "one" "grow" (func $grow-one (param i32) (result i32)))
        (import "other" "grow" (func $grow-other (param i32) (result i32)))
        (memory (export "memory") 1)
        (func $again (call $again) (call $again))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "run") (param i32 i32) (result i32) STEPS (i32.const 32)))
    (core instance $i (instantiate $m (with "one" (instance $one)) (with "other" (instance $other))))
    (func $run (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "run" (func $run)))"#;
