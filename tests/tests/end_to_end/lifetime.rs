//! Every end of a task wipes its values and is recorded once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "missing data is a failed test, in a probe's steps too")]

use std::sync::Arc;
use std::time::Duration;

use far_core::pal::{EventKind, Outcome, Pal, Receipt, Record, Sink, SinkError, Subscription, SubscriptionItem};
use far_core::provider::ProviderError;
use far_runtime::{End, Limits, Task};
use far_tests::host::{SECRETS, results};
use far_tests::{TestHost, guests};
use serde_json::json;

fn count(host: &TestHost, kind: EventKind) -> usize {
    host.kinds().iter().filter(|other| **other == kind).count()
}

#[tokio::test]
async fn every_outcome_wipes_and_records_once() {
    let cases = [
        (json!({ "do": "log", "level": "info", "message": "" }), Outcome::Completed),
        (json!({ "do": "fail", "message": "no" }), Outcome::SkillError),
        (json!({ "do": "panic", "message": "no" }), Outcome::Trapped),
        (json!({ "do": "get", "name": "gamma" }), Outcome::ScopeViolation),
        (json!({ "do": "sleep", "ms": 60_000 }), Outcome::TimedOut),
    ];
    for (step, outcome) in cases {
        let host = TestHost::new();
        let steps = json!({ "steps": [{ "do": "get", "name": "alpha" }, step] });
        let limits = Limits { timeout: Duration::from_millis(500), ..Limits::default() };
        let task = host.task(guests::PROBE, &["alpha:sign"], &steps).await.with_limits(limits);
        assert_eq!(host.runtime.run(task).await.end.outcome(), outcome);
        assert_eq!(
            (count(&host, EventKind::SecretWiped), count(&host, EventKind::TaskFinished)),
            (1, 1),
            "{outcome:?}"
        );
        assert_eq!(host.kinds().last(), Some(&EventKind::TaskFinished));
        assert_eq!(host.last(EventKind::TaskFinished).unwrap().event.outcome(), Some(outcome));
    }
}

/// Waits until an event of this kind is recorded.
async fn until(events: &mut Subscription, kind: EventKind) {
    loop {
        let Some(SubscriptionItem::Record(record)) = events.next().await else { panic!("no events") };
        if record.event.kind() == kind {
            break;
        }
    }
}

/// Returns an endless task that holds a value.
async fn endless(host: &TestHost) -> Task {
    let steps = json!({ "steps": [{ "do": "get", "name": "alpha" }, { "do": "sleep", "ms": 60_000 }] });
    host.task(guests::PROBE, &["alpha:sign"], &steps).await
}

/// Asserts that the only task wiped this many values and ended with this outcome.
fn assert_ended(host: &TestHost, wiped: usize, outcome: Outcome) {
    assert_eq!((count(host, EventKind::SecretWiped), count(host, EventKind::TaskFinished)), (wiped, 1));
    assert_eq!(host.last(EventKind::TaskFinished).unwrap().event.outcome(), Some(outcome));
}

#[tokio::test]
async fn cancelled_task_wipes_and_finishes() {
    let host = TestHost::new();
    let mut events = host.runtime.pal().subscribe();
    let cancelled = until(&mut events, EventKind::SecretInjected);
    let report = host.runtime.run_until(endless(&host).await, cancelled).await;
    assert_eq!(report.end, End::Cancelled);
    assert_ended(&host, 1, Outcome::Cancelled);
}

#[tokio::test]
async fn dropped_task_wipes_and_finishes() {
    let host = TestHost::new();
    let (mut events, runtime, task) = (host.runtime.pal().subscribe(), host.runtime.clone(), endless(&host).await);
    let running = tokio::spawn(async move { runtime.run(task).await });
    until(&mut events, EventKind::SecretInjected).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_ended(&host, 1, Outcome::Cancelled);
}

#[tokio::test]
async fn task_dropped_in_host_call_finishes() {
    let host = TestHost::new();
    let (hold, runtime, task) = (host.provider.hold(), host.runtime.clone(), endless(&host).await);
    let running = tokio::spawn(async move { runtime.run(task).await });
    host.provider.wait_for_calls(1).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    drop(hold);
    assert_ended(&host, 0, Outcome::Cancelled);
    assert_eq!(count(&host, EventKind::SecretFetched), 0, "the fetch was canceled with its only task");
}

#[test]
fn tasks_end_with_their_tokio_runtime() {
    for held in [false, true] {
        let tokio_runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let host = tokio_runtime.block_on(async { TestHost::new() });
        let hold = held.then(|| host.provider.hold());
        tokio_runtime.block_on(async {
            let (mut events, runtime, task) =
                (host.runtime.pal().subscribe(), host.runtime.clone(), endless(&host).await);
            tokio::spawn(async move { runtime.run(task).await });
            let reached = if held { EventKind::SecretRequested } else { EventKind::SecretInjected };
            until(&mut events, reached).await;
        });
        drop(tokio_runtime);
        assert_ended(&host, usize::from(!held), Outcome::Cancelled);
        drop(hold);
    }
}

#[tokio::test]
async fn task_keeps_runtime_alive() {
    let host = TestHost::new();
    let (mut events, runtime, task) = (host.runtime.pal().subscribe(), host.runtime.clone(), endless(&host).await);
    let limits = Limits { timeout: Duration::from_millis(500), ..Limits::default() };
    let running = tokio::spawn(async move { runtime.run(task.with_limits(limits)).await });
    until(&mut events, EventKind::TaskAdmitted).await;
    let records = host.events.clone();
    drop(host);
    assert_eq!(running.await.unwrap().end, End::TimedOut);
    assert_eq!(records.kinds().last(), Some(&EventKind::TaskFinished));
}

