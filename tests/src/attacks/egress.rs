//! Requests: to where none may go, with a secret where none may stand, and what servers send back.

use std::sync::Arc;

use far_core::broker::{Broker, BrokerSettings, EgressError, Stop};
use far_core::capability::{Placement, Target};
use far_core::memory::SecretBytes;
use far_core::pal::{EventKind, Outcome, Pal, Reason};
use far_providers::MemoryProvider;
use far_runtime::{Egress, End, Report};
use serde_json::{Value, json};

use super::Case;
use super::scope::session;
use super::told::end;
use super::trial::Trial;
use crate::place::{Place, answers};
use crate::server::{Answer, Authority, Server, ok};
use crate::{TestHost, guests};

/// What the other server of a trial, which the task was granted nothing of, is told when it is told anything.
const VALUE: &str = "alpha-canary-7f3a91";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = destinations();
    cases.extend(placements());
    cases.extend(answered());
    cases
}

fn destinations() -> Vec<Case> {
    vec![
        Case {
            id: "29-other-server",
            what: "a sealed token towards a server that nobody granted",
            attack: Trial::new("scope-violation destination; arrived: nothing", || to_another(true)),
            twin: Trial::new("completed 200; arrived: the secret", || to_another(false)),
        },
        Case {
            id: "29-without-a-secret",
            what: "a request without a secret to where the task may send none",
            attack: Trial::new("completed Denied; arrived: nothing", || without("/other")),
            twin: Trial::new("completed 200; arrived: a request", || without("/open/a")),
        },
        Case {
            id: "29-hidden-dots",
            what: "a path that some servers take for one outside of where the task may send",
            attack: Trial::new("completed Invalid; arrived: nothing", || without("/open/..%2fother")),
            twin: Trial::new("completed 200; arrived: a request", || without("/open/a%2fb")),
        },
        Case {
            id: "30-address",
            what: "a name that the task may send to, of an address that is not public",
            attack: Trial::new("completed Address; connections: 0", || address("localhost", false)),
            twin: Trial::new("completed 200; connections: 1", || address("localhost", true)),
        },
        Case {
            id: "30-literal-address",
            what: "an address that is not public, without a name",
            attack: Trial::new("completed Address; connections: 0", || address("127.0.0.1", false)),
            twin: Trial::new("completed 200; connections: 1", || address("127.0.0.1", true)),
        },
        Case {
            id: "32-redirect",
            what: "a server that sends a request with a secret on to another",
            attack: Trial::new("completed 307; arrived: the secret; at the other: nothing", || redirected(true)),
            twin: Trial::new("completed 200; arrived: the secret; at the other: nothing", || redirected(false)),
        },
        Case {
            id: "34-plain-http",
            what: "a sealed token over plain http",
            attack: Trial::new("scope-violation destination; arrived: nothing", || plain(true)),
            twin: Trial::new("completed 200; arrived: the secret", || plain(false)),
        },
    ]
}

fn placements() -> Vec<Case> {
    let case = |id, what, request: fn(&Place) -> Value| Case {
        id,
        what,
        attack: Trial::new("scope-violation placement; arrived: nothing", move || sent(fine(), request)),
        twin: Trial::new("completed 200; arrived: the secret", || {
            sent(fine(), |place| json!({ "url": place.url("/open"), "bearer": "alpha", "body": "text" }))
        }),
    };
    vec![
        case("40-body", "a sealed token in a body", |place| json!({ "url": place.url("/open"), "body": "t={alpha}" })),
        case(
            "40-header",
            "a sealed token in another header",
            |place| json!({ "url": place.url("/open"), "headers": [["x-token", "{alpha}"]] }),
        ),
        case("40-path", "a sealed token in a path", |place| json!({ "url": place.url("/open/{alpha}") })),
        case("40-query", "a sealed token in a query", |place| json!({ "url": place.url("/open?t={alpha}") })),
        Case {
            id: "40-trailer",
            what: "a sealed token in a trailer",
            attack: Trial::new("scope-violation placement; arrived: nothing", || trailing(true)),
            twin: Trial::new("completed 200; arrived: the secret", || trailing(false)),
        },
        case(
            "39-two-headers",
            "a sealed token in one of two authorization headers",
            |place| json!({ "url": place.url("/open"), "bearer": "alpha", "headers": [["authorization", "x"]] }),
        ),
        Case {
            id: "39-other-path",
            what: "headers that have a server take another method, host or path than was decided on",
            attack: Trial::new("completed 200; with the secret: x-kept", || beside(&OVERRIDES)),
            twin: Trial::new("completed 200; with the secret: x-kept, x-other", || beside(&["x-kept", "x-other"])),
        },
    ]
}

/// Of those that servers know, each kind; and one that says nothing to them.
const OVERRIDES: [&str; 5] = ["x-http-method-override", "x-original-url", "x_forwarded_host", "x-kept", "forwarded"];

