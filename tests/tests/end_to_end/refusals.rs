//! Errors that are known before a skill runs are refused before the run.

#![expect(clippy::panic, reason = "missing data is a failed test, in a probe's steps too")]

use far_core::capability::{CatalogEntry, DenyReason};
use far_core::pal::{EventKind, MemorySink, Outcome, Pal};
use far_runtime::{End, Limits, LoadError, Refusal, Runtime, Wasi};
use far_tests::host::Parts;
use far_tests::{TestHost, guests};
use serde_json::json;

async fn refusal(host: &TestHost, guest: &str, grants: &[&str]) -> Refusal {
    let report = host.run(guest, grants, &json!({})).await;
    let End::Refused(refusal) = report.end else { panic!("{:?}", report.end) };
    assert_eq!(host.kinds(), [EventKind::TaskRefused], "no other events");
    assert_eq!(host.provider.calls(), 0);
    refusal
}

#[tokio::test]
async fn ungranted_required_secret_is_refused() {
    let cases =
        [(vec!["alpha:sign"], DenyReason::Ungranted), (vec!["alpha:sign", "beta:reveal"], DenyReason::Operation)];
    for (grants, reason) in cases {
        let refused = refusal(&TestHost::new(), guests::REQUIRED, &grants).await;
        assert!(matches!(&refused, Refusal::Gap(gap) if gap.secret.as_str() == "beta" && gap.reason == reason));
    }
}

#[tokio::test]
async fn duplicate_grant_is_refused() {
    let refused = refusal(&TestHost::new(), guests::PROBE, &["alpha:sign", "alpha:refresh"]).await;
    assert!(matches!(refused, Refusal::Capability(_)));
}

#[tokio::test]
async fn unknown_provider_is_refused() {
    let entry = Box::new(|entry: &mut CatalogEntry| entry.provider = "elsewhere".parse().unwrap());
    let refused = refusal(&TestHost::of(Parts { entry, ..Parts::default() }), guests::PROBE, &["alpha:sign"]).await;
    assert!(matches!(refused, Refusal::Provider { provider, .. } if provider.as_str() == "elsewhere"));
}

#[tokio::test]
async fn invalid_limits_and_inputs_are_refused() {
    let host = TestHost::new();
    let none = Limits { memory: 0, ..Limits::default() };
    let all = Limits { memory: usize::MAX, ..Limits::default() };
    let small = Limits { input: 3, ..Limits::default() };
    for limits in [none, all, small] {
        let task = host.task(guests::PROBE, &[], &json!({ "steps": [] })).await.with_limits(limits);
        assert_eq!(host.runtime.run(task).await.end.outcome(), Outcome::Refused);
    }
}

#[tokio::test]
async fn invalid_component_is_refused() {
    let cases: [(&str, &str, &[u8]); 3] = [
        ("nothing", "invalid-component", b""),
        ("text", "invalid-component", b"#!/bin/sh"),
        ("another type", "import-type", br#"(component (import "tinkerbell:skill/secrets@0.1.0" (func)))"#),
    ];
    for (what, kind, component) in cases {
        let host = TestHost::new();
        let component = if component.starts_with(b"(") {
            wat::parse_bytes(component).unwrap().into_owned()
        } else {
            component.to_vec()
        };
        let error = host.runtime.load(component).await.expect_err(what);
        assert_eq!(error.kind(), kind, "{what}: {error}");
        assert_eq!(host.kinds(), [EventKind::TaskRefused]);
    }
}

#[tokio::test]
async fn strict_wasi_refuses_files_and_sockets() {
    let events = MemorySink::new();
    let pal = Pal::builder().sink(events.clone()).build();
    let strict = Runtime::builder("strict".parse().unwrap(), pal).wasi(Wasi::Strict).build().unwrap();
    let error = strict.load(std::fs::read(guests::PROBE).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), "strict-wasi");
    let LoadError::StrictWasi(import) = error else { panic!("{error}") };
    assert!(import.starts_with("wasi:filesystem/") || import.starts_with("wasi:sockets/"), "{import}");
    assert_eq!(events.kinds(), [EventKind::TaskRefused]);
    for import in ["wasi:sockets/network@0.2.0", "wasi:filesystem/types@0.2.0"] {
        let component = wat::parse_str(format!("(component (import \"{import}\" (instance)))")).unwrap();
        let error = strict.load(component.clone()).await.unwrap_err();
        assert!(matches!(&error, LoadError::StrictWasi(named) if named == import), "{error}");
        assert_eq!(TestHost::new().runtime.load(component).await.unwrap_err().kind(), "wrong-world");
    }
    for passes in [guests::GITHUB_WEBHOOK, guests::AWS_PRESIGN, guests::SNOOP, guests::REQUIRED, guests::UNDECLARED] {
        strict.load(std::fs::read(passes).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn duplicate_running_task_id_is_refused() {
    let host = TestHost::new();
    let steps = json!({ "steps": [{ "do": "get", "name": "alpha" }, { "do": "sleep", "ms": 60_000 }] });
    let first = host.task(guests::PROBE, &["alpha:sign"], &steps).await.with_id("t-1".parse().unwrap());
    let second = first.clone();
    let mut events = host.runtime.pal().subscribe();
    let runtime = host.runtime.clone();
    let running = tokio::spawn(async move { runtime.run(first).await });
    while let Some(far_core::pal::SubscriptionItem::Record(record)) = events.next().await {
        if record.event.kind() == EventKind::SecretInjected {
            break;
        }
    }
    assert_eq!(host.runtime.run(second.clone()).await.end, End::Refused(Refusal::Running));
    assert!(!host.kinds().contains(&EventKind::SecretWiped), "the first task keeps its values");
    running.abort();
    let _ = running.await;
    let ended = Limits { timeout: std::time::Duration::from_millis(100), ..Limits::default() };
    assert_eq!(
        host.runtime.run(second.with_limits(ended)).await.end,
        End::TimedOut,
        "the id is free after the first task"
    );
}
