//! Values that outlive their expiry or their task.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use far_core::pal::{EventKind, Pal, Receipt, Record, Sink};
use far_core::provider::{FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_providers::MemoryProvider;
use far_runtime::Limits;
use serde_json::{Value, json};

use super::Case;
use super::summary::{describe_end, get, probe_on, sign, sleep};
use super::trial::Trial;
use crate::host::Parts;
use crate::{TestHost, guests, wall_clock};

const DAY: i64 = 24 * 60 * 60;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = time();
    cases.extend(ends());
    cases
}

fn time() -> Vec<Case> {
    vec![
        Case {
            id: "13-expired-value",
            description: "a handle held beyond the value's expiry",
            attack: Trial::new("completed [ok, ok, expired], 1 call", || held(Duration::from_millis(200))),
            twin: Trial::new("completed [ok, ok, ok], 1 call", || held(Duration::from_secs(60))),
        },
        Case {
            id: "17-clock-set-back",
            description: "a lifetime extended by setting the clock back",
            attack: Trial::new("completed [ok, ok, expired]", || stepped(-DAY, Duration::from_millis(300))),
            twin: Trial::new("completed [ok, ok, ok]", || stepped(-DAY, Duration::from_secs(60))),
        },
        Case {
            id: "17-clock-set-forward",
            description: "a neighbor's lifetime shortened by setting the clock forward",
            attack: Trial::new("completed [ok, ok, ok]", || stepped(DAY, Duration::from_secs(60))),
            twin: Trial::new("completed [ok, ok, expired]", || stepped(DAY, Duration::from_millis(300))),
        },
    ]
}

fn ends() -> Vec<Case> {
    vec![
        Case {
            id: "19-trap",
            description: "a value left in the host by a crash",
            attack: Trial::new("trapped, wiped", || ended(json!([get("alpha"), { "do": "panic", "message": "" }]))),
            twin: Trial::new("completed [ok], wiped", || ended(json!([get("alpha")]))),
        },
        Case {
            id: "19-violation",
            description: "a value left in the host by a violation",
            attack: Trial::new("scope-violation undeclared, wiped", || ended(json!([get("alpha"), get("gamma")]))),
            twin: Trial::new("completed [ok, ok], wiped", || ended(json!([get("alpha"), get("alpha")]))),
        },
        Case {
            id: "19-time-out",
            description: "a value left in the host by a timeout",
            attack: Trial::new("timed-out, wiped", || ended(json!([get("alpha"), sleep(60_000)]))),
            twin: Trial::new("completed [ok, ok], wiped", || ended(json!([get("alpha"), sleep(1)]))),
        },
        Case {
            id: "19-cancelled-in-a-call",
            description: "a value that arrives for a canceled task",
            // No mutation: without the teardown, the outcome depends on the order of the answer and
            // the check.
            attack: Trial::new("cancelled, wiped", || cancelled(true)),
            twin: Trial::new("completed, wiped", || cancelled(false)),
        },
        Case {
            id: "19-panic-of-a-sink",
            description: "a host panic during a call",
            attack: Trial::new("audit-unavailable, wiped; the next: completed [ok]", || {
                panicking(EventKind::SecretSigned)
            }),
            twin: Trial::new("completed [ok, ok], wiped; the next: completed [ok]", || {
                panicking(EventKind::SecretRefreshed)
            }),
        },
        Case {
            id: "19-panic-of-a-backend",
            description: "a panic of a backend's client",
            attack: Trial::new("completed [unavailable], 0 calls", || {
                backend(|_| Arc::new(PanickingProvider(memory())))
            }),
            twin: Trial::new("completed [ok], 1 call", || backend(|provider| provider)),
        },
    ]
}

async fn held(ttl: Duration) -> String {
    let host = TestHost::of(Parts { entry: Box::new(move |entry| entry.ttl = ttl), ..Parts::default() });
    probe_on(&host, guests::PROBE, &["alpha:sign"], json!([get("alpha"), sleep(500), sign()])).await
}

