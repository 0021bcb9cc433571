//! Who a request comes from: client certificates, and secrets that are the only credential for where they go.

use far_core::pal::{EventKind, Reason};
use far_runtime::Egress;
use far_tests::host::Parts;
use far_tests::place::{Place, answers};
use far_tests::server::{Authority, Server};
use serde_json::json;

use super::{saying, violated};

const CLIENT_CERTIFICATE: &str = "far-client-certificate";

/// A server that wants client certificates, and a host that has one for it as alpha, with the certificate in DER.
async fn mutual(identity: impl FnOnce(&Authority) -> (String, Vec<u8>)) -> (Place, Vec<u8>) {
    let authority = Authority::new();
    let server = Server::mutual(&authority, "localhost", saying("fine")).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let (identity, certificate) = identity(&authority);
    let secrets = vec![("alpha", &*identity.leak())].leak();
    let place = Place::with(server, &origin, egress, true, Parts { secrets, ..Parts::default() });
    (place.placing(&["client-certificate"]), certificate)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_shown_for_the_request_that_has_its_stand_in_and_no_other() {
    let (place, certificate) = mutual(|authority| authority.client_identity("far")).await;
    let url = place.url("/open");
    let shows = json!({ "method": "GET", "url": url, "headers": [[CLIENT_CERTIFICATE, "{alpha}"]] });
    let report = place.send(json!([shows, { "method": "GET", "url": url }, shows])).await;
    let answers = answers(&report);
    assert_eq!(answers[0]["body"], json!("fine"), "{answers:?}");
    assert!(answers[1]["error"].is_string(), "{answers:?}");
    assert_eq!(answers[2]["body"], json!("fine"), "{answers:?}");
    assert_eq!(place.server.shown(), [certificate.clone(), certificate], "a connection for each");
    let arrived = place.server.arrived();
    assert_eq!(arrived.len(), 2);
    assert!(arrived.iter().all(|request| !request.contains(CLIENT_CERTIFICATE) && !request.contains("farsealed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_stands_in_its_header_alone_and_is_one() {
    let (place, _) = mutual(|authority| authority.client_identity("far")).await;
    let url = place.url("/open");
    for request in [
        json!({ "method": "GET", "url": url, "bearer": "alpha" }),
        json!({ "method": "GET", "url": url, "headers": [[CLIENT_CERTIFICATE, "x{alpha}"]] }),
        json!({ "method": "GET", "url": url, "headers": [[CLIENT_CERTIFICATE, "{alpha}"], [CLIENT_CERTIFICATE, "x"]] }),
    ] {
        violated(&place.send(json!([request])).await, "placement");
    }
    assert!(place.server.shown().is_empty());
    // What stands for nothing does not leave either.
    let open = Place::new(saying("fine")).await;
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
    for place in [mutual(other_key).await.0, mutual(none).await.0] {
        let shows = json!({ "method": "GET", "url": place.url("/"), "headers": [[CLIENT_CERTIFICATE, "{alpha}"]] });
        let report = place.send(json!([shows])).await;
        assert_eq!(answers(&report)[0]["error"], json!("Denied"));
        let denied = place.host.last(EventKind::EgressDenied).unwrap();
        assert_eq!(denied.event.reason(), Some(Reason::Token("client-certificate")));
        assert_eq!(place.server.connections(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_secret_is_the_only_credential_nothing_goes_without_it() {
    let authority = Authority::new();
    let server = Server::start(&authority, "localhost", saying("fine")).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let parts =
        Parts { entry: Box::new(|entry| entry.only_sealed = entry.reference.as_str() == "alpha"), ..Parts::default() };
    let place = Place::with(server, &origin, egress, true, parts);
    let url = place.url("/open/a");
    let report = place
        .send(json!([
            { "method": "GET", "url": url, "headers": [["authorization", "Bearer of-my-own"]] },
            { "method": "GET", "url": url },
            { "method": "GET", "url": url, "bearer": "alpha" },
        ]))
        .await;
    let answers = answers(&report);
    assert_eq!((&answers[0]["error"], &answers[1]["error"]), (&json!("Denied"), &json!("Denied")));
    assert_eq!(answers[2]["status"], json!(200));
    assert_eq!(place.server.arrived().len(), 1);
    let denied = place.host.last(EventKind::EgressDenied).unwrap();
    assert_eq!(denied.event.reason(), Some(Reason::Token("only-sealed")));
}
