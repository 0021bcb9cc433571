//! A value that outlives its time, or its task.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use far_core::pal::{EventKind, Pal, Receipt, Record, Sink};
use far_core::provider::{Fetched, ProviderError, Reference, Refreshed, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_providers::MemoryProvider;
use far_runtime::Limits;
use serde_json::{Value, json};

use super::Case;
use super::told::{end, get, probe_on, sign, sleep};
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
            what: "a use of a handle that was held across the value's end",
            attack: Trial::new("completed [ok, ok, expired], 1 call", || held(Duration::from_millis(200))),
            twin: Trial::new("completed [ok, ok, ok], 1 call", || held(Duration::from_secs(60))),
        },
        Case {
            id: "17-clock-set-back",
            what: "a value's time made longer by setting the clock back",
            attack: Trial::new("completed [ok, ok, expired]", || stepped(-DAY, Duration::from_millis(300))),
            twin: Trial::new("completed [ok, ok, ok]", || stepped(-DAY, Duration::from_secs(60))),
        },
        Case {
            id: "17-clock-set-forward",
            what: "a neighbour's value ended early by setting the clock forward",
            attack: Trial::new("completed [ok, ok, ok]", || stepped(DAY, Duration::from_secs(60))),
            twin: Trial::new("completed [ok, ok, expired]", || stepped(DAY, Duration::from_millis(300))),
        },
    ]
}

fn ends() -> Vec<Case> {
    vec![
        Case {
            id: "19-trap",
            what: "a value left in the host by a crash",
            attack: Trial::new("trapped, wiped", || ended(json!([get("alpha"), { "do": "panic", "message": "" }]))),
            twin: Trial::new("completed [ok], wiped", || ended(json!([get("alpha")]))),
        },
        Case {
            id: "19-violation",
            what: "a value left in the host by a violation",
            attack: Trial::new("scope-violation undeclared, wiped", || ended(json!([get("alpha"), get("gamma")]))),
            twin: Trial::new("completed [ok, ok], wiped", || ended(json!([get("alpha"), get("alpha")]))),
        },
        Case {
            id: "19-time-out",
            what: "a value left in the host by a task that is stopped",
            attack: Trial::new("timed-out, wiped", || ended(json!([get("alpha"), sleep(60_000)]))),
            twin: Trial::new("completed [ok, ok], wiped", || ended(json!([get("alpha"), sleep(1)]))),
        },
        Case {
            id: "19-cancelled-in-a-call",
            what: "a value that comes for a task which was cancelled while it waited for it",
            // No mutation: without the teardown, the value may come before it is looked for, or after.
            attack: Trial::new("cancelled, wiped", || cancelled(true)),
            twin: Trial::new("completed, wiped", || cancelled(false)),
        },
        Case {
            id: "19-panic-of-a-sink",
            what: "a panic of the host in the middle of a call",
            attack: Trial::new("audit-unavailable, wiped; the next: completed [ok]", || {
                panicking(EventKind::SecretSigned)
            }),
            twin: Trial::new("completed [ok, ok], wiped; the next: completed [ok]", || {
                panicking(EventKind::SecretRefreshed)
            }),
        },
        Case {
            id: "19-panic-of-a-backend",
            what: "a backend's client that panics",
            attack: Trial::new("completed [unavailable], 0 calls", || backend(|_| Arc::new(Panicking(memory())))),
            twin: Trial::new("completed [ok], 1 call", || backend(|provider| provider)),
        },
    ]
}

async fn held(ttl: Duration) -> String {
    let host = TestHost::of(Parts { entry: Box::new(move |entry| entry.ttl = ttl), ..Parts::default() });
    probe_on(&host, guests::PROBE, &["alpha:sign"], json!([get("alpha"), sleep(500), sign()])).await
}

/// The clock is set while the guest holds a handle and sleeps, and set right again.
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
    end(&report.unwrap().end)
}

/// How a task ended, and whether anything of its own is still in locked memory.
async fn ended(steps: Value) -> String {
    let host = TestHost::new();
    let limits = Limits { timeout: Duration::from_secs(2), ..Limits::default() };
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await.with_limits(limits);
    let before = far_core::memory::usage().used;
    let report = host.runtime.run(task).await;
    format!("{}, {}", end(&report.end), left(before))
}

fn left(before: usize) -> String {
    // What another case left to be wiped in the background may go meanwhile.
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
    host.provider.called(1).await;
    if cancel {
        running.abort();
    }
    drop(hold);
    let _ = running.await;
    let finished = host.last(EventKind::TaskFinished).and_then(|record| record.event.outcome());
    format!("{}, {}", finished.map_or("not finished", |outcome| outcome.as_str()), left(before))
}

/// A sink with a defect.
struct PanicsAt(EventKind);

impl Sink for PanicsAt {
    #[expect(clippy::panic, reason = "the defect")]
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        if record.event.kind() == self.0 {
            panic!("a defect of a sink");
        }
        Receipt::Ready(Ok(()))
    }
}

async fn panicking(at: EventKind) -> String {
    let pal = Pal::builder().required_sink(Arc::new(PanicsAt(at)), Duration::from_secs(5));
    let host = TestHost::of(Parts { pal, ..Parts::default() });
    let before = far_core::memory::usage().used;
    let grants = ["alpha:sign"];
    let report = host.probe(guests::PROBE, &grants, json!([get("alpha"), sign()])).await;
    let first = format!("{}, {}", end(&report.end), left(before));
    let next = host.probe(guests::PROBE, &grants, json!([get("alpha")])).await;
    format!("{first}; the next: {}", end(&next.end))
}

/// A client with a defect.
struct Panicking(ProviderId);

#[async_trait]
impl SecretProvider for Panicking {
    fn id(&self) -> &ProviderId {
        &self.0
    }

    #[expect(clippy::panic, reason = "the defect")]
    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<Fetched, ProviderError> {
        panic!("a defect of a client");
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<Refreshed, ProviderError> {
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