/// Steps the clock while the guest holds a handle and sleeps, and then restores it.
async fn stepped(seconds: i64, ttl: Duration) -> String {
    let host = TestHost::of(Parts { entry: Box::new(move |entry| entry.ttl = ttl), ..Parts::default() });
    let steps = json!({ "steps": [get("alpha"), sleep(600), sign()] });
    let task = host.task(guests::PROBE, &["alpha:sign"], &steps).await;
    let before = SystemTime::now();
    let running = host.spawn_until(task, EventKind::SecretInjected).await;
    wall_clock::step(seconds);
    let moved = SystemTime::now().duration_since(before).map_or(true, |time| time.as_secs() >= DAY as u64);
    let report = running.await;
    wall_clock::step(-seconds);
    if !moved {
        return "this program's clock cannot be set".to_owned();
    }
    describe_end(&report.unwrap().end)
}

/// Returns the task's outcome, and whether locked memory is free again.
async fn ended(steps: Value) -> String {
    let host = TestHost::new();
    let limits = Limits { timeout: Duration::from_secs(2), ..Limits::default() };
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await.with_limits(limits);
    let before = far_core::memory::usage().used;
    let report = host.runtime.run(task).await;
    format!("{}, {}", describe_end(&report.end), left(before))
}

fn left(before: usize) -> String {
    // Memory of earlier cases may be wiped in the background meanwhile.
    match far_core::memory::usage().used.saturating_sub(before) {
        0 => "wiped".to_owned(),
        bytes => format!("{bytes} bytes left"),
    }
}

async fn cancelled(cancel: bool) -> String {
    let host = TestHost::new();
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": [get("alpha")] })).await;
    let before = far_core::memory::usage().used;
    let hold = host.provider.hold();
    let running = host.spawn_until(task, EventKind::SecretRequested).await;
    host.provider.wait_for_calls(1).await;
    if cancel {
        running.abort();
    }
    drop(hold);
    let _ = running.await;
    let finished = host.last(EventKind::TaskFinished).and_then(|record| record.event.outcome());
    format!("{}, {}", finished.map_or("not finished", |outcome| outcome.as_str()), left(before))
}

/// A sink that panics at one kind of event.
struct PanickingSink(EventKind);

impl Sink for PanickingSink {
    #[expect(clippy::panic, reason = "the defect under test")]
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        if record.event.kind() == self.0 {
            panic!("a defect of a sink");
        }
        Receipt::Ready(Ok(()))
    }
}

async fn panicking(at: EventKind) -> String {
    let pal = Pal::builder().required_sink(Arc::new(PanickingSink(at)), Duration::from_secs(5));
    let host = TestHost::of(Parts { pal, ..Parts::default() });
    let before = far_core::memory::usage().used;
    let grants = ["alpha:sign"];
    let report = host.probe(guests::PROBE, &grants, json!([get("alpha"), sign()])).await;
    let first = format!("{}, {}", describe_end(&report.end), left(before));
    let next = host.probe(guests::PROBE, &grants, json!([get("alpha")])).await;
    format!("{first}; the next: {}", describe_end(&next.end))
}

/// A backend client that panics.
struct PanickingProvider(ProviderId);

#[async_trait]
impl SecretProvider for PanickingProvider {
    fn id(&self) -> &ProviderId {
        &self.0
    }

    #[expect(clippy::panic, reason = "the defect under test")]
    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<FetchedSecret, ProviderError> {
        panic!("a defect of a client");
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<RefreshOutcome, ProviderError> {
        Err(ProviderError::Unsupported)
    }
}

fn memory() -> ProviderId {
    "memory".parse().unwrap()
}

async fn backend(provider: fn(Arc<MemoryProvider>) -> Arc<dyn SecretProvider>) -> String {
    let host = TestHost::of(Parts { provider, ..Parts::default() });
    probe_on(&host, guests::PROBE, &["alpha:sign"], json!([get("alpha")])).await
}