fn answered() -> Vec<Case> {
    vec![
        Case {
            id: "36-coded",
            what: "a granted server that sends back what it was sent in a coding in which no value is found",
            attack: Trial::new("completed Protocol; arrived: the secret", || coded("x-reversed")),
            twin: Trial::new("completed 200; arrived: the secret", || coded("identity")),
        },
        Case {
            id: "36-echo",
            what: "a granted server that sends back what it was sent, to a guest that looks through its memory",
            attack: Trial::new("completed; in the guest's memory: no", || echoed("alpha-canary-7f3a91")),
            // A header that is always there, and no secret.
            twin: Trial::new("completed; in the guest's memory: yes", || echoed("authorization: Bearer ")),
        },
        Case {
            id: "08-foreign-token",
            what: "a sealed token that another task was given",
            attack: Trial::new("scope-violation foreign-token", || unsealed_by(true)),
            twin: Trial::new("the value", || unsealed_by(false)),
        },
        Case {
            id: "56-used-up",
            what: "a sealed token in more requests than were granted",
            attack: Trial::new("completed 200, Denied; arrived: 1", || twice(1)),
            twin: Trial::new("completed 200, 200; arrived: 2", || twice(2)),
        },
    ]
}

pub(super) fn fine() -> Answer {
    Arc::new(|_| ok("fine"))
}

/// A request with a trailer, in which the secret is, or not.
async fn trailing(sealed: bool) -> String {
    let place = Place::new(fine()).await;
    let authority = format!("localhost:{}", place.server.port());
    let input = json!({ "authority": authority, "path": "/open", "trailing": sealed });
    let report = place.host.runtime.run(place.task_by(guests::TRAILER, &input, None).await).await;
    let status = match &report.end {
        End::Completed(status) => format!("completed {}", String::from_utf8_lossy(status)),
        other => end(other),
    };
    format!("{status}; arrived: {}", arrived(&place.server))
}

/// A request by a skill that holds alpha: GET unless it says otherwise.
pub(super) fn request(mut request: Value) -> Value {
    request["method"] = json!("POST");
    json!([request])
}

async fn sent(answer: Answer, wanted: impl FnOnce(&Place) -> Value) -> String {
    let place = Place::new(answer).await;
    let report = place.send(request(wanted(&place))).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&place.server))
}

async fn to_another(other: bool) -> String {
    let authority = Authority::new();
    let granted = Server::start(&authority, "localhost", fine()).await;
    let another = Server::start(&authority, "localhost", fine()).await;
    let origin = granted.origin();
    let url = if other { another.origin() } else { origin.clone() };
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let place = Place::of(granted, &origin, egress, true);
    let report = place.send(request(json!({ "url": format!("{url}/"), "bearer": "alpha" }))).await;
    let server = if other { &another } else { &place.server };
    format!("{}; arrived: {}", outcome(&report), arrived(server))
}

/// The header is one that clients send on to wherever they are sent.
async fn redirected(sends_on: bool) -> String {
    let authority = Authority::new();
    let another = Server::start(&authority, "localhost", fine()).await;
    let answer = if sends_on { sending_on(&format!("{}/open", another.origin())) } else { fine() };
    let granted = Server::start(&authority, "localhost", answer).await;
    let origin = granted.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let place = Place::of(granted, &origin, egress, true).placing(&["header:x-api-key"]);
    let report = place.send(request(json!({ "url": place.url("/a"), "headers": [["x-api-key", "{alpha}"]] }))).await;
    format!("{}; arrived: {}; at the other: {}", outcome(&report), arrived(&place.server), arrived(&another))
}

fn sending_on(location: &str) -> Answer {
    let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    Arc::new(move |_| vec![head.clone().into_bytes()])
}

/// Which of these headers arrived beside a secret.
async fn beside(names: &'static [&'static str]) -> String {
    let place = Place::new(fine()).await;
    let headers: Vec<_> = names.iter().map(|name| json!([name, "/admin"])).collect();
    let report = place.send(request(json!({ "url": place.url("/a"), "bearer": "alpha", "headers": headers }))).await;
    let arrived = place.server.arrived().concat();
    let found = names.iter().filter(|name| arrived.contains(&format!("{name}: /admin"))).copied();
    let found = found.collect::<Vec<_>>().join(", ");
    format!("{}; {} the secret: {found}", outcome(&report), if arrived.contains(VALUE) { "with" } else { "without" })
}

async fn coded(coding: &'static str) -> String {
    let reversed: Answer = Arc::new(move |request: &str| {
        let body: String = request.chars().rev().collect();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", body.len());
        vec![format!("{head}{body}").into_bytes()]
    });
    sent(reversed, |place| json!({ "url": place.url("/a"), "bearer": "alpha" })).await
}

async fn without(path: &str) -> String {
    let place = Place::new(fine()).await;
    let report = place.send(request(json!({ "url": place.url(path) }))).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&place.server))
}

