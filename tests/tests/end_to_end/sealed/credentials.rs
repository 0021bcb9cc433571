//! Client certificates, and destinations that only accept a sealed secret.

use far_core::pal::{EventKind, Reason};
use far_runtime::Egress;
use far_tests::egress_fixture::{EgressFixture, answers};
use far_tests::host::Parts;
use far_tests::server::{Authority, Server};
use serde_json::json;

use super::{answering, assert_violation};

const CLIENT_CERTIFICATE: &str = "far-client-certificate";

/// Starts a server that requires client certificates, and a host with one as `alpha`. Returns the
/// certificate in DER.
async fn mutual(identity: impl FnOnce(&Authority) -> (String, Vec<u8>)) -> (EgressFixture, Vec<u8>) {
    let authority = Authority::new();
    let server = Server::mutual(&authority, "localhost", answering("fine")).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let (identity, certificate) = identity(&authority);
    let secrets = vec![("alpha", &*identity.leak())].leak();
    let fixture = EgressFixture::with(server, &origin, egress, true, Parts { secrets, ..Parts::default() });
    (fixture.placing(&["client-certificate"]), certificate)
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificate_follows_its_placeholder() {
    let (fixture, certificate) = mutual(|authority| authority.client_identity("far")).await;
    let url = fixture.url("/open");
    let shows = json!({ "method": "GET", "url": url, "headers": [[CLIENT_CERTIFICATE, "{alpha}"]] });
    let report = fixture.send(json!([shows, { "method": "GET", "url": url }, shows])).await;
    let answers = answers(&report);
    assert_eq!(answers[0]["body"], json!("fine"), "{answers:?}");
    assert!(answers[1]["error"].is_string(), "{answers:?}");
    assert_eq!(answers[2]["body"], json!("fine"), "{answers:?}");
    assert_eq!(fixture.server.shown(), [certificate.clone(), certificate], "one connection for each request");
    let arrived = fixture.server.arrived();
    assert_eq!(arrived.len(), 2);
    assert!(arrived.iter().all(|request| !request.contains(CLIENT_CERTIFICATE) && !request.contains("farsealed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_client_certificate_placement_is_refused() {
    let (fixture, _) = mutual(|authority| authority.client_identity("far")).await;
    let url = fixture.url("/open");
    for request in [
        json!({ "method": "GET", "url": url, "bearer": "alpha" }),
        json!({ "method": "GET", "url": url, "headers": [[CLIENT_CERTIFICATE, "x{alpha}"]] }),
        json!({ "method": "GET", "url": url, "headers": [[CLIENT_CERTIFICATE, "{alpha}"], [CLIENT_CERTIFICATE, "x"]] }),
    ] {
        assert_violation(&fixture.send(json!([request])).await, "placement");
    }
    assert!(fixture.server.shown().is_empty());
    // A header without a placeholder is removed too.
    let open = EgressFixture::new(answering("fine")).await;
    let report = open
        .send(json!([{ "method": "GET", "url": open.url("/open"), "headers": [[CLIENT_CERTIFICATE, "text"]] }]))
        .await;
    assert_eq!(answers(&report)[0]["status"], json!(200));
    assert!(!open.server.arrived()[0].contains(CLIENT_CERTIFICATE));
    let other_key = |authority: &Authority| {
        let ((one, certificate), (other, _)) = (authority.client_identity("far"), authority.client_identity("far"));
        let key = other.find("-----BEGIN PRIVATE").unwrap();
        let end = one.find("-----BEGIN PRIVATE").unwrap();
        (format!("{}{}", &one[..end], &other[key..]), certificate)
    };
    let none = |_: &Authority| ("no certificate at all".to_owned(), Vec::new());
    for fixture in [mutual(other_key).await.0, mutual(none).await.0] {
        let shows = json!({ "method": "GET", "url": fixture.url("/"), "headers": [[CLIENT_CERTIFICATE, "{alpha}"]] });
        let report = fixture.send(json!([shows])).await;
        assert_eq!(answers(&report)[0]["error"], json!("Denied"));
        let denied = fixture.host.last(EventKind::EgressDenied).unwrap();
        assert_eq!(denied.event.reason(), Some(Reason::Token("client-certificate")));
        assert_eq!(fixture.server.connections(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_sealed_destination_denies_other_requests() {
    let authority = Authority::new();
    let server = Server::start(&authority, "localhost", answering("fine")).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let parts =
        Parts { entry: Box::new(|entry| entry.only_sealed = entry.reference.as_str() == "alpha"), ..Parts::default() };
    let fixture = EgressFixture::with(server, &origin, egress, true, parts);
    let url = fixture.url("/open/a");
    let report = fixture
        .send(json!([
            { "method": "GET", "url": url, "headers": [["authorization", "Bearer of-my-own"]] },
            { "method": "GET", "url": url },
            { "method": "GET", "url": url, "bearer": "alpha" },
        ]))
        .await;
    let answers = answers(&report);
    assert_eq!((&answers[0]["error"], &answers[1]["error"]), (&json!("Denied"), &json!("Denied")));
    assert_eq!(answers[2]["status"], json!(200));
    assert_eq!(fixture.server.arrived().len(), 1);
    let denied = fixture.host.last(EventKind::EgressDenied).unwrap();
    assert_eq!(denied.event.reason(), Some(Reason::Token("only-sealed")));
}
