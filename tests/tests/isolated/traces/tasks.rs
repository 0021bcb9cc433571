//! Tasks of skills that use secrets correctly, carelessly and wrongly.

use std::sync::Arc;
use std::time::Duration;

use far_core::VersionSelector;
use far_core::pal::{EventKind, Outcome, Pal, Receipt, Record, Sink, SinkError};
use far_core::provider::Reference;
use far_core::provider::SecretProvider;
use far_runtime::{Limits, Report, Runtime, Skill, Task};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::traces::canaries::Canaries;
use crate::traces::front::FAULTS;
use crate::traces::renderings::Renderings;
use crate::traces::servers::{MALFORMED, TOKEN_FAULTS};
use crate::traces::world::World;

/// Runs all tasks.
pub(crate) async fn all(world: &World, canaries: &Canaries, renderings: &Renderings) {
    probes(world, canaries, renderings).await;
    sent(world, canaries, renderings).await;
    join_all(
        FAULTS
            .iter()
            .chain(&TOKEN_FAULTS)
            .chain(&["app-no-key", "app-refused"])
            .map(|fault| exchanged(world, fault, renderings)),
    )
    .await;
    renderings.object("exchange", &world.dev);
    renderings.object("exchange", world.dev.metrics());
}

async fn probes(world: &World, canaries: &Canaries, renderings: &Renderings) {
    let get = |name: &str| json!({ "do": "get", "name": name });
    let say = |place: &str, form: &str| json!({ "do": "say", "place": place, "form": form });
    let mut leaking =
        vec![get("alpha"), json!({ "do": "reveal" }), json!({ "do": "sign", "message": "m" }), json!({ "do": "list" })];
    for place in ["log", "print", "eprint", "answer"] {
        leaking.extend(["raw", "hex", "base64", "json", "percent"].map(|form| say(place, form)));
    }
    leaking.push(json!({ "do": "refresh", "name": "alpha" }));
    let revealed =
        |then: Value| vec![get("beta"), json!({ "do": "reveal" }), get("alpha"), json!({ "do": "reveal" }), then];
    // A skill can use its value as a name of a secret, a header or a host.
    let name = canaries.new_word("a-value-for-a-name");
    for (outcome, steps) in [
        (Outcome::Completed, leaking),
        (Outcome::SkillError, revealed(say("fail", "raw"))),
        (Outcome::Trapped, revealed(say("panic", "raw"))),
        (Outcome::ScopeViolation, revealed(get(&name))),
        (Outcome::ScopeViolation, revealed(json!({ "do": "get-version", "name": "gamma", "version": name }))),
        (Outcome::TimedOut, revealed(json!({ "do": "spin" }))),
        (Outcome::Completed, revealed(json!({ "do": "env", "address": format!("{name}:443") }))),
    ] {
        let report = probe(&world.runtime, &world.probe, &steps).await;
        assert_eq!(report.end.outcome(), outcome, "{steps:?}: {report:?}");
        renderings.object("report", &report);
    }
    let failing_pal = Pal::builder().required_sink(Arc::new(FailingSink), Duration::from_secs(5)).build();
    let (runtime, skill) = world.with_log(&failing_pal).await;
    let report = probe(&runtime, &skill, &revealed(say("log", "raw"))).await;
    assert_eq!(report.end.outcome(), Outcome::AuditUnavailable, "{report:?}");
    renderings.object("report", &report);
}

async fn probe(runtime: &Runtime, skill: &Arc<Skill>, steps: &[Value]) -> Report {
    let task = Task::new(skill).with_input(json!({ "steps": steps }).to_string());
    let grants = ["alpha:sign,reveal,refresh", "beta:reveal"];
    let task = grants.into_iter().fold(task, |task, grant| task.with_grant(grant.parse().unwrap()));
    runtime.run(task.with_limits(Limits { timeout: Duration::from_secs(2), ..Limits::default() })).await
}

/// A sink that rejects the records of revealed values.
struct FailingSink;

impl Sink for FailingSink {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        let fails = record.event.kind() == EventKind::SecretRevealed;
        Receipt::Ready(if fails { Err(SinkError::Full) } else { Ok(()) })
    }
}

