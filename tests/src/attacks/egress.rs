//! Requests to forbidden destinations, secrets in forbidden placements, and the answers of servers.

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
use super::summary::describe_end;
use super::trial::Trial;
use crate::egress_fixture::{EgressFixture, answers};
use crate::server::{Answer, Authority, Server, ok};
use crate::{TestHost, guests};

/// The value of `alpha`.
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
            description: "a sealed secret sent to an ungranted server",
            attack: Trial::new("scope-violation destination; arrived: nothing", || to_another(true)),
            twin: Trial::new("completed 200; arrived: the secret", || to_another(false)),
        },
        Case {
            id: "29-without-a-secret",
            description: "a request without a secret to a forbidden destination",
            attack: Trial::new("completed Denied; arrived: nothing", || without("/other")),
            twin: Trial::new("completed 200; arrived: a request", || without("/open/a")),
        },
        Case {
            id: "29-hidden-dots",
            description: "a path that some servers resolve outside the permitted destination",
            attack: Trial::new("completed Invalid; arrived: nothing", || without("/open/..%2fother")),
            twin: Trial::new("completed 200; arrived: a request", || without("/open/a%2fb")),
        },
        Case {
            id: "30-address",
            description: "a permitted name with a private address",
            attack: Trial::new("completed Address; connections: 0", || address("localhost", false)),
            twin: Trial::new("completed 200; connections: 1", || address("localhost", true)),
        },
        Case {
            id: "30-literal-address",
            description: "a private address without a name",
            attack: Trial::new("completed Address; connections: 0", || address("127.0.0.1", false)),
            twin: Trial::new("completed 200; connections: 1", || address("127.0.0.1", true)),
        },
        Case {
            id: "32-redirect",
            description: "a redirect of a request with a secret to another server",
            attack: Trial::new("completed 307; arrived: the secret; at the other: nothing", || redirected(true)),
            twin: Trial::new("completed 200; arrived: the secret; at the other: nothing", || redirected(false)),
        },
        Case {
            id: "34-plain-http",
            description: "a sealed secret over plain HTTP",
            attack: Trial::new("scope-violation destination; arrived: nothing", || plain(true)),
            twin: Trial::new("completed 200; arrived: the secret", || plain(false)),
        },
    ]
}

fn placements() -> Vec<Case> {
    let case = |id, description, request: fn(&EgressFixture) -> Value| Case {
        id,
        description,
        attack: Trial::new("scope-violation placement; arrived: nothing", move || sent(fine(), request)),
        twin: Trial::new("completed 200; arrived: the secret", || {
            sent(fine(), |fixture| json!({ "url": fixture.url("/open"), "bearer": "alpha", "body": "text" }))
        }),
    };
    vec![
        case(
            "40-body",
            "a sealed secret in a body",
            |fixture| json!({ "url": fixture.url("/open"), "body": "t={alpha}" }),
        ),
        case(
            "40-header",
            "a sealed secret in another header",
            |fixture| json!({ "url": fixture.url("/open"), "headers": [["x-token", "{alpha}"]] }),
        ),
        case("40-path", "a sealed secret in a path", |fixture| json!({ "url": fixture.url("/open/{alpha}") })),
        case("40-query", "a sealed secret in a query", |fixture| json!({ "url": fixture.url("/open?t={alpha}") })),
        Case {
            id: "40-trailer",
            description: "a sealed secret in a trailer",
            attack: Trial::new("scope-violation placement; arrived: nothing", || trailing(true)),
            twin: Trial::new("completed 200; arrived: the secret", || trailing(false)),
        },
        case(
            "39-two-headers",
            "a sealed secret in one of two authorization headers",
            |fixture| json!({ "url": fixture.url("/open"), "bearer": "alpha", "headers": [["authorization", "x"]] }),
        ),
        Case {
            id: "39-other-path",
            description: "headers that override the authorized method, host or path",
            attack: Trial::new("completed 200; with the secret: x-kept", || beside(&OVERRIDES)),
            twin: Trial::new("completed 200; with the secret: x-kept, x-other", || beside(&["x-kept", "x-other"])),
        },
    ]
}

/// One header of each kind that servers interpret, and one without a meaning.
const OVERRIDES: [&str; 5] = ["x-http-method-override", "x-original-url", "x_forwarded_host", "x-kept", "forwarded"];

fn answered() -> Vec<Case> {
    vec![
        Case {
            id: "36-coded",
            description: "a granted server that echoes the request in a coding that hides values",
            attack: Trial::new("completed Protocol; arrived: the secret", || coded("x-reversed")),
            twin: Trial::new("completed 200; arrived: the secret", || coded("identity")),
        },
        Case {
            id: "36-echo",
            description: "a granted server that echoes the request to a guest that scans its memory",
            attack: Trial::new("completed; in the guest's memory: no", || echoed("alpha-canary-7f3a91")),
            // A header that always arrives and is not secret.
            twin: Trial::new("completed; in the guest's memory: yes", || echoed("authorization: Bearer ")),
        },
        Case {
            id: "08-foreign-token",
            description: "a placeholder of another task",
            attack: Trial::new("scope-violation foreign-token", || unsealed_by(true)),
            twin: Trial::new("the value", || unsealed_by(false)),
        },
        Case {
            id: "56-used-up",
            description: "a sealed secret in more requests than granted",
            attack: Trial::new("completed 200, Denied; arrived: 1", || twice(1)),
            twin: Trial::new("completed 200, 200; arrived: 2", || twice(2)),
        },
    ]
}

pub(super) fn fine() -> Answer {
    Arc::new(|_| ok("fine"))
}

