//! Attempts beyond the task's capability.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use far_core::broker::{AccessError, Broker, BrokerSettings, Session};
use far_core::capability::{Capability, Catalog, DeclaredSecret, Grant, Scope};
use far_core::pal::{EventKind, Pal};
use far_core::provider::Reference;
use far_core::{SkillDigest, TaskContext};
use far_providers::MemoryProvider;
use serde_json::{Value, json};

use super::Case;
use super::summary::{describe_end, get, go_on, probe, revealing_probe, sign, sleep, summarize};
use super::trial::Trial;
use crate::host::{Parts, SECRETS, results};
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = beyond();
    cases.extend(identity());
    cases
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn beyond() -> Vec<Case> {
    vec![
        Case {
            id: "01-undeclared-name",
            description: "a granted secret that the skill did not declare",
            attack: Trial::new("scope-violation undeclared, 0 calls", || {
                probe(&["alpha:sign", "gamma:sign"], json!([get("gamma"), go_on()]))
            }),
            twin: Trial::new("completed [ok, ok], 1 call", || {
                probe(&["alpha:sign", "gamma:sign"], json!([get("alpha"), go_on()]))
            }),
        },
        Case {
            id: "01-ungranted-name",
            description: "a declared secret without a grant",
            attack: Trial::new("scope-violation ungranted, 0 calls", || probe(&["beta:sign"], json!([get("alpha")]))),
            twin: Trial::new("completed [ok], 1 call", || probe(&["alpha:sign"], json!([get("alpha")]))),
        },
        Case {
            id: "01-no-declaration",
            description: "a secret used by a component without a declaration",
            attack: Trial::new("scope-violation undeclared, 0 calls", || both(guests::UNDECLARED)),
            twin: Trial::new("completed, 2 calls", || both(guests::REQUIRED)),
        },
        Case {
            id: "02-another-skills-secret",
            description: "a secret that the operator permits to another skill only",
            attack: Trial::new("scope-violation not-permitted, 0 calls", || permitted_to(b"another skill")),
            twin: Trial::new("completed [ok], 1 call", || {
                permitted_to(Box::leak(std::fs::read(guests::PROBE).unwrap().into_boxed_slice()))
            }),
        },
        Case {
            id: "02-another-tasks-value",
            description: "the value that another task fetched for itself",
            attack: Trial::new("2 values for 2 tasks", || shared(Scope::Task)),
            twin: Trial::new("1 values for 2 tasks", || shared(Scope::Skill)),
        },
        Case {
            id: "02-another-tasks-id",
            description: "a second task with the id of a running one, to share its values",
            attack: Trial::new("refused running", || second_task("task-1")),
            twin: Trial::new("completed [ok]", || second_task("task-2")),
        },
        Case {
            id: "02-operation",
            description: "an ungranted operation on a granted handle",
            attack: Trial::new("scope-violation operation, 1 call", || {
                revealing_probe(&["alpha:sign", "beta:reveal"], json!([get("alpha"), { "do": "reveal" }, go_on()]))
            }),
            twin: Trial::new("completed [ok, ok, ok], 1 call", || {
                revealing_probe(
                    &["alpha:sign,reveal", "beta:reveal"],
                    json!([get("alpha"), { "do": "reveal" }, go_on()]),
                )
            }),
        },
        Case {
            id: "02-version",
            description: "an old version, with a grant for the current one",
            attack: Trial::new("scope-violation version, 0 calls", || {
                probe(&["alpha:sign"], json!([{ "do": "get-version", "name": "alpha", "version": "1" }]))
            }),
            twin: Trial::new("completed [ok], 1 call", || probe(&["alpha:sign"], json!([get("alpha")]))),
        },
        Case {
            id: "02-uses",
            description: "more uses than granted",
            attack: Trial::new("completed [ok, ok, ok, exhausted], 1 call", || uses(2)),
            twin: Trial::new("completed [ok, ok, ok, ok], 1 call", || uses(3)),
        },
        Case {
            id: "13-grant-over",
            description: "a use after the grant's expiry",
            attack: Trial::new("completed [ok, ok, expired], 1 call", || granted_for(Duration::from_secs(1))),
            twin: Trial::new("completed [ok, ok, ok], 1 call", || granted_for(Duration::from_secs(60))),
        },
        Case {
            id: "05-wildcard-grant",
            description: "a grant of everything",
            attack: Trial::new("refused", || grant("*:sign")),
            twin: Trial::new("a grant of alpha", || grant("alpha:sign")),
        },
        Case {
            id: "05-empty-grant",
            description: "a grant without operations",
            attack: Trial::new("refused", || grant("alpha:")),
            twin: Trial::new("a grant of alpha", || grant("alpha:sign")),
        },
        Case {
            id: "06-existence",
            description: "probing whether a secret exists, by answer, calls or events",
            attack: Trial::new("alike: scope-violation undeclared, 0 calls", || alike(["gamma", "no-such-secret"])),
            twin: Trial::new("not alike", || alike(["alpha", "no-such-secret"])),
        },
        Case {
            id: "10-retry",
            description: "another use after a swallowed violation",
            attack: Trial::new("stopped, stopped, 0 calls", || after("gamma")),
            twin: Trial::new("ok, ok, 1 calls", || after("alpha")),
        },
    ]
}

