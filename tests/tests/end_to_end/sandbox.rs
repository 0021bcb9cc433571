//! A guest is confined to its task: its own time, memory, log and identity.

#![expect(clippy::unwrap_used, reason = "missing data is a failed test, in a probe's steps too")]

use std::time::Duration;

use far_core::pal::{EventKind, LogLevel, Outcome, Reason};
use far_runtime::{End, Limits, LogSource, Report};
use far_tests::{TestHost, guests};
use serde_json::{Value, json};

async fn limited(steps: Value, limits: Limits) -> Report {
    let host = TestHost::new();
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await.with_limits(limits);
    let report = host.runtime.run(task).await;
    let finished = host.last(EventKind::TaskFinished).unwrap();
    assert_eq!(finished.event.outcome(), Some(report.end.outcome()));
    assert_eq!(finished.event.reason(), report.end.limit().map(|limit| Reason::Token(limit.as_str())));
    report
}

#[tokio::test]
async fn crash_message_stays_in_task_log() {
    for (step, outcome) in [
        (json!({ "do": "panic", "message": "canary-message" }), Outcome::Trapped),
        (json!({ "do": "exit", "code": 3 }), Outcome::Trapped),
        (json!({ "do": "recurse" }), Outcome::Trapped),
        (json!({ "do": "fail", "message": "canary-message" }), Outcome::SkillError),
    ] {
        let report = limited(json!([step]), Limits::default()).await;
        assert_eq!(report.end.outcome(), outcome, "{step}");
        assert_eq!(
            matches!(&report.end, End::SkillError(message) if message.contains("canary-message")),
            outcome == Outcome::SkillError
        );
    }
}

#[tokio::test]
async fn pal_records_only_log_length() {
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
    assert_eq!((logged.event.level(), logged.event.length()), (Some(LogLevel::Warn), Some(6)));
}

#[tokio::test]
async fn slot_wait_counts_toward_timeout() {
    let host = TestHost::new();
    let limits = Limits { timeout: Duration::from_millis(400), ..Limits::default() };
    let mut tasks = Vec::new();
    // The host has 8 slots. The first 8 tasks hold them until their timeout, so the others never
    // start.
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
