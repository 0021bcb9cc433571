//! Requests that did not send their secret, slow answers, and placeholders of ended tasks.

use std::sync::Arc;
use std::time::Duration;

use far_core::pal::{EventKind, Reason};
use far_runtime::{Egress, Limits};
use serde_json::json;

use super::Case;
use super::egress::{arrived, fine, outcome, request, used};
use super::trial::Trial;
use crate::egress_fixture::EgressFixture;
use crate::host::Parts;
use crate::server::{Authority, Server, ok};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "36-slow-answer",
            description: "an answer in which a value of two repeated letters may begin at every other byte",
            attack: Trial::new("ended in time", || letters("ab")),
            twin: Trial::new("ended in time", || letters("--")),
        },
        Case {
            id: "08-ended-placeholder",
            description: "the placeholder of an ended task, as a bearer token to a permitted destination",
            attack: Trial::new("completed Denied; placeholder; arrived: nothing", || ended_placeholder("farsealed")),
            twin: Trial::new("completed 200; ; arrived: a request", || ended_placeholder("my-own-token-")),
        },
        Case {
            id: "56-two-of-one",
            description: "two placeholders in one request with one use left, to spend the use for nothing",
            attack: Trial::new("completed Denied, 200; arrived: 1", || two_of(1)),
            twin: Trial::new("completed 200, 200; arrived: 2", || two_of(3)),
        },
        Case {
            id: "56-not-sent",
            description: "a server that refuses connections, to spend a use without sending it",
            attack: Trial::new("completed Unreachable, 200; failed refused, completed", || after_refusal(1)),
            twin: Trial::new("completed Unreachable, 200; failed refused, completed", || after_refusal(2)),
        },
    ]
}

/// Sends a request with two placeholders and one with one.
async fn two_of(uses: u32) -> String {
    let fixture = EgressFixture::new(fine()).await.placing(&["header:x-api-key", "query:key"]);
    let both = json!({ "method": "GET", "url": fixture.url("/?key={alpha}"), "headers": [["x-api-key", "{alpha}"]] });
    let one = json!({ "method": "GET", "url": fixture.url("/"), "headers": [["x-api-key", "{alpha}"]] });
    let input = json!({ "secrets": ["alpha"], "requests": [both, one] });
    let task = fixture.task_with_uses(&input, uses.try_into().ok()).await;
    let report = fixture.host.runtime.run(task).await;
    format!("{}; arrived: {}", outcome(&report), fixture.server.arrived().len())
}

/// Sends a request to a closed port and one to the server: two hosts of one destination.
async fn after_refusal(uses: u32) -> String {
    let authority = Authority::new();
    let server = Server::start(&authority, "open.far-test.example", fine()).await;
    let unused = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let port = server.port();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let egress = egress.with_host("closed.far-test.example", unused);
    let egress = egress.with_host("open.far-test.example", ([127, 0, 0, 1], port).into());
    let fixture = EgressFixture::of(server, "https://*.far-test.example", egress, true);
    let to =
        |name: &str| json!({ "method": "GET", "url": format!("https://{name}.far-test.example/"), "bearer": "alpha" });
    let input = json!({ "secrets": ["alpha"], "requests": [to("closed"), to("open")] });
    let task = fixture.task_with_uses(&input, uses.try_into().ok()).await;
    let report = fixture.host.runtime.run(task).await;
    format!("{}; {}", outcome(&report), used(&fixture.host))
}

/// Sends a credential in a placeholder's form, or the skill's own token.
async fn ended_placeholder(prefix: &str) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let credential = format!("Bearer {prefix}{}", "0".repeat(40));
    let request_template = json!({ "url": fixture.url("/open"), "headers": [["authorization", credential]] });
    let report = fixture.send(request(request_template)).await;
    let denied = fixture.host.last(EventKind::EgressDenied).and_then(|record| record.event.reason());
    let reason = if let Some(Reason::Token(reason)) = denied { reason } else { "" };
    format!("{}; {reason}; arrived: {}", outcome(&report), arrived(&fixture.server))
}

/// Runs a task with a limit of 1 s whose server answers 10 MiB of two letters. Its secret is `ab`
/// eight times.
async fn letters(letters: &'static str) -> String {
    let authority = Authority::new();
    let body = letters.repeat(5 << 20);
    let server = Server::start(&authority, "localhost", Arc::new(move |_| ok(&body))).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let parts = Parts { secrets: &[("alpha", "abababababababab")], ..Parts::default() };
    let fixture = EgressFixture::with(server, &origin, egress, true, parts);
    let input =
        json!({ "secrets": ["alpha"], "requests": request(json!({ "url": fixture.url("/a"), "bearer": "alpha" })) });
    let timeout = Duration::from_secs(1);
    let task = fixture.task(&input).await.with_limits(Limits { timeout, memory: 512 << 20, ..Limits::default() });
    let report = fixture.host.runtime.run(task).await;
    (if report.duration < timeout * 3 { "ended in time" } else { "ended late" }).to_owned()
}