async fn sent(world: &World, canaries: &Canaries, renderings: &Renderings) {
    let servers = &world.servers;
    let url = |path: &str| format!("{}{path}", servers.open.origin());
    let bearer = |url: String, name: &str| json!({ "method": "GET", "url": url, "bearer": name });
    let shows =
        |url: String| json!({ "method": "GET", "url": url, "headers": [["far-client-certificate", "{identity}"]] });
    let mut requests = vec![
        bearer(url("/echo"), "sealed"),
        json!({ "method": "GET", "url": url("/echo"), "basic": ["user", "sealed"] }),
        json!({ "method": "GET", "url": url("/echo"), "headers": [["x-api-key", "{sealed}"]] }),
        json!({ "method": "GET", "url": url("/echo?key={sealed}") }),
        bearer(url("/echo"), "oauth"),
        bearer(url("/echo"), "app"),
        bearer(url("/echo"), "stored"),
        json!({ "method": "GET", "url": url("/echo"), "signed": ["hs", { "scope": "a" }] }),
        bearer(url("/redirect"), "sealed"),
        shows(format!("{}/", servers.mutual.origin())),
    ];
    let valid_count = requests.len();
    requests.extend(MALFORMED.map(|path| bearer(url(&format!("/{path}")), "sealed")));
    requests.push(bearer(format!("{}/", servers.mutual.origin()), "sealed"));
    requests.push(bearer(format!("{}/", servers.unknown.origin()), "sealed"));
    requests.push(bearer(format!("https://localhost:{}/", servers.closed_port), "sealed"));
    requests.push(shows(format!("{}/", servers.unknown.origin())));
    // A skill's own data goes to destinations for requests without secrets.
    let own_value = canaries.new_word("of-the-skills-own");
    for (headers, path) in [
        (json!([[own_value, "x"]]), "/own".to_owned()),
        (json!([["x-own", own_value]]), "/own".to_owned()),
        (json!([["authorization", format!("Bearer {own_value}")]]), format!("/own/{own_value}?own={own_value}")),
    ] {
        requests.push(json!({ "method": "POST", "url": url(&path), "headers": headers, "body": own_value }));
    }
    requests.push(json!({ "method": "GET", "url": format!("https://{own_value}.example/") }));
    requests.push(json!({ "method": own_value, "url": url("/own") }));

    let secrets = ["sealed", "identity", "oauth", "app", "stored"];
    for (index, request) in requests.iter().enumerate() {
        let report = send(world, &secrets, request).await;
        let answers = far_tests::egress_fixture::answers(&report);
        let status = answers.first().map(|answer| answer["status"].clone()).unwrap_or_default();
        assert!(index >= valid_count || status == json!(200) || status == json!(302), "{request}: {report:?}");
        renderings.object("report", &report);
    }
    for request in [
        bearer("https://localhost:1/".to_owned(), "sealed"),
        json!({ "method": "POST", "url": url("/"), "body": "{sealed}" }),
        json!({ "method": "GET", "url": url("/"), "signed": ["hs", { "aud": "anyone" }] }),
    ] {
        let report = send(world, &secrets, &request).await;
        assert_eq!(report.end.outcome(), Outcome::ScopeViolation, "{request}: {report:?}");
        renderings.object("report", &report);
    }
}

async fn send(world: &World, secrets: &[&str], request: &Value) -> Report {
    let input = json!({ "secrets": secrets, "requests": [request] });
    let task = Task::new(&world.sender).with_input(input.to_string());
    let open = format!("{}/", world.servers.open.origin()).parse().unwrap();
    let task = world.grants.iter().cloned().fold(task, Task::with_grant).with_egress(open);
    world.runtime.run(task.with_limits(Limits { timeout: Duration::from_secs(20), ..Limits::default() })).await
}

/// Exchanges a key, which must fail.
async fn exchanged(world: &World, fault: &str, renderings: &Renderings) {
    renderings.failed(fault, world.dev.get_secret(&Reference::new(fault), &VersionSelector::Current).await);
}