/// Sends a request with a trailer, with or without the secret.
async fn trailing(sealed: bool) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let authority = format!("localhost:{}", fixture.server.port());
    let input = json!({ "authority": authority, "path": "/open", "trailing": sealed });
    let report = fixture.host.runtime.run(fixture.task_by(guests::TRAILER, &input, None).await).await;
    let status = match &report.end {
        End::Completed(status) => format!("completed {}", String::from_utf8_lossy(status)),
        other => describe_end(other),
    };
    format!("{status}; arrived: {}", arrived(&fixture.server))
}

/// Completes a request of a skill that holds `alpha`.
pub(super) fn request(mut request: Value) -> Value {
    request["method"] = json!("POST");
    json!([request])
}

async fn sent(answer: Answer, template: impl FnOnce(&EgressFixture) -> Value) -> String {
    let fixture = EgressFixture::new(answer).await;
    let report = fixture.send(request(template(&fixture))).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&fixture.server))
}

async fn to_another(other: bool) -> String {
    let authority = Authority::new();
    let granted = Server::start(&authority, "localhost", fine()).await;
    let another = Server::start(&authority, "localhost", fine()).await;
    let origin = granted.origin();
    let url = if other { another.origin() } else { origin.clone() };
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let fixture = EgressFixture::of(granted, &origin, egress, true);
    let report = fixture.send(request(json!({ "url": format!("{url}/"), "bearer": "alpha" }))).await;
    let server = if other { &another } else { &fixture.server };
    format!("{}; arrived: {}", outcome(&report), arrived(server))
}

/// Sends a header that clients forward on a redirect.
async fn redirected(redirects: bool) -> String {
    let authority = Authority::new();
    let another = Server::start(&authority, "localhost", fine()).await;
    let answer = if redirects { redirect(&format!("{}/open", another.origin())) } else { fine() };
    let granted = Server::start(&authority, "localhost", answer).await;
    let origin = granted.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let fixture = EgressFixture::of(granted, &origin, egress, true).placing(&["header:x-api-key"]);
    let report =
        fixture.send(request(json!({ "url": fixture.url("/a"), "headers": [["x-api-key", "{alpha}"]] }))).await;
    format!("{}; arrived: {}; at the other: {}", outcome(&report), arrived(&fixture.server), arrived(&another))
}

fn redirect(location: &str) -> Answer {
    let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    Arc::new(move |_| vec![head.clone().into_bytes()])
}

/// Returns which of these headers arrived with a secret.
async fn beside(names: &'static [&'static str]) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let headers: Vec<_> = names.iter().map(|name| json!([name, "/admin"])).collect();
    let report =
        fixture.send(request(json!({ "url": fixture.url("/a"), "bearer": "alpha", "headers": headers }))).await;
    let arrived = fixture.server.arrived().concat();
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
    sent(reversed, |fixture| json!({ "url": fixture.url("/a"), "bearer": "alpha" })).await
}

async fn without(path: &str) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let report = fixture.send(request(json!({ "url": fixture.url(path) }))).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&fixture.server))
}

async fn address(host: &str, named: bool) -> String {
    let authority = Authority::new();
    let server = Server::start(&authority, host, fine()).await;
    let origin = format!("https://{host}:{}", server.port());
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let fixture = EgressFixture::of(server, &origin, egress, named);
    let report = fixture.send(request(json!({ "url": format!("{origin}/"), "bearer": "alpha" }))).await;
    format!("{}; connections: {}", outcome(&report), fixture.server.connections())
}

async fn plain(http: bool) -> String {
    let authority = Authority::new();
    let server = if http { Server::plain(fine()).await } else { Server::start(&authority, "localhost", fine()).await };
    let origin = server.origin();
    let url = if http { origin.replace("https", "http") } else { origin.clone() };
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let fixture = EgressFixture::of(server, &origin, egress, true);
    let report = fixture.send(request(json!({ "url": format!("{url}/"), "bearer": "alpha" }))).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&fixture.server))
}

/// Scans the guest's memory for a text, given to the guest with inverted bits.
async fn echoed(text: &str) -> String {
    let fixture = EgressFixture::new(Arc::new(|request: &str| ok(request))).await;
    let masked: Vec<u8> = text.bytes().map(|byte| !byte).collect();
    let requests = request(json!({ "url": fixture.url("/"), "bearer": "alpha" }));
    let input = json!({ "secrets": ["alpha"], "scan": masked, "requests": requests });
    let report = fixture.host.runtime.run(fixture.task(&input).await).await;
    let End::Completed(output) = &report.end else { return describe_end(&report.end) };
    let output: Value = serde_json::from_slice(output).unwrap();
    let found = if output["found"] == json!(0) { "no" } else { "yes" };
    format!("completed; in the guest's memory: {found}")
}

async fn twice(uses: u32) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let one = json!({ "method": "GET", "url": fixture.url("/"), "bearer": "alpha" });
    let input = json!({ "secrets": ["alpha"], "requests": [one, one] });
    let task = fixture.task_with_uses(&input, uses.try_into().ok()).await;
    let report = fixture.host.runtime.run(task).await;
    // A refused use is recorded too.
    assert_eq!(used(&fixture.host), if uses == 1 { "completed, failed exhausted" } else { "completed, completed" });
    format!("{}; arrived: {}", outcome(&report), fixture.server.arrived().len())
}

/// Resolves a placeholder in its own task, or in another of the same skill and grants.
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
    let shown = |answer: &Value| match answer["error"].as_str() {
        Some(error) => error.to_owned(),
        None => answer["status"].to_string(),
    };
    match &report.end {
        End::Completed(_) => format!("completed {}", answers(report).iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => describe_end(other),
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

/// Returns the outcomes of a secret's uses, from the events.
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
