//! Runs the examples: a store of the embedder, and a custom backend.

#![expect(clippy::disallowed_methods, reason = "tests of a backend call it themselves")]
#![expect(clippy::panic, clippy::unwrap_used, reason = "a missing value fails the test")]

#[allow(dead_code, reason = "the example's own main")]
#[path = "../examples/http_json.rs"]
pub mod http_json;
#[allow(dead_code, reason = "the example's own main")]
#[path = "../examples/own_store.rs"]
pub mod own_store;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use far_core::broker::probe;
use far_core::provider::{ProviderError, Reference, SecretProvider};
use far_core::{Version, VersionSelector};
use far_runtime::capability::DenyReason;
use far_runtime::embed::{EmbeddedSkill, OpenError};
use far_runtime::pal::{EventKind, MemorySink, Outcome, Record};
use far_runtime::{End, Grant, Limits, Refusal, Report, Runtime, Task};
use far_servers::Authority;
use far_servers::https::{Https, ReceivedRequest, Reply};
use far_tests::guests;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use wasmtime::{Store, Trap};

use self::own_store::{Host, State};

const VALUE: &str = "alpha-canary-7f3a91";

/// An embedder's program, and its recorded events.
struct Program {
    host: Host,
    runtime: Arc<Runtime>,
    grant: Grant,
    events: Arc<MemorySink>,
    _env: NamedTempFile,
}

impl Program {
    fn new(grant: &str) -> Self {
        let mut env = NamedTempFile::new().unwrap();
        writeln!(env, "alpha={VALUE}").unwrap();
        let (events, grant) = (MemorySink::new(), grant.parse().unwrap());
        let runtime = own_store::runtime(env.path(), &grant, events.clone()).unwrap();
        Self { host: Host::new().unwrap(), runtime, grant, events, _env: env }
    }

    async fn run(&self, guest: &str, steps: Value) -> Report {
        let input = json!({ "steps": steps }).to_string();
        let component = std::fs::read(guest).unwrap();
        self.host.run(&self.runtime, component, self.grant.clone(), input.as_bytes()).await.unwrap()
    }

    async fn load(&self, guest: &str) -> Arc<EmbeddedSkill> {
        self.runtime.load_for(&self.host.engine, std::fs::read(guest).unwrap()).await.unwrap()
    }

    fn task(&self, skill: &Arc<EmbeddedSkill>) -> Task<EmbeddedSkill> {
        Task::new(skill).with_grant(self.grant.clone())
    }

    async fn call(&self, store: &mut Store<State>, skill: &EmbeddedSkill, steps: Value) -> wasmtime::Result<Vec<u8>> {
        let instance = self.host.linker.instantiate_async(&mut *store, skill.component()).await?;
        let run = instance.get_typed_func::<(Vec<u8>,), (Result<Vec<u8>, String>,)>(&mut *store, "run")?;
        let input = json!({ "steps": steps }).to_string();
        let (result,) = run.call_async(&mut *store, (input.into_bytes(),)).await?;
        Ok(result.unwrap())
    }

    fn last(&self, kind: EventKind) -> Arc<Record> {
        self.events.records().into_iter().rev().find(|record| record.event.kind() == kind).unwrap()
    }
}

/// Moves the data into a new store, which did not trap.
fn renewed(store: Store<State>, program: &Program) -> Store<State> {
    let mut store = Store::new(&program.host.engine, store.into_data());
    store.set_epoch_deadline(1_000_000);
    store
}

fn get(name: &str) -> Value {
    json!({ "do": "get", "name": name })
}

