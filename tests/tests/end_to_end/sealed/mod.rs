//! Secrets in requests: what leaves, what arrives, and what comes back.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod credentials;
mod events;
mod headers;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_core::pal::{EventKind, Reason};
use far_runtime::{Egress, End, Report};
use far_tests::place::{Place, answers};
use far_tests::server::{Answer, Authority, Server, ok};
use serde_json::{Value, json};

const ALPHA: &str = "alpha-canary-7f3a91";

fn saying(text: &'static str) -> Answer {
    Arc::new(move |_| ok(text))
}

#[track_caller]
fn violated(report: &Report, reason: &str) {
    let End::Violation(violation) = &report.end else { panic!("no violation: {:?}", report.end) };
    assert_eq!(violation.reason.token(), reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_arrives_where_it_may_and_nowhere_else() {
    let place = Place::new(saying("fine")).await;
    let report = place
        .send(json!([
            { "method": "POST", "url": place.url("/a?b=c"), "bearer": "alpha", "body": "{}" },
            { "method": "GET", "url": place.url("/"), "basic": ["user", "alpha"] },
        ]))
        .await;
    for answer in answers(&report) {
        assert_eq!((&answer["status"], &answer["body"]), (&json!(200), &json!("fine")), "{answer}");
    }
    let arrived = place.server.arrived();
    assert!(arrived[0].starts_with("POST /a?b=c HTTP/1.1\r\n"), "{}", arrived[0]);
    assert!(arrived[0].contains(&format!("authorization: Bearer {ALPHA}\r\n")), "{}", arrived[0]);
    assert!(arrived[0].ends_with("\r\n\r\n{}"), "{}", arrived[0]);
    assert!(arrived[1].contains(&format!("authorization: Basic {}\r\n", STANDARD.encode(format!("user:{ALPHA}")))));
    assert!(arrived.iter().all(|request| !request.contains("farsealed")));
    assert_eq!(place.server.connections(), 1, "of one task, a connection is used again");
    let used = place.host.last(EventKind::SecretUsed).unwrap();
    assert_eq!(used.event.destination().unwrap().to_string(), place.server.origin());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_may_not_send_is_told_and_nothing_is_connected_to() {
    let place = Place::new(saying("fine")).await;
    let report = place
        .send(json!([
            { "method": "GET", "url": place.url("/open/a") },
            { "method": "GET", "url": place.url("/other") },
            { "method": "GET", "url": format!("http://localhost:{}/open", place.server.port()) },
            { "method": "GET", "url": format!("https://127.0.0.1:{}/open", place.server.port()) },
            { "method": "GET", "url": "https://a.example/" },
            { "method": "GET", "url": format!("https://user@localhost:{}/open", place.server.port()) },
            { "method": "GET", "url": place.url("/open/../other") },
        { "method": "TRACE", "url": place.url("/open") },
        { "method": "CONNECT", "url": place.url("/open"), "bearer": "alpha" },
        ]))
        .await;
    let answers = answers(&report);
    assert_eq!(answers[0]["status"], json!(200));
    let errors: Vec<_> = answers[1..].iter().map(|answer| answer["error"].as_str().unwrap()).collect();
    assert_eq!(errors, ["Denied", "Denied", "Denied", "Denied", "Invalid", "Invalid", "Denied", "Denied"]);
    assert_eq!(place.server.arrived().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stand_in_where_it_must_not_stand_ends_the_task_and_is_not_sent() {
    let elsewhere = |place: &Place| {
        let url = place.url("/open");
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
                json!({ "method": "GET", "url": format!("http://localhost:{}/", place.server.port()), "bearer": "alpha" }),
            ),
        ]
    };
    let place = Place::new(saying("fine")).await;
    for (reason, request) in elsewhere(&place) {
        let report = place.send(json!([request])).await;
        violated(&report, reason);
        assert_eq!(place.server.connections(), 0, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stands_in_a_header_or_a_parameter_that_was_granted() {
    let place = Place::new(saying("fine")).await.placing(&["header:x-api-key", "query:key"]);
    let report = place
        .send(json!([
            { "method": "GET", "url": place.url("/a?x=1"), "headers": [["x-api-key", "{alpha}"]] },
            { "method": "GET", "url": place.url("/a?x=1&key={alpha}&y=2") },
        ]))
        .await;
    assert_eq!(answers(&report).len(), 2, "{:?}", report.end);
    let arrived = place.server.arrived();
    assert!(arrived[0].contains(&format!("x-api-key: {ALPHA}\r\n")), "{}", arrived[0]);
    assert!(arrived[1].starts_with(&format!("GET /a?x=1&key={ALPHA}&y=2 HTTP/1.1\r\n")), "{}", arrived[1]);
    for request in [
        json!({ "method": "GET", "url": place.url("/open"), "bearer": "alpha" }),
        json!({ "method": "GET", "url": place.url("/open"), "headers": [["x-other", "{alpha}"]] }),
        json!({ "method": "GET", "url": place.url("/open"), "headers": [["x-api-key", "key {alpha}"]] }),
        json!({ "method": "GET", "url": place.url("/open?other={alpha}") }),
        json!({ "method": "GET", "url": place.url("/open?key={alpha}&key=x") }),
    ] {
        violated(&place.send(json!([request])).await, "placement");
    }
    assert_eq!(place.server.arrived().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_a_stand_in_is_text() {
    let place = Place::new(saying("fine")).await;
    let text = format!("farsealed{}", "0".repeat(40));
    let report = place.send(json!([{ "method": "POST", "url": place.url("/open"), "body": text }])).await;
    assert_eq!(answers(&report)[0]["status"], json!(200));
    assert!(place.server.arrived()[0].ends_with(&text));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_echoes_is_redacted_wherever_it_puts_it() {
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
    let place = Place::new(answer).await;
    let report = place
        .send(json!([{ "method": "GET", "url": place.url("/"), "bearer": "alpha", "headers": [["te", "trailers"]] }]))
        .await;
    let answer = &answers(&report)[0];
    assert!(!answer.to_string().contains("canary"), "{answer}");
    let body = answer["body"].as_str().unwrap();
    assert!(body.starts_with("[redacted:alpha] ") && body.ends_with("{\"a\":\"[redacted:alpha]\"} "), "{body}");
    assert!(!body.contains(&STANDARD.encode(ALPHA)[4..16]));
    let headers = answer["headers"].to_string();
    assert!(headers.contains("<[redacted:alpha]>") && !headers.contains("x-alpha"), "{headers}");
    assert!(!place.host.kinds().contains(&EventKind::OutputRedacted), "the server said it, not the skill");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coding_that_was_not_asked_for_is_no_answer() {
    let place = Place::new(Arc::new(|_| {
        vec![b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx".to_vec()]
    }))
    .await;
    let request = json!([{ "method": "GET", "url": place.url("/"), "bearer": "alpha", "headers": [["accept-encoding", "gzip"], ["range", "bytes=0-1"]] }]);
    assert_eq!(answers(&place.send(request).await)[0], json!({ "error": "Protocol" }));
    let arrived = &place.server.arrived()[0];
    assert!(arrived.contains("accept-encoding: identity\r\n") && !arrived.contains("range"), "{arrived}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_hides_what_is_in_it_is_no_answer() {
    let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    let place = Place::new(Arc::new(|_| vec![answer.to_vec()])).await;
    let report = place.send(json!([{ "method": "GET", "url": place.url("/"), "bearer": "alpha" }])).await;
    assert_eq!(answers(&report)[0], json!({ "error": "Protocol" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_have_a_server_do_something_else_does_not_arrive() {
    let place = Place::new(saying("fine")).await;
    let headers = json!([
        ["x-http-method-override", "DELETE"],
        ["x_http_method_override", "DELETE"],
        ["x-original-url", "/admin"],
        ["forwarded", "host=a.example"],
        ["x-forwarded-host", "a.example"],
        ["request-range", "bytes=0-1"],
        ["x-kept", "yes"],
    ]);
    let report =
        place.send(json!([{ "method": "GET", "url": place.url("/"), "bearer": "alpha", "headers": headers }])).await;
    assert_eq!(answers(&report)[0]["status"], json!(200));
    let arrived = place.server.arrived()[0].to_ascii_lowercase();
    for name in ["override", "original", "forwarded", "range"] {
        assert!(!arrived.contains(name), "{arrived}");
    }
    assert!(arrived.contains("x-kept: yes"), "{arrived}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_longer_than_any_url_is_none() {
    let place = Place::new(saying("fine")).await;
    let report = place
        .send(json!([
            { "method": "GET", "url": format!("https://{}/", "a".repeat(400)) },
            { "method": "A".repeat(100), "url": place.url("/open") },
            { "method": "GET", "url": place.url(&format!("/open/{}", "a".repeat(20_000))) },
            { "method": "GET", "url": place.url("/open/..%2f..%2fadmin"), "bearer": "alpha" },
        ]))
        .await;
    for answer in answers(&report) {
        assert_eq!(answer, json!({ "error": "Invalid" }));
    }
    assert_eq!(place.server.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_is_followed() {
    let place = Place::new(Arc::new(|_| {
        vec![b"HTTP/1.1 302 Found\r\nlocation: /open/other\r\ncontent-length: 0\r\n\r\n".to_vec()]
    }))
    .await;
    let report = place.send(json!([{ "method": "GET", "url": place.url("/"), "bearer": "alpha" }])).await;
    assert_eq!(answers(&report)[0]["status"], json!(302));
    assert_eq!(place.server.arrived().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_who_it_should_be_gets_nothing() {
    let (known, unknown) = (Authority::new(), Authority::new());
    for server in [
        Server::start(&unknown, "localhost", saying("fine")).await,
        Server::start(&known, "other.example", saying("fine")).await,
    ] {
        let origin = server.origin();
        let egress = Egress::new().with_authorities(known.pem().as_bytes()).unwrap();
        let place = Place::of(server, &origin, egress, true);
        let report = place.send(json!([{ "method": "GET", "url": place.url("/"), "bearer": "alpha" }])).await;
        assert_eq!(answers(&report)[0], json!({ "error": "Certificate" }));
        assert!(place.server.arrived().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_public_is_not_connected_to() {
    let authority = Authority::new();
    for (host, told) in [("localhost", EventKind::EgressFinished), ("127.0.0.1", EventKind::EgressDenied)] {
        let server = Server::start(&authority, host, saying("fine")).await;
        let origin = format!("https://{host}:{}", server.port());
        let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
        let place = Place::of(server, &origin, egress, false);
        let report = place.send(json!([{ "method": "GET", "url": format!("{origin}/"), "bearer": "alpha" }])).await;
        assert_eq!(answers(&report)[0], json!({ "error": "Address" }), "{host}");
        assert_eq!(place.server.connections(), 0);
        // A name is looked up when the request is on record: before, nothing of it leaves.
        assert_eq!(place.host.last(told).unwrap().event.reason(), Some(Reason::Token("address")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_pieces_is_decided_on_as_a_whole() {
    let place = Place::new(Arc::new(|_| ok(&"x".repeat(300_000)))).await;
    let request =
        |body: &str| json!({ "method": "POST", "url": place.url("/"), "bearer": "alpha", "body": body, "stream": 20 });
    let report = place.send(json!([request(&"y".repeat(10_000)), request("")])).await;
    for answer in answers(&report) {
        assert_eq!(answer, json!({ "status": 200, "body": "x".repeat(20) }));
    }
    assert!(place.server.arrived()[0].ends_with(&"y".repeat(10_000)));
    let arrived = place.server.arrived().len();
    let report = place.send(json!([request("a stand-in, {alpha}, of which no piece has the whole")])).await;
    violated(&report, "placement");
    assert_eq!(place.server.arrived().len(), arrived);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guest_has_nothing_of_it_in_its_memory() {
    let place = Place::new(Arc::new(|request: &str| ok(request))).await;
    let masked: Vec<u8> = ALPHA.bytes().map(|byte| !byte).collect();
    let input = json!({
        "secrets": ["alpha"], "scan": masked,
        "requests": [{ "method": "POST", "url": place.url("/"), "bearer": "alpha", "body": "x" }],
    });
    let report = place.host.runtime.run(place.task(&input).await).await;
    let End::Completed(output) = &report.end else { panic!("{:?}", report.end) };
    let output: Value = serde_json::from_slice(output).unwrap();
    assert_eq!(output["found"], json!(0));
    assert!(
        output["answers"][0]["body"].as_str().unwrap().contains("authorization: Bearer [redacted:alpha]"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_too_often_is_told() {
    let place = Place::new(Arc::new(|_| ok(&"x".repeat(2000)))).await;
    let limits = far_runtime::Limits { requests: 2, request_body: 1000, response_body: 1000, ..Default::default() };
    let request = |body: usize| json!({ "method": "POST", "url": place.url("/open"), "body": "y".repeat(body) });
    let input = json!({ "secrets": [], "requests": [request(1001), request(1000), request(1), request(1)] });
    let report = place.host.runtime.run(place.task(&input).await.with_limits(limits)).await;
    let errors: Vec<_> = answers(&report).iter().map(|answer| answer["error"].as_str().unwrap().to_owned()).collect();
    assert_eq!(errors, ["TooLarge", "Protocol", "Denied", "Denied"]);
    assert_eq!(place.server.arrived().len(), 1);
}