fn identity() -> Vec<Case> {
    vec![
        Case {
            id: "02-another-tenants-value",
            description: "another tenant's secret of the same name, by an agent that runs the same skill",
            attack: Trial::new("own value", || tenants("one-tenants-value", "other-tenants-value")),
            twin: Trial::new("same value", || tenants("one-tenants-value", "one-tenants-value")),
        },
        Case {
            id: "03-own-identity",
            description: "records under an identity that the guest forges",
            attack: Trial::new("t-mine of test-agent", || identity_of(r#"{"task_id":"t-other","agent_id":"root"}"#)),
            twin: Trial::new("t-mine of test-agent", || identity_of("")),
        },
    ]
}

async fn both(guest: &str) -> String {
    let host = TestHost::new();
    let report = host.run(guest, &["alpha:sign", "beta:sign"], &json!({})).await;
    summarize(&host, &report)
}

async fn permitted_to(skill: &'static [u8]) -> String {
    let digest = SkillDigest::of(skill);
    let host =
        TestHost::of(Parts { entry: Box::new(move |entry| entry.skills = Some(vec![digest])), ..Parts::default() });
    super::summary::probe_on(&host, guests::PROBE, &["alpha:sign"], json!([get("alpha")])).await
}

async fn shared(scope: Scope) -> String {
    let host = TestHost::of(Parts { entry: Box::new(move |entry| entry.scope = scope.clone()), ..Parts::default() });
    for _ in 0..2 {
        host.probe(guests::PROBE, &["alpha:sign"], json!([get("alpha")])).await;
    }
    format!("{} values for 2 tasks", host.provider.calls())
}

async fn second_task(id: &str) -> String {
    let host = TestHost::new();
    let steps = json!({ "steps": [get("alpha"), sleep(60_000)] });
    let first = host.task(guests::PROBE, &["alpha:sign"], &steps).await.with_id("task-1".parse().unwrap());
    let running = host.spawn_until(first, EventKind::SecretInjected).await;
    let steps = json!({ "steps": [get("alpha")] });
    let second = host.task(guests::PROBE, &["alpha:sign"], &steps).await.with_id(id.parse().unwrap());
    let seen = describe_end(&host.runtime.run(second).await.end);
    running.abort();
    seen
}

async fn with_grant(grant: Grant, steps: Value) -> String {
    let host = TestHost::new();
    let task = host.task(guests::PROBE, &[], &json!({ "steps": steps })).await.with_grant(grant);
    summarize(&host, &host.runtime.run(task).await)
}

async fn uses(most: u32) -> String {
    let grant: Grant = "alpha:sign".parse().unwrap();
    with_grant(grant.with_max_uses(NonZeroU32::new(most).unwrap()), json!([get("alpha"), sign(), sign(), sign()])).await
}

async fn granted_for(time: Duration) -> String {
    let grant: Grant = "alpha:sign".parse().unwrap();
    let sleep = sleep(time.as_millis().min(1000) as u64 + 100);
    with_grant(grant.with_expiry(time), json!([get("alpha"), sleep, sign()])).await
}

async fn grant(text: &str) -> String {
    text.parse::<Grant>().map_or("refused".to_owned(), |grant| format!("a grant of {}", grant.secret()))
}

async fn alike(names: [&'static str; 2]) -> String {
    let mut seen = Vec::new();
    for name in names {
        let host = TestHost::new();
        let report = host.probe(guests::PROBE, &["alpha:sign"], json!([get(name), go_on()])).await;
        seen.push((summarize(&host, &report), host.kinds()));
    }
    if seen[0] == seen[1] { format!("alike: {}", seen[0].0) } else { "not alike".to_owned() }
}

/// Starts a session with one grant and that secret's default value. It has no component, because a
/// component does not run on after a violation.
pub(super) async fn session(broker: &Arc<Broker>, provider: &MemoryProvider, task: &str, grant: &Grant) -> Session {
    let value = SECRETS.iter().find(|(name, _)| *name == grant.secret().as_str()).unwrap().1;
    session_of(broker, provider, (task, grant), grant, value.as_bytes()).await
}

/// Starts a session with this value, of a skill that declares the secret like `declared`.
pub(super) async fn session_of(
    broker: &Arc<Broker>,
    provider: &MemoryProvider,
    (task, declared_as): (&str, &Grant),
    grant: &Grant,
    value: &[u8],
) -> Session {
    provider.set(&Reference::named(grant.secret()), &"1".parse().unwrap(), value).unwrap();
    let catalog = Arc::new(Catalog::of_grants(std::slice::from_ref(grant), &"memory".parse().unwrap()).unwrap());
    let (name, terms) = (declared_as.secret().clone(), declared_as.terms().clone());
    let declared = [DeclaredSecret { name, terms, reason: String::new(), optional: false }];
    let (skill_digest, now) = (SkillDigest::of(b"skill"), Instant::now());
    let context = TaskContext {
        task_id: task.parse().unwrap(),
        agent_id: "agent".parse().unwrap(),
        skill: None,
        skill_digest,
        capability: Capability::new(&declared, std::slice::from_ref(grant), &catalog, &skill_digest, now).unwrap(),
        egress: Vec::new(),
        listed: Vec::new(),
        records: u64::MAX,
        deadline: now + Duration::from_secs(60),
    };
    let session = broker.admit(context).await.unwrap();
    session.start().await.unwrap();
    session
}

async fn after(name: &str) -> String {
    let provider = Arc::new(MemoryProvider::new("memory".parse().unwrap()));
    let broker = Broker::new([provider.clone() as _], Pal::builder().build(), BrokerSettings::default()).unwrap();
    let session = session(&broker, &provider, "task", &"alpha:sign".parse().unwrap()).await;
    let mut seen = String::new();
    for name in [name, "alpha"] {
        seen += match session.get(name, None).await {
            Ok(_) => "ok, ",
            Err(AccessError::Stopped(_)) => "stopped, ",
            Err(AccessError::Secret(_)) => "an error, ",
        };
    }
    format!("{seen}{} calls", provider.calls())
}

async fn tenants(one: &'static str, other: &'static str) -> String {
    let mut seen = Vec::new();
    for value in [one, other] {
        let secrets: &'static [_] = Box::leak(Box::new([("alpha", value)]));
        let host = TestHost::of(Parts { secrets, ..Parts::default() });
        let report =
            host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], json!([get("alpha"), { "do": "reveal" }])).await;
        seen.push(results(&report)[1]["ok"]["sha256"].clone());
    }
    if seen[0] == seen[1] { "same value" } else { "own value" }.to_owned()
}

async fn identity_of(text: &str) -> String {
    let host = TestHost::new();
    let steps = json!({ "steps": [
        { "do": "log", "level": "info", "message": text },
        { "do": "print", "text": format!("{text}\n") },
        get("alpha"),
        { "do": "identity" },
    ] });
    let task = host.task(guests::PROBE, &["alpha:sign"], &steps).await.with_id("t-mine".parse().unwrap());
    let report = host.runtime.run(task).await;
    let identity = &results(&report)[3]["ok"];
    let records = host.events.records();
    let all_mine = records.iter().all(|record| {
        record.subject.task_id.as_ref().is_some_and(|id| id.as_str() == "t-mine")
            && record.subject.agent_id.as_str() == "test-agent"
    });
    if identity != &json!({ "task-id": "t-mine", "agent-id": "test-agent" }) || !all_mine {
        return "another".to_owned();
    }
    "t-mine of test-agent".to_owned()
}
