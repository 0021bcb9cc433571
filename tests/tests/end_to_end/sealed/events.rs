//! Events of requests: uses, refusals and answers.

use std::sync::Arc;

use far_core::pal::{EventKind, Outcome, Reason};
use far_runtime::{Egress, Limits};
use far_tests::TestHost;
use far_tests::egress_fixture::{EgressFixture, answers};
use far_tests::host::Parts;
use far_tests::server::{Answer, Authority, Server, ok};
use serde_json::{Value, json};

use super::answering;

/// Lists the events of requests and their secrets in order, each with its content.
fn egress_events(host: &TestHost) -> Vec<String> {
    let kinds = [EventKind::SecretUsed, EventKind::EgressAllowed, EventKind::EgressDenied, EventKind::EgressFinished];
    let records = host.events.records();
    let events = records.iter().map(|record| &record.event).filter(|event| kinds.contains(&event.kind()));
    let shown = events.map(|event| {
        let mut shown =
            format!("{} {}", event.kind().as_str(), event.outcome().map(Outcome::as_str).unwrap_or_default());
        if let Some(Reason::Token(reason)) = event.reason() {
            shown += &format!(" {reason}");
        }
        if let Some(status) = event.status() {
            shown += &format!(" {status}");
        }
        if let (Some(sent), Some(out), Some(back)) = (event.sent(), event.bytes_sent(), event.bytes_received()) {
            shown += &format!(" sent={} {out}/{back}", sent.as_str());
        }
        shown
    });
    shown.collect()
}

