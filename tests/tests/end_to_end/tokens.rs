//! Tokens that the host signs: from a skill's claims to the destination.
#![expect(clippy::unwrap_used, reason = "a failed setup is a failed test")]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use far_component::embed;
use far_core::capability::{Destination, Grant, JwtAlgorithm, JwtTerms, Operation, Signing, Terms};
use far_core::pal::EventKind;
use far_runtime::{Egress, End, Report, Task};
use far_tests::egress_fixture::answers;
use far_tests::guests;
use far_tests::host::{Parts, Secrets, TestHost};
use far_tests::server::{Authority, Server, ok};
use serde_json::{Value, json};

const SECRETS: Secrets = &[("app", "app-canary-of-thirty-two-bytes-or-more")];

struct Signer {
    server: Server,
    host: TestHost,
    terms: Terms,
}

impl Signer {
    async fn new() -> Self {
        let authority = Authority::new();
        let server = Server::start(&authority, "localhost", Arc::new(ok)).await;
        let to: Destination = server.origin().parse().unwrap();
        let operations = [Operation::Sign, Operation::Seal].into_iter().collect();
        let jwt_terms =
            JwtTerms { algorithm: Some(JwtAlgorithm::Hs256), issuer: Some("4711".to_owned()), ..JwtTerms::default() };
        let terms = Terms::new(operations, vec![to]).unwrap().with_signing(Signing::Jwt(jwt_terms)).unwrap();
        let permitted = terms.clone();
        let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
        let host = TestHost::of(Parts {
            secrets: SECRETS,
            entry: Box::new(move |entry| entry.terms = permitted.clone()),
            egress: egress.with_network("127.0.0.0/8".parse().unwrap()),
            ..Parts::default()
        });
        Self { server, host, terms }
    }

    /// Runs a skill that sends this request and whose declaration only says that it signs tokens.
    async fn send(&self, request: Value) -> Report {
        let declaration = json!({
            "name": "sender", "version": "1", "description": "",
            "secrets": [{
                "name": "app", "operations": ["sign", "seal"], "destinations": [self.server.origin()],
                "signing": { "jwt": {} }, "reason": "r",
            }],
        });
        let component = std::fs::read(guests::SENDER).unwrap();
        let component = embed(&component, declaration.to_string().as_bytes(), false).unwrap().component;
        let skill = self.host.runtime.load(component).await.unwrap();
        let grant = Grant::new("app".parse().unwrap(), self.terms.clone());
        let input = json!({ "secrets": [], "requests": [request] });
        let report = self.host.runtime.run(Task::new(&skill).with_grant(grant).with_input(input.to_string())).await;
        self.host.assert_no_value(&report);
        report
    }

    fn request(&self, field: &str, value: &Value) -> Value {
        json!({ "method": "GET", "url": format!("{}/", self.server.origin()), field: value })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_token_arrives_and_is_redacted() {
    let signer = Signer::new().await;
    let report = signer.send(signer.request("signed", &json!(["app", { "scope": "a" }]))).await;
    let arrived = signer.server.arrived().remove(0);
    let token = arrived.split("authorization: Bearer ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let claims = json(parts[1]);
    assert_eq!(json(parts[0]), json!({ "alg": "HS256", "typ": "JWT" }));
    assert_eq!((&claims["iss"], &claims["scope"]), (&json!("4711"), &json!("a")));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);

    let echoed = answers(&report)[0]["body"].as_str().unwrap().to_owned();
    assert!(echoed.contains("[redacted:app]") && !echoed.contains(parts[2]), "{echoed}");
    let kinds = signer.host.kinds();
    for kind in [EventKind::SecretSigned, EventKind::SecretDerived, EventKind::SecretUsed] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ungranted_claims_end_task_unsent() {
    let signer = Signer::new().await;
    for claims in [json!({ "iss": "4712" }), json!({ "aud": "anyone" }), json!({ "nbf": 0 }), json!(["iss"])] {
        let report = signer.send(signer.request("signed", &json!(["app", claims]))).await;
        let End::Violation(violation) = &report.end else { panic!("no violation: {:?}", report.end) };
        assert_eq!(violation.reason.token(), "claims", "{claims}");
    }
    assert!(signer.server.arrived().is_empty());
    let twin = signer.send(signer.request("signed", &json!(["app", { "iss": "4711" }]))).await;
    assert_eq!(answers(&twin)[0]["status"], json!(200));
}