fn results(report: &Report) -> Value {
    let End::Completed(output) = &report.end else { panic!("{:?}", report.end) };
    serde_json::from_slice(output).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn own_store_runs_skill() {
    let program = Program::new("alpha:sign");
    let report = program.run(guests::PROBE, json!([get("alpha"), { "do": "sign", "message": "m" }])).await;
    assert!(results(&report)[1]["ok"]["signature"].is_string());
    assert_eq!(report.provider_calls, 1);
    let expected = [
        EventKind::TaskAdmitted,
        EventKind::TaskStarted,
        EventKind::SecretRequested,
        EventKind::SecretFetched,
        EventKind::SecretInjected,
        EventKind::SecretSigned,
        EventKind::SecretWiped,
        EventKind::TaskFinished,
    ];
    assert_eq!(program.events.kinds(), expected);
    assert_eq!(program.last(EventKind::TaskFinished).event.outcome(), Some(Outcome::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn own_store_redacts_output_and_log() {
    let program = Program::new("alpha:reveal");
    let steps = json!([get("alpha"), { "do": "leak" }, { "do": "print", "text": format!("<{VALUE}>\n") }]);
    let report = program.run(guests::PROBE_REVEALING, steps).await;
    assert_eq!(results(&report)[1]["ok"]["value"], "[redacted:alpha]");
    assert_eq!(report.log[0].text, "<[redacted:alpha]>\n");
    assert_eq!(program.last(EventKind::OutputRedacted).event.count(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn violation_traps_and_is_recorded() {
    let program = Program::new("alpha:sign");
    let report = program.run(guests::PROBE, json!([get("gamma")])).await;
    let End::Violation(violation) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(violation.reason, DenyReason::Undeclared);
    assert_eq!(report.provider_calls, 0);
    assert_eq!(program.last(EventKind::SecretDenied).event.outcome(), Some(Outcome::ScopeViolation));
    assert_eq!(program.last(EventKind::TaskFinished).event.outcome(), Some(Outcome::ScopeViolation));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_after_violation_trap() {
    let program = Program::new("alpha:sign");
    let skill = program.load(guests::PROBE).await;
    let (task, far) = program.runtime.open_task(&program.task(&skill)).await.unwrap();
    let mut store = program.host.store(&task, far);
    task.start().await.unwrap();
    program.call(&mut store, &skill, json!([{ "do": "identity" }])).await.unwrap();
    let violated = task.drive(program.call(&mut store, &skill, json!([get("gamma")]))).await;
    assert!(violated.is_err());
    // The engine does not enter a store again after a trap. A new store is the worst case.
    let mut store = renewed(store, &program);
    for step in [json!({ "do": "identity" }), get("alpha"), json!({ "do": "log", "level": "info", "message": "m" })] {
        let error = program.call(&mut store, &skill, json!([step])).await.unwrap_err();
        assert!(error.root_cause().to_string().starts_with("scope violation"), "{error:?}");
        store = renewed(store, &program);
    }
    // The embedder's result does not hide the violation.
    let report = task.finish(Ok(Ok(b"all is well".to_vec()))).await;
    assert!(matches!(report.end, End::Violation(_)), "{:?}", report.end);
}

#[tokio::test(flavor = "multi_thread")]
async fn use_before_start_is_violation() {
    let program = Program::new("alpha:sign");
    let skill = program.load(guests::PROBE).await;
    let (task, far) = program.runtime.open_task(&program.task(&skill)).await.unwrap();
    let mut store = program.host.store(&task, far);
    let result = program.call(&mut store, &skill, json!([get("alpha")])).await;
    drop(store);
    let report = task.finish(result.map(Ok)).await;
    let End::Violation(violation) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!(violation.reason, DenyReason::OutsideRun);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_task_ends() {
    let program = Program::new("alpha:sign");
    let skill = program.load(guests::PROBE).await;
    let (task, far) = program.runtime.open_task(&program.task(&skill)).await.unwrap();
    let mut store = program.host.store(&task, far);
    task.start().await.unwrap();
    program.call(&mut store, &skill, json!([get("alpha")])).await.unwrap();
    drop(task);
    assert_eq!(program.last(EventKind::TaskFinished).event.outcome(), Some(Outcome::Cancelled));
    assert!(program.events.kinds().contains(&EventKind::SecretWiped));
    let error = program.call(&mut store, &skill, json!([{ "do": "identity" }])).await.unwrap_err();
    assert_eq!(error.root_cause().to_string(), "the task has ended");
    assert_eq!(program.events.kinds().last(), Some(&EventKind::TaskFinished));
}

/// Sends a request with a task's hooks. Returns true if it succeeds.
async fn sends(store: &mut Store<State>) -> bool {
    let body = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
    let request = http::Request::builder().uri("https://open.example.com/a").body(body).unwrap();
    let sending = store.data_mut().far.http_hooks().send_request(request, None, Box::new(async { Ok(()) }));
    Box::into_pin(sending).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_after_end_are_refused() {
    let program = Program::new("alpha:sign");
    let skill = program.load(guests::PROBE).await;
    let (task, far) = program.runtime.open_task(&program.task(&skill)).await.unwrap();
    let mut store = program.host.store(&task, far);
    task.start().await.unwrap();
    drop(task);
    assert!(!sends(&mut store).await);
    assert_eq!(program.events.kinds().last(), Some(&EventKind::TaskFinished));

    let limits = Limits { timeout: Duration::from_millis(100), ..Limits::default() };
    let task = program.task(&skill).with_limits(limits);
    let (task, far) = program.runtime.open_task(&task).await.unwrap();
    let mut store = program.host.store(&task, far);
    task.start().await.unwrap();
    tokio::time::sleep_until(task.deadline()).await;
    assert!(!sends(&mut store).await);
    assert_eq!(program.events.kinds().last(), Some(&EventKind::TaskStarted));
    drop(store);
    assert_eq!(task.finish(Ok(Ok(Vec::new()))).await.end, End::TimedOut);
    assert!(!program.events.kinds().contains(&EventKind::SecretDenied));
}

#[tokio::test(flavor = "multi_thread")]
async fn deadline_ends_guest_and_calls() {
    let program = Program::new("alpha:sign");
    let skill = program.load(guests::PROBE).await;
    let limits = Limits { timeout: Duration::from_millis(300), ..Limits::default() };
    let task = program.task(&skill).with_limits(limits);
    let (task, far) = program.runtime.open_task(&task).await.unwrap();
    let mut store = program.host.store(&task, far);
    task.start().await.unwrap();
    let result = task.drive(program.call(&mut store, &skill, json!([{ "do": "spin" }]))).await;
    let mut store = renewed(store, &program);
    let late = program.call(&mut store, &skill, json!([get("alpha")])).await.unwrap_err();
    assert_eq!(late.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    drop(store);
    assert_eq!(task.finish(result.map(Ok)).await.end, End::TimedOut);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_task_is_recorded() {
    let program = Program::new("alpha:sign");
    let skill = program.load(guests::PROBE_REVEALING).await;
    let refused = program.runtime.open_task(&program.task(&skill)).await.unwrap_err();
    assert_eq!(refused, OpenError::Refused(Refusal::Reveal));
    assert_eq!(program.events.kinds(), [EventKind::TaskRefused]);
}

/// Serves one secret.
fn respond(request: &ReceivedRequest) -> Reply {
    let body = |version: &str| {
        json!({ "version": version, "data": "YWxwaGEtY2FuYXJ5LTdmM2E5MQ==", "ttl": 60 }).to_string().into_bytes()
    };
    match request.target.as_str() {
        "/v1/secrets/alpha/versions/latest" | "/v1/secrets/alpha/versions/7" => Reply::new(200, body("7")),
        "/v1/secrets" => Reply::new(200, *br#"{ "names": ["alpha"] }"#),
        "/v1/secrets/long/versions/latest" => Reply::new(200, vec![b' '; 1 << 20]),
        "/v1/secrets/odd/versions/latest" => Reply::new(200, *br#"{ "version": "7" }"#),
        "/v1/secrets/a%2Fb/versions/latest" => Reply::new(403, ""),
        _ => Reply::new(404, ""),
    }
}

fn service() -> (Https, reqwest::Url, reqwest::Client) {
    let authority = Authority::new();
    let server = Https::start(&authority, "localhost", Arc::new(respond)).unwrap();
    let url = format!("https://localhost:{}/v1", server.port()).parse().unwrap();
    let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    (server, url, http_json::client().tls_certs_only([certificate]).build().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn http_backend_serves_task() {
    let (server, url, client) = service();
    let (events, grant): (_, Grant) = (MemorySink::new(), "alpha:reveal".parse().unwrap());
    let runtime = http_json::runtime(url, client, &grant, events.clone()).unwrap();
    let skill = runtime.load(std::fs::read(guests::PROBE_REVEALING).unwrap()).await.unwrap();
    let input = json!({ "steps": [get("alpha"), { "do": "reveal" }] }).to_string();
    let report = runtime.run(Task::new(&skill).with_grant(grant).with_input(input)).await;
    assert_eq!(results(&report)[1]["ok"]["sha256"], hex::encode(Sha256::digest(VALUE)));
    assert_eq!(server.arrived().len(), 1);
    assert!(events.kinds().contains(&EventKind::SecretFetched));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_backend_maps_responses() {
    let (_server, url, client) = service();
    let provider = http_json::HttpJson::new("service".parse().unwrap(), url, client);
    assert_eq!(probe(&provider).await.unwrap(), [Reference::new("alpha")]);
    for (name, expected) in [
        ("none", ProviderError::NotFound),
        ("a/b", ProviderError::Denied),
        ("odd", ProviderError::Invalid),
        ("long", ProviderError::TooLarge),
    ] {
        let error = provider.get_secret(&Reference::new(name), &VersionSelector::Current).await.err();
        assert_eq!(error, Some(expected), "{name}");
    }
    let exactly = VersionSelector::Exactly(Version::parse("7").unwrap());
    let fetched = provider.get_secret(&Reference::new("alpha"), &exactly).await.unwrap();
    assert_eq!(fetched.value.expose(), VALUE.as_bytes());
}
