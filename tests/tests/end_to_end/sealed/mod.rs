//! Secrets in requests, and the answers to them.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed setup is a failed test")]

mod credentials;
mod events;
mod headers;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_core::pal::{EventKind, Reason};
use far_runtime::{Egress, End, Report};
use far_tests::egress_fixture::{EgressFixture, answers};
use far_tests::server::{Answer, Authority, Server, ok};
use serde_json::{Value, json};

const ALPHA: &str = "alpha-canary-7f3a91";

fn answering(text: &'static str) -> Answer {
    Arc::new(move |_| ok(text))
}

#[track_caller]
fn assert_violation(report: &Report, reason: &str) {
    let End::Violation(violation) = &report.end else { panic!("no violation: {:?}", report.end) };
    assert_eq!(violation.reason.token(), reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_secret_arrives_at_destination() {
    let fixture = EgressFixture::new(answering("fine")).await;
    let report = fixture
        .send(json!([
            { "method": "POST", "url": fixture.url("/a?b=c"), "bearer": "alpha", "body": "{}" },
            { "method": "GET", "url": fixture.url("/"), "basic": ["user", "alpha"] },
        ]))
        .await;
    for answer in answers(&report) {
        assert_eq!((&answer["status"], &answer["body"]), (&json!(200), &json!("fine")), "{answer}");
    }
    let arrived = fixture.server.arrived();
    assert!(arrived[0].starts_with("POST /a?b=c HTTP/1.1\r\n"), "{}", arrived[0]);
    assert!(arrived[0].contains(&format!("authorization: Bearer {ALPHA}\r\n")), "{}", arrived[0]);
    assert!(arrived[0].ends_with("\r\n\r\n{}"), "{}", arrived[0]);
    assert!(arrived[1].contains(&format!("authorization: Basic {}\r\n", STANDARD.encode(format!("user:{ALPHA}")))));
    assert!(arrived.iter().all(|request| !request.contains("farsealed")));
    assert_eq!(fixture.server.connections(), 1, "a task reuses its connection");
    let used = fixture.host.last(EventKind::SecretUsed).unwrap();
    assert_eq!(used.event.destination().unwrap().to_string(), fixture.server.origin());
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_request_opens_no_connection() {
    let fixture = EgressFixture::new(answering("fine")).await;
    let report = fixture
        .send(json!([
            { "method": "GET", "url": fixture.url("/open/a") },
            { "method": "GET", "url": fixture.url("/other") },
            { "method": "GET", "url": format!("http://localhost:{}/open", fixture.server.port()) },
            { "method": "GET", "url": format!("https://127.0.0.1:{}/open", fixture.server.port()) },
            { "method": "GET", "url": "https://a.example/" },
            { "method": "GET", "url": format!("https://user@localhost:{}/open", fixture.server.port()) },
            { "method": "GET", "url": fixture.url("/open/../other") },
        { "method": "TRACE", "url": fixture.url("/open") },
        { "method": "CONNECT", "url": fixture.url("/open"), "bearer": "alpha" },
        ]))
        .await;
    let answers = answers(&report);
    assert_eq!(answers[0]["status"], json!(200));
    let errors: Vec<_> = answers[1..].iter().map(|answer| answer["error"].as_str().unwrap()).collect();
    assert_eq!(errors, ["Denied", "Denied", "Denied", "Denied", "Invalid", "Invalid", "Denied", "Denied"]);
    assert_eq!(fixture.server.arrived().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn misplaced_placeholder_ends_task_unsent() {
    let elsewhere = |fixture: &EgressFixture| {
        let url = fixture.url("/open");
        [
            ("placement", json!({ "method": "GET", "url": url, "headers": [["x-token", "{alpha}"]] })),
            ("placement", json!({ "method": "GET", "url": format!("{url}?t={{alpha}}") })),
            ("placement", json!({ "method": "GET", "url": format!("{url}/{{alpha}}") })),
            ("placement", json!({ "method": "POST", "url": url, "body": "token={alpha}" })),
            ("placement", json!({ "method": "POST", "url": url, "bearer": "alpha", "body": "{alpha}" })),
            ("placement", json!({ "method": "GET", "url": url, "headers": [["authorization", "token {alpha}"]] })),
            (
                "placement",
                json!({ "method": "GET", "url": url, "bearer": "alpha", "headers": [["authorization", "x"]] }),
            ),
            ("destination", json!({ "method": "GET", "url": "https://a.example/", "bearer": "alpha" })),
            (
                "destination",
                json!({ "method": "GET", "url": format!("http://localhost:{}/", fixture.server.port()), "bearer": "alpha" }),
            ),
        ]
    };
    let fixture = EgressFixture::new(answering("fine")).await;
    for (reason, request) in elsewhere(&fixture) {
        let report = fixture.send(json!([request])).await;
        assert_violation(&report, reason);
        assert_eq!(fixture.server.connections(), 0, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn granted_header_and_parameter_carry_secret() {
    let fixture = EgressFixture::new(answering("fine")).await.placing(&["header:x-api-key", "query:key"]);
    let report = fixture
        .send(json!([
            { "method": "GET", "url": fixture.url("/a?x=1"), "headers": [["x-api-key", "{alpha}"]] },
            { "method": "GET", "url": fixture.url("/a?x=1&key={alpha}&y=2") },
        ]))
        .await;
    assert_eq!(answers(&report).len(), 2, "{:?}", report.end);
    let arrived = fixture.server.arrived();
    assert!(arrived[0].contains(&format!("x-api-key: {ALPHA}\r\n")), "{}", arrived[0]);
    assert!(arrived[1].starts_with(&format!("GET /a?x=1&key={ALPHA}&y=2 HTTP/1.1\r\n")), "{}", arrived[1]);
    for request in [
        json!({ "method": "GET", "url": fixture.url("/open"), "bearer": "alpha" }),
        json!({ "method": "GET", "url": fixture.url("/open"), "headers": [["x-other", "{alpha}"]] }),
        json!({ "method": "GET", "url": fixture.url("/open"), "headers": [["x-api-key", "key {alpha}"]] }),
        json!({ "method": "GET", "url": fixture.url("/open?other={alpha}") }),
        json!({ "method": "GET", "url": fixture.url("/open?key={alpha}&key=x") }),
    ] {
        assert_violation(&fixture.send(json!([request])).await, "placement");
    }
    assert_eq!(fixture.server.arrived().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn placeholder_lookalike_in_body_is_text() {
    let fixture = EgressFixture::new(answering("fine")).await;
    let text = format!("farsealed{}", "0".repeat(40));
    let report = fixture.send(json!([{ "method": "POST", "url": fixture.url("/open"), "body": text }])).await;
    assert_eq!(answers(&report)[0]["status"], json!(200));
    assert!(fixture.server.arrived()[0].ends_with(&text));
}

#[tokio::test(flavor = "multi_thread")]
async fn echoed_value_is_redacted_everywhere() {
    let answer: Answer = Arc::new(|request: &str| {
        let value = request.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap().to_owned();
        let encoded = STANDARD.encode(format!("..{value}"));
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len()).into_bytes();
        let mut pieces = vec![
            format!("HTTP/1.1 103 Early Hints\r\nlink: <{value}>\r\n\r\n").into_bytes(),
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-echo: <{value}>\r\nx-{value}: 1\r\ntrailer: x-last\r\n\r\n")
                .into_bytes(),
        ];
        pieces.extend(value.as_bytes().iter().map(|byte| chunk(&(*byte as char).to_string())));
        pieces.push(chunk(&format!(" {encoded} {{\"a\":\"{value}\"}} ")));
        pieces.push(format!("0\r\nx-last: {value}\r\n\r\n").into_bytes());
        pieces
    });
    let fixture = EgressFixture::new(answer).await;
    let report = fixture
        .send(json!([{ "method": "GET", "url": fixture.url("/"), "bearer": "alpha", "headers": [["te", "trailers"]] }]))
        .await;
    let answer = &answers(&report)[0];
    assert!(!answer.to_string().contains("canary"), "{answer}");
    let body = answer["body"].as_str().unwrap();
    assert!(body.starts_with("[redacted:alpha] ") && body.ends_with("{\"a\":\"[redacted:alpha]\"} "), "{body}");
    assert!(!body.contains(&STANDARD.encode(ALPHA)[4..16]));
    let headers = answer["headers"].to_string();
    assert!(headers.contains("<[redacted:alpha]>") && !headers.contains("x-alpha"), "{headers}");
    assert!(!fixture.host.kinds().contains(&EventKind::OutputRedacted), "only leaks by the skill are recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn unrequested_content_coding_is_refused() {
    let fixture = EgressFixture::new(Arc::new(|_| {
        vec![b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx".to_vec()]
    }))
    .await;
    let request = json!([{ "method": "GET", "url": fixture.url("/"), "bearer": "alpha", "headers": [["accept-encoding", "gzip"], ["range", "bytes=0-1"]] }]);
    assert_eq!(answers(&fixture.send(request).await)[0], json!({ "error": "Protocol" }));
    let arrived = &fixture.server.arrived()[0];
    assert!(arrived.contains("accept-encoding: identity\r\n") && !arrived.contains("range"), "{arrived}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_transfer_coding_is_refused() {
    let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    let fixture = EgressFixture::new(Arc::new(|_| vec![answer.to_vec()])).await;
    let report = fixture.send(json!([{ "method": "GET", "url": fixture.url("/"), "bearer": "alpha" }])).await;
    assert_eq!(answers(&report)[0], json!({ "error": "Protocol" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn override_headers_are_removed() {
    let fixture = EgressFixture::new(answering("fine")).await;
    let headers = json!([
        ["x-http-method-override", "DELETE"],
        ["x_http_method_override", "DELETE"],
        ["x-original-url", "/admin"],
        ["forwarded", "host=a.example"],
        ["x-forwarded-host", "a.example"],
        ["request-range", "bytes=0-1"],
        ["x-kept", "yes"],
    ]);
    let report = fixture
        .send(json!([{ "method": "GET", "url": fixture.url("/"), "bearer": "alpha", "headers": headers }]))
        .await;
    assert_eq!(answers(&report)[0]["status"], json!(200));
    let arrived = fixture.server.arrived()[0].to_ascii_lowercase();
    for name in ["override", "original", "forwarded", "range"] {
        assert!(!arrived.contains(name), "{arrived}");
    }
    assert!(arrived.contains("x-kept: yes"), "{arrived}");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_url_is_invalid() {
    let fixture = EgressFixture::new(answering("fine")).await;
    let report = fixture
        .send(json!([
            { "method": "GET", "url": format!("https://{}/", "a".repeat(400)) },
            { "method": "A".repeat(100), "url": fixture.url("/open") },
            { "method": "GET", "url": fixture.url(&format!("/open/{}", "a".repeat(20_000))) },
            { "method": "GET", "url": fixture.url("/open/..%2f..%2fadmin"), "bearer": "alpha" },
        ]))
        .await;
    for answer in answers(&report) {
        assert_eq!(answer, json!({ "error": "Invalid" }));
    }
    assert_eq!(fixture.server.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_is_followed() {
    let fixture = EgressFixture::new(Arc::new(|_| {
        vec![b"HTTP/1.1 302 Found\r\nlocation: /open/other\r\ncontent-length: 0\r\n\r\n".to_vec()]
    }))
    .await;
    let report = fixture.send(json!([{ "method": "GET", "url": fixture.url("/"), "bearer": "alpha" }])).await;
    assert_eq!(answers(&report)[0]["status"], json!(302));
    assert_eq!(fixture.server.arrived().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn impostor_server_gets_nothing() {
    let (known, unknown) = (Authority::new(), Authority::new());
    for server in [
        Server::start(&unknown, "localhost", answering("fine")).await,
        Server::start(&known, "other.example", answering("fine")).await,
    ] {
        let origin = server.origin();
        let egress = Egress::new().with_authorities(known.pem().as_bytes()).unwrap();
        let fixture = EgressFixture::of(server, &origin, egress, true);
        let report = fixture.send(json!([{ "method": "GET", "url": fixture.url("/"), "bearer": "alpha" }])).await;
        assert_eq!(answers(&report)[0], json!({ "error": "Certificate" }));
        assert!(fixture.server.arrived().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_address_is_not_connected() {
    let authority = Authority::new();
    for (host, kind) in [("localhost", EventKind::EgressFinished), ("127.0.0.1", EventKind::EgressDenied)] {
        let server = Server::start(&authority, host, answering("fine")).await;
        let origin = format!("https://{host}:{}", server.port());
        let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
        let fixture = EgressFixture::of(server, &origin, egress, false);
        let report = fixture.send(json!([{ "method": "GET", "url": format!("{origin}/"), "bearer": "alpha" }])).await;
        assert_eq!(answers(&report)[0], json!({ "error": "Address" }), "{host}");
        assert_eq!(fixture.server.connections(), 0);
        // A name is resolved only after the request is recorded.
        assert_eq!(fixture.host.last(kind).unwrap().event.reason(), Some(Reason::Token("address")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunked_body_is_checked_whole() {
    let fixture = EgressFixture::new(Arc::new(|_| ok(&"x".repeat(300_000)))).await;
    let request = |body: &str| json!({ "method": "POST", "url": fixture.url("/"), "bearer": "alpha", "body": body, "stream": 20 });
    let report = fixture.send(json!([request(&"y".repeat(10_000)), request("")])).await;
    for answer in answers(&report) {
        assert_eq!(answer, json!({ "status": 200, "body": "x".repeat(20) }));
    }
    assert!(fixture.server.arrived()[0].ends_with(&"y".repeat(10_000)));
    let arrived = fixture.server.arrived().len();
    let report = fixture.send(json!([request("a placeholder, {alpha}, split across pieces")])).await;
    assert_violation(&report, "placement");
    assert_eq!(fixture.server.arrived().len(), arrived);
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_memory_has_no_value() {
    let fixture = EgressFixture::new(Arc::new(|request: &str| ok(request))).await;
    let masked: Vec<u8> = ALPHA.bytes().map(|byte| !byte).collect();
    let input = json!({
        "secrets": ["alpha"], "scan": masked,
        "requests": [{ "method": "POST", "url": fixture.url("/"), "bearer": "alpha", "body": "x" }],
    });
    let report = fixture.host.runtime.run(fixture.task(&input).await).await;
    let End::Completed(output) = &report.end else { panic!("{:?}", report.end) };
    let output: Value = serde_json::from_slice(output).unwrap();
    assert_eq!(output["found"], json!(0));
    assert!(
        output["answers"][0]["body"].as_str().unwrap().contains("authorization: Bearer [redacted:alpha]"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn request_limits_are_reported() {
    let fixture = EgressFixture::new(Arc::new(|_| ok(&"x".repeat(2000)))).await;
    let limits = far_runtime::Limits { requests: 2, request_body: 1000, response_body: 1000, ..Default::default() };
    let request = |body: usize| json!({ "method": "POST", "url": fixture.url("/open"), "body": "y".repeat(body) });
    let input = json!({ "secrets": [], "requests": [request(1001), request(1000), request(1), request(1)] });
    let report = fixture.host.runtime.run(fixture.task(&input).await.with_limits(limits)).await;
    let errors: Vec<_> = answers(&report).iter().map(|answer| answer["error"].as_str().unwrap().to_owned()).collect();
    assert_eq!(errors, ["TooLarge", "Protocol", "Denied", "Denied"]);
    assert_eq!(fixture.server.arrived().len(), 1);
}