#[tokio::test]
async fn backend_failure_is_typed_error() {
    let host = TestHost::new();
    let steps = json!([{ "do": "get", "name": "alpha" }]);
    for (failure, kind) in [
        (ProviderError::NotFound, "not-found"),
        (ProviderError::Sealed, "unavailable"),
        (ProviderError::Denied, "unavailable"),
        (ProviderError::TooLarge, "too-large"),
    ] {
        host.provider.fail_with(Some(failure));
        let report = host.probe(guests::PROBE, &["alpha:sign"], steps.clone()).await;
        assert_eq!(results(&report)[0]["error"], kind);
    }
    let steps = json!([{ "do": "get", "name": "alpha" }, { "do": "fail", "message": "gave up" }]);
    host.provider.fail_with(Some(ProviderError::Unavailable));
    let report = host.probe(guests::PROBE, &["alpha:sign"], steps).await;
    assert!(matches!(report.end, End::BackendUnavailable(_)));
}

/// A required sink that fails at events of one kind.
struct FailAt(EventKind, fn() -> Receipt);

impl Sink for FailAt {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        if record.event.kind() == self.0 { (self.1)() } else { Receipt::Ready(Ok(())) }
    }
}

fn full() -> Receipt {
    Receipt::Ready(Err(SinkError::Full))
}

fn panicking() -> Receipt {
    panic!("the sink panics as part of the test");
}

fn hanging() -> Receipt {
    let (sender, receipt) = tokio::sync::oneshot::channel();
    std::mem::forget(sender);
    Receipt::Pending(receipt)
}

#[tokio::test]
async fn unrecorded_event_releases_no_value() {
    let steps = json!([{ "do": "get", "name": "alpha" }, { "do": "leak" }]);
    for sink in [full, hanging, panicking] {
        for (kind, calls) in [
            (EventKind::TaskAdmitted, 0),
            (EventKind::TaskStarted, 0),
            (EventKind::SecretRequested, 0),
            (EventKind::SecretFetched, 1),
            (EventKind::SecretInjected, 1),
            (EventKind::SecretRevealed, 1),
            (EventKind::TaskFinished, 1),
        ] {
            let pal = Pal::builder().required_sink(Arc::new(FailAt(kind, sink)), Duration::from_millis(50));
            let host = TestHost::with(SECRETS, pal);
            let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], steps.clone()).await;
            assert_eq!(host.provider.calls(), calls, "{kind:?}");
            assert!(matches!(report.end, End::AuditUnavailable(_)), "{kind:?}: {:?}", report.end);
            assert_eq!(count(&host, EventKind::TaskFinished), 1);
            assert_eq!(
                count(&host, EventKind::SecretWiped),
                usize::from(calls == 1 && kind != EventKind::SecretFetched)
            );
        }
    }
    let report = TestHost::new().probe(guests::PROBE_REVEALING, &["alpha:reveal"], steps).await;
    // The marker shows that the guest had the value.
    assert_eq!(results(&report)[1]["ok"]["value"], "[redacted:alpha]", "the twin with an audit log succeeds");
}

#[tokio::test]
async fn unrecorded_violation_stays_violation() {
    let pal = Pal::builder().required_sink(Arc::new(FailAt(EventKind::SecretDenied, full)), Duration::from_millis(50));
    let host = TestHost::with(SECRETS, pal);
    let report = host.probe(guests::PROBE, &["alpha:sign"], json!([{ "do": "get", "name": "gamma" }])).await;
    assert!(matches!(report.end, End::Violation(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_tasks_stay_separate() {
    let host = Arc::new(TestHost::new());
    let steps =
        json!({ "steps": [{ "do": "get", "name": "alpha" }, { "do": "sign", "message": "m" }, { "do": "identity" }] });
    let mut runs = Vec::new();
    for n in 0..100 {
        let task = host.task(guests::PROBE, &["alpha:sign"], &steps).await.with_id(format!("t-{n}").parse().unwrap());
        let runtime = host.runtime.clone();
        runs.push(tokio::spawn(async move { runtime.run(task).await }));
    }
    for (n, run) in runs.into_iter().enumerate() {
        let report = run.await.unwrap();
        assert_eq!(results(&report)[2]["ok"]["task-id"], format!("t-{n}"));
    }
    assert_eq!(count(&host, EventKind::SecretWiped), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_flood_keeps_record_order() {
    let (reader, writer) = std::io::pipe().unwrap();
    let read = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
    let sink = far_core::pal::WriterSink::spawn(writer, far_core::pal::Format::JsonLines).unwrap();
    let host = TestHost::with(SECRETS, Pal::builder().required_sink(sink, Duration::from_secs(20)));
    let mut steps: Vec<_> = (0..8000).map(|_| json!({ "do": "log", "level": "info", "message": "" })).collect();
    steps.push(json!({ "do": "get", "name": "gamma" }));
    let report = host.probe(guests::PROBE, &["alpha:sign"], json!(steps)).await;
    assert_eq!(report.end.outcome(), Outcome::ScopeViolation);
    drop(host);
    let records = read.join().unwrap();
    let last: Vec<_> = records.lines().rev().take(3).collect();
    assert!(last[0].contains("task.finished") && last[0].contains("scope-violation"));
    assert!(last[1].contains("skill.logged") && last[1].contains("\"count\":7744"), "{}", last[1]);
    assert!(last[2].contains("secret.denied"));
    assert_eq!(records.lines().count(), 2 + 256 + 3);
}