/// Sends a request with `alpha` and a body of two bytes to a server with this answer.
async fn sent(answer: Answer) -> (Value, Vec<String>) {
    let fixture = EgressFixture::new(answer).await;
    let request = json!([{ "method": "POST", "url": fixture.url("/"), "bearer": "alpha", "body": "{}" }]);
    let answer = answers(&fixture.send(request).await).into_iter().next().unwrap();
    (answer, egress_events(&fixture.host))
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_of_any_status_completes_request() {
    for status in [200, 404, 500] {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 4\r\n\r\nfine");
        let (answer, events) = sent(Arc::new(move |_| vec![head.clone().into_bytes()])).await;
        assert_eq!(answer["status"], json!(status));
        let finished = format!("egress.finished completed {status} sent=yes 2/4");
        assert_eq!(events, ["secret.used started", "secret.used completed", &finished]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_answer_names_reason() {
    let coded = |header: &str| {
        let head = format!("HTTP/1.1 200 OK\r\n{header}\r\ncontent-length: 1\r\n\r\nx");
        sent(Arc::new(move |_| vec![head.clone().into_bytes()]))
    };
    let (_, events) = coded("content-encoding: gzip").await;
    assert_eq!(events[1..], ["secret.used completed", "egress.finished failed content-coding 200 sent=yes 2/0"]);
    let (_, events) = sent(Arc::new(|_| vec![b"this is not HTTP\r\n\r\n".to_vec()])).await;
    assert_eq!(events[1..], ["secret.used completed", "egress.finished failed protocol sent=yes 2/0"]);
    let broken = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n";
    let (_, events) = sent(Arc::new(|_| vec![broken.to_vec()])).await;
    assert_eq!(events[1..], ["secret.used completed", "egress.finished failed incomplete 200 sent=yes 2/0"]);
    let (_, events) = sent(Arc::new(|_| panic!("the server panics as part of the test"))).await;
    assert_eq!(events[1..], ["secret.used unknown connection", "egress.finished failed connection sent=unknown 2/0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_beyond_limit_is_named() {
    let fixture = EgressFixture::new(answering("fine")).await;
    let request = json!([{ "method": "GET", "url": fixture.url("/"), "bearer": "alpha" }]);
    let task = fixture.task(&json!({ "secrets": ["alpha"], "requests": request })).await;
    let limits = Limits { response_body: 3, ..Limits::default() };
    fixture.host.runtime.run(task.with_limits(limits)).await;
    assert_eq!(egress_events(&fixture.host).pop().unwrap(), "egress.finished failed response-body 200 sent=yes 0/4");
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_without_body_completes() {
    let (answer, events) = sent(Arc::new(|_| vec![b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()])).await;
    assert_eq!(answer["status"], json!(204));
    assert_eq!(events.last().unwrap(), "egress.finished completed 204 sent=yes 2/0");
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_answer_is_cancelled() {
    let fixture = EgressFixture::new(Arc::new(|_| ok(&"x".repeat(300_000)))).await;
    let request = json!([{ "method": "POST", "url": fixture.url("/"), "bearer": "alpha", "body": "{}", "stream": 20 }]);
    fixture.send(request).await;
    let last = egress_events(&fixture.host).pop().unwrap();
    assert!(last.starts_with("egress.finished cancelled 200 sent=yes 2/"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn untrusted_server_gets_no_use() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let server = Server::start(&unknown, "localhost", answering("fine")).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(known.pem().as_bytes()).unwrap();
    let fixture = EgressFixture::of(server, &origin, egress, true);
    fixture.send(json!([{ "method": "POST", "url": fixture.url("/"), "bearer": "alpha", "body": "{}" }])).await;
    assert_eq!(
        egress_events(&fixture.host),
        ["secret.used started", "secret.used failed certificate", "egress.finished failed certificate sent=no 0/0"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn value_of_two_lines_is_unfit() {
    let authority = Authority::new();
    let server = Server::start(&authority, "localhost", answering("fine")).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let parts = Parts { secrets: &[("alpha", "ghp_0123456789\n")], ..Parts::default() };
    let fixture = EgressFixture::with(server, &origin, egress, true, parts);
    let request = json!({ "method": "GET", "url": fixture.url("/"), "bearer": "alpha" });
    let input = json!({ "secrets": ["alpha"], "requests": [request, request] });
    let task = fixture.task_with_uses(&input, 1.try_into().ok()).await;
    let report = fixture.host.runtime.run(task).await;
    assert_eq!(answers(&report), [json!({ "error": "Denied" }), json!({ "error": "Denied" })]);
    let refused = ["secret.used failed unfit", "egress.denied failed unfit"];
    assert_eq!(egress_events(&fixture.host), [refused, refused].concat(), "no use was spent");
    assert_eq!(fixture.server.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn prohibited_address_is_decided_before_record() {
    let authority = Authority::new();
    // An address, and a name whose address the operator configures.
    for host in ["127.0.0.1", "known.test"] {
        let server = Server::start(&authority, host, answering("fine")).await;
        let origin = format!("https://{host}:{}", server.port());
        let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
        let egress = egress.with_host("known.test", ([127, 0, 0, 1], server.port()).into());
        let fixture = EgressFixture::of(server, &origin, egress, false);
        fixture.send(json!([{ "method": "GET", "url": format!("{origin}/"), "bearer": "alpha" }])).await;
        assert_eq!(egress_events(&fixture.host), ["egress.denied failed address"], "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_placeholder_is_refused_in_head() {
    let fixture = EgressFixture::new(answering("fine")).await;
    let text = format!("farsealed{}", "0".repeat(40));
    let url = fixture.url("/open");
    let requests = [
        json!({ "method": "GET", "url": url, "headers": [["authorization", format!("Bearer {text}")]] }),
        json!({ "method": "GET", "url": url, "headers": [["authorization", format!("token {text}")]] }),
        json!({ "method": "GET", "url": url, "headers": [["x-api-key", text]] }),
        json!({ "method": "GET", "url": format!("{url}?key={text}") }),
        json!({ "method": "GET", "url": format!("{url}/{text}") }),
    ];
    let report = fixture.send(json!(requests)).await;
    assert_eq!(answers(&report), requests.map(|_| json!({ "error": "Denied" })));
    assert_eq!(egress_events(&fixture.host), ["egress.denied failed placeholder"; 5]);
    assert_eq!(fixture.server.connections(), 0);
}