async fn address(host: &str, named: bool) -> String {
    let authority = Authority::new();
    let server = Server::start(&authority, host, fine()).await;
    let origin = format!("https://{host}:{}", server.port());
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let place = Place::of(server, &origin, egress, named);
    let report = place.send(request(json!({ "url": format!("{origin}/"), "bearer": "alpha" }))).await;
    format!("{}; connections: {}", outcome(&report), place.server.connections())
}

async fn plain(http: bool) -> String {
    let authority = Authority::new();
    let server = if http { Server::plain(fine()).await } else { Server::start(&authority, "localhost", fine()).await };
    let origin = server.origin();
    let url = if http { origin.replace("https", "http") } else { origin.clone() };
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let place = Place::of(server, &origin, egress, true);
    let report = place.send(request(json!({ "url": format!("{url}/"), "bearer": "alpha" }))).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&place.server))
}

/// What is looked for is built from its turned bits by the guest, where it is not there otherwise.
async fn echoed(text: &str) -> String {
    let place = Place::new(Arc::new(|request: &str| ok(request))).await;
    let masked: Vec<u8> = text.bytes().map(|byte| !byte).collect();
    let requests = request(json!({ "url": place.url("/"), "bearer": "alpha" }));
    let input = json!({ "secrets": ["alpha"], "scan": masked, "requests": requests });
    let report = place.host.runtime.run(place.task(&input).await).await;
    let End::Completed(output) = &report.end else { return end(&report.end) };
    let output: Value = serde_json::from_slice(output).unwrap();
    let found = if output["found"] == json!(0) { "no" } else { "yes" };
    format!("completed; in the guest's memory: {found}")
}

async fn twice(uses: u32) -> String {
    let place = Place::new(fine()).await;
    let one = json!({ "method": "GET", "url": place.url("/"), "bearer": "alpha" });
    let input = json!({ "secrets": ["alpha"], "requests": [one, one] });
    let task = place.task_with_uses(&input, uses.try_into().ok()).await;
    let report = place.host.runtime.run(task).await;
    // A use that is refused is recorded too.
    assert_eq!(used(&place.host), if uses == 1 { "completed, failed exhausted" } else { "completed, completed" });
    format!("{}; arrived: {}", outcome(&report), place.server.arrived().len())
}

/// Has a token replaced by the task that it was made for, or by another of the same skill and grants.
async fn unsealed_by(another: bool) -> String {
    let provider = Arc::new(MemoryProvider::new("memory".parse().unwrap()));
    let broker = Broker::new([provider.clone() as _], Pal::builder().build(), BrokerSettings::default()).unwrap();
    let grant = "alpha:seal@https://api.example.com".parse().unwrap();
    let owner = Arc::new(session(&broker, &provider, "owner", &grant).await);
    let thief = Arc::new(session(&broker, &provider, "thief", &grant).await);
    let token = owner.seal(&owner.get("alpha", None).await.unwrap()).await.unwrap();
    let target = Target::new("GET", "https://api.example.com/").unwrap();
    let session = if another { &thief } else { &owner };
    let mut put = Vec::new();
    let replace = |_: usize, value: &SecretBytes| {
        put.extend_from_slice(value.expose());
        Ok(())
    };
    match session.authorize_egress(&target, &[(&token, &Placement::Authorization)], replace).await {
        Ok(_) if put == VALUE.as_bytes() => "the value".to_owned(),
        Err(EgressError::Stopped(Stop::Violation(violation))) => {
            format!("scope-violation {}", violation.reason.token())
        }
        other => format!("{:?}", other.map(drop)),
    }
}

pub(super) fn outcome(report: &Report) -> String {
    let told = |answer: &Value| match answer["error"].as_str() {
        Some(error) => error.to_owned(),
        None => answer["status"].to_string(),
    };
    match &report.end {
        End::Completed(_) => format!("completed {}", answers(report).iter().map(told).collect::<Vec<_>>().join(", ")),
        other => end(other),
    }
}

pub(super) fn arrived(server: &Server) -> &'static str {
    let arrived = server.arrived();
    match arrived.first() {
        None => "nothing",
        Some(request) if request.contains(VALUE) => "the secret",
        Some(_) => "a request",
    }
}

/// How each use of a secret ended, by its events.
pub(super) fn used(host: &TestHost) -> String {
    let records = host.events.records();
    let ends = records.iter().filter(|record| record.event.kind() == EventKind::SecretUsed).filter_map(|record| {
        let outcome = record.event.outcome().filter(|outcome| *outcome != Outcome::Started)?;
        let reason =
            if let Some(Reason::Token(reason)) = record.event.reason() { format!(" {reason}") } else { String::new() };
        Some(format!("{}{reason}", outcome.as_str()))
    });
    ends.collect::<Vec<_>>().join(", ")
}
