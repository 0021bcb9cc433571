//! Every use beyond the capability ends the task. The same use with the grant succeeds.

#![expect(clippy::unwrap_used, clippy::panic, reason = "missing data is a failed test, in a probe's steps too")]

use far_core::capability::DenyReason;
use far_core::pal::{EventKind, Outcome, Reason};
use far_runtime::{End, Report};
use far_tests::host::results;
use far_tests::{TestHost, guests};
use serde_json::{Value, json};

/// Runs a probe and asserts that it ended with this violation, recorded once.
async fn violates(host: &TestHost, guest: &str, grants: &[&str], steps: Value, reason: DenyReason) -> Report {
    let report = host.probe(guest, grants, steps).await;
    let End::Violation(violation) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(violation.reason, reason);
    let denied = host.last(EventKind::SecretDenied).unwrap();
    assert_eq!(denied.event.reason(), Some(Reason::Denied(reason)));
    let finished = host.last(EventKind::TaskFinished).unwrap();
    assert_eq!(finished.event.outcome(), Some(Outcome::ScopeViolation));
    assert_eq!(host.kinds().iter().filter(|kind| **kind == EventKind::SecretDenied).count(), 1);
    report
}

#[tokio::test]
async fn ungranted_operation_traps() {
    for (grant, step) in
        [("alpha:sign", json!({ "do": "reveal" })), ("alpha:reveal", json!({ "do": "sign", "message": "m" }))]
    {
        let host = TestHost::new();
        let steps = json!([{ "do": "get", "name": "alpha" }, step]);
        // A grant to reveal another secret admits the guest, but does not help.
        let grants = [grant, "beta:reveal"];
        violates(&host, guests::PROBE_REVEALING, &grants, steps, DenyReason::Operation).await;
        assert_eq!(host.provider.calls(), 1, "the granted get");
    }
    let host = TestHost::new();
    let steps = json!([{ "do": "refresh", "name": "alpha" }]);
    violates(&host, guests::PROBE, &["alpha:sign"], steps, DenyReason::Operation).await;
    assert_eq!(host.provider.calls(), 0);
}

#[tokio::test]
async fn granted_twins_succeed() {
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
async fn oversized_message_is_still_authorized() {
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
