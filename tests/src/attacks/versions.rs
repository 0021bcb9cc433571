//! Revoked, rotated and stale versions.

use std::time::Duration;

use far_core::pal::EventKind;
use far_core::provider::{ProviderError, Reference};
use far_core::{SecretName, Version};
use far_runtime::End;
use serde_json::{Value, json};

use super::Case;
use super::summary::{describe_end, get, sign, sleep};
use super::trial::Trial;
use crate::host::Parts;
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "14-revoked-while-held",
            description: "a handle held across a revocation",
            attack: Trial::new("completed [ok, ok, revoked]", || revoked("alpha")),
            twin: Trial::new("completed [ok, ok, ok]", || revoked("beta")),
        },
        Case {
            id: "15-rotated-while-held",
            description: "a mix of two versions, by holding a handle across a rotation",
            // No mutation: the bytes of a version are never overwritten, so no code could mix them.
            attack: Trial::new("one, one, other", || rotated(true)),
            twin: Trial::new("one, one, one", || rotated(false)),
        },
        Case {
            id: "16-expired",
            description: "an expired value with stale-if-error, while the backend answers",
            attack: Trial::new("completed [ok, ok, expired]", || held(None)),
            twin: Trial::new("completed [ok, ok, ok, ok], recorded as stale", || held(Some(LONG))),
        },
        Case {
            id: "16-beyond-stale-bound",
            description: "a stale value beyond its stale-if-error bound",
            attack: Trial::new("completed [ok, ok, unavailable, expired]", || held(Some(SHORT))),
            twin: Trial::new("completed [ok, ok, ok, ok], recorded as stale", || held(Some(LONG))),
        },
    ]
}

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(60);

async fn revoked(name: &str) -> String {
    let host = TestHost::new();
    let steps = json!({ "steps": [get("alpha"), sleep(500), sign()] });
    let task = host.task(guests::PROBE, &["alpha:sign"], &steps).await;
    let running = host.spawn_until(task, EventKind::SecretInjected).await;
    host.runtime.revoke(&SecretName::parse(name).unwrap()).await;
    describe_end(&running.await.unwrap().end)
}

/// Returns the key of each signature, while the secret is perhaps rotated and refreshed.
async fn rotated(rotate: bool) -> String {
    let host = TestHost::new();
    let steps = json!({ "steps": [get("alpha"), sign(), sleep(500), sign(), get("alpha"), sign()] });
    let task = host.task(guests::PROBE, &["alpha:sign"], &steps).await;
    let running = host.spawn_until(task, EventKind::SecretSigned).await;
    if rotate {
        let (alpha, version) = (SecretName::parse("alpha").unwrap(), Version::parse("2").unwrap());
        host.provider.set(&Reference::named(&alpha), &version, b"alpha-canary-of-another-version").unwrap();
        host.runtime.refresh(&alpha).await;
    }
    let report = running.await.unwrap();
    let End::Completed(output) = &report.end else { return describe_end(&report.end) };
    let steps: Vec<Value> = serde_json::from_slice(output).unwrap_or_default();
    let signatures: Vec<_> = steps.iter().filter_map(|step| step.pointer("/ok/signature")).collect();
    let named = signatures.iter().map(|one| if Some(one) == signatures.first() { "one" } else { "other" });
    named.collect::<Vec<_>>().join(", ")
}

/// Holds a handle beyond the value's expiry. With `stale`, the backend fails before the expiry.
async fn held(stale: Option<Duration>) -> String {
    let parts = Parts {
        entry: Box::new(move |entry| {
            entry.ttl = Duration::from_millis(200);
            entry.stale = stale.unwrap_or(LONG);
        }),
        ..Parts::default()
    };
    let host = TestHost::of(parts);
    let mut steps = vec![get("alpha"), sleep(800)];
    steps.extend(stale.map(|_| get("alpha")));
    steps.push(sign());
    let task = host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await;
    let running = host.spawn_until(task, EventKind::SecretInjected).await;
    if stale.is_some() {
        host.provider.fail_with(Some(ProviderError::Unavailable));
    }
    let seen = describe_end(&running.await.unwrap().end);
    let is_stale = host.events.records().iter().any(|record| {
        record.event.cache().is_some_and(|cache| serde_json::to_value(cache).is_ok_and(|cache| cache == "stale"))
    });
    if is_stale { format!("{seen}, recorded as stale") } else { seen }
}
