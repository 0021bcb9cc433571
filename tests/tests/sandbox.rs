//! A guest has no world but its task: nothing of the machine, its own time and memory, its own identity.

#![expect(clippy::unwrap_used, reason = "in a test's own steps, too, what is not there is a failed test")]

use std::time::Duration;

use far_core::pal::{EventKind, LogLevel, Outcome, Reason};
use far_runtime::{End, Limit, Limits, LogSource, Report};
use far_tests::host::results;
use far_tests::{TestHost, guests};
use serde_json::{Value, json};

async fn limited(steps: Value, limits: Limits) -> Report {
    let host = TestHost::new();
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await.with_limits(limits);
    let report = host.runtime.run(task).await;
    let finished = host.last(EventKind::TaskFinished).unwrap();
    assert_eq!(finished.event.outcome, Some(report.end.outcome()));
    assert_eq!(finished.event.reason, report.end.limit().map(|limit| Reason::Token(limit.as_str())));
    report
}

#[tokio::test]
async fn wasi_is_inert() {
    let report = TestHost::new().probe(guests::PROBE, &[], json!([{ "do": "env" }])).await;
    let results = results(&report);
    let found = &results[0]["ok"];
    for what in found.as_object().unwrap() {
        assert!(matches!(what.1, Value::Bool(false) | Value::Null) || what.1 == 0 || what.1.is_string(), "{found}");
    }
}

#[tokio::test]
async fn identity_is_the_hosts() {
    let host = TestHost::new();
    let task = host.task(guests::PROBE, &[], &json!({ "steps": [{ "do": "identity" }] })).await;
    let report = host.runtime.run(task.with_id("task-of-mine".parse().unwrap())).await;
    assert_eq!(results(&report)[0]["ok"], json!({ "task-id": "task-of-mine", "agent-id": "test-agent" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_ends_with_its_time_and_a_neighbour_runs_on() {
    let host = TestHost::new();
    let limits = Limits { timeout: Duration::from_millis(300), ..Limits::default() };
    let spin = host.task(guests::PROBE, &[], &json!({ "steps": [{ "do": "spin" }] })).await.with_limits(limits);
    let sleep = host.task(guests::PROBE, &[], &json!({ "steps": [{ "do": "sleep", "ms": 600 }] })).await;
    let (spun, slept) = tokio::join!(host.runtime.run(spin), host.runtime.run(sleep));
    assert_eq!(spun.end, End::TimedOut);
    assert_eq!(slept.end.outcome(), Outcome::Completed);
}

#[tokio::test]
async fn a_sleep_ends_with_the_tasks_time() {
    let limits = Limits { timeout: Duration::from_millis(200), ..Limits::default() };
    let report = limited(json!([{ "do": "sleep", "ms": 60_000 }]), limits).await;
    assert_eq!(report.end, End::TimedOut);
}

#[tokio::test]
async fn limits_hold() {
    let limits = Limits { memory: 32 << 20, output: 1000, host_calls: 50, ..Limits::default() };
    let many: Vec<_> = (0..100).map(|_| json!({ "do": "identity" })).collect();
    let cases = [
        (json!([{ "do": "allocate", "mib": 64 }]), Limit::Memory),
        (json!([{ "do": "output", "bytes": 1001 }]), Limit::Output),
        (json!(many), Limit::HostCalls),
    ];
    for (steps, limit) in cases {
        assert_eq!(limited(steps, limits).await.end, End::LimitExceeded(limit));
    }
    let within = json!([{ "do": "allocate", "mib": 16 }, { "do": "output", "bytes": 500 }, { "do": "identity" }]);
    assert_eq!(limited(within, limits).await.end.outcome(), Outcome::Completed);
}

#[tokio::test]
async fn a_crash_is_the_skills_and_its_words_stay_in_the_task_log() {
    for (step, outcome) in [
        (json!({ "do": "panic", "message": "canary-words" }), Outcome::Trapped),
        (json!({ "do": "exit", "code": 3 }), Outcome::Trapped),
        (json!({ "do": "recurse" }), Outcome::Trapped),
        (json!({ "do": "fail", "message": "canary-words" }), Outcome::SkillError),
    ] {
        let report = limited(json!([step]), Limits::default()).await;
        assert_eq!(report.end.outcome(), outcome, "{step}");
        assert_eq!(
            matches!(&report.end, End::SkillError(words) if words.contains("canary-words")),
            outcome == Outcome::SkillError
        );
    }
}

#[tokio::test]
async fn the_task_log_has_what_the_skill_wrote_and_the_pal_has_its_length() {
    let host = TestHost::new();
    let steps = json!([
        { "do": "log", "level": "warn", "message": "a line" },
        { "do": "print", "text": "out\n" },
        { "do": "eprint", "text": "err" },
    ]);
    let report = host.probe(guests::PROBE, &[], steps).await;
    let log: Vec<_> = report.log.iter().map(|entry| (entry.source, entry.text.as_str())).collect();
    assert_eq!(
        log,
        [(LogSource::Log(LogLevel::Warn), "a line"), (LogSource::Stdout, "out\n"), (LogSource::Stderr, "err")]
    );
    let logged = host.last(EventKind::SkillLogged).unwrap();
    assert_eq!((logged.event.level, logged.event.length), (Some(LogLevel::Warn), Some(6)));
}

#[tokio::test]
async fn a_flood_of_output_is_capped_and_the_task_goes_on() {
    let limits = Limits { log: 1000, ..Limits::default() };
    let flood: Vec<_> = (0..100).map(|_| json!({ "do": "print", "text": format!("{}\n", "x".repeat(999)) })).collect();
    let report = limited(json!(flood), limits).await;
    assert_eq!(report.end.outcome(), Outcome::Completed);
    assert!(report.log.iter().map(|entry| entry.text.len()).sum::<usize>() <= 1000);
    assert!(report.log_discarded >= 99_000);
}

#[tokio::test]
async fn a_task_waits_for_a_slot_within_its_own_time() {
    let host = TestHost::new();
    let limits = Limits { timeout: Duration::from_millis(400), ..Limits::default() };
    let mut tasks = Vec::new();
    // The host has 8 slots: the first 8 hold them until their time is over, the others never get one.
    for _ in 0..12 {
        tasks.push(
            host.task(guests::PROBE, &[], &json!({ "steps": [{ "do": "sleep", "ms": 60_000 }] }))
                .await
                .with_limits(limits),
        );
    }
    let runs = tasks.into_iter().map(|task| {
        let runtime = host.runtime.clone();
        tokio::spawn(async move { runtime.run(task).await.end })
    });
    for run in runs.collect::<Vec<_>>() {
        assert_eq!(run.await.unwrap(), End::TimedOut);
    }
    assert_eq!(host.kinds().iter().filter(|kind| **kind == EventKind::TaskFinished).count(), 12);
}
