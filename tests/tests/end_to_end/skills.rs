//! The example skills, with published test vectors.

use std::sync::Arc;

use far_core::capability::{Destination, Terms};
use far_core::pal::{EventKind, Outcome, Pal};
use far_runtime::{Egress, End};
use far_tests::host::Parts;
use far_tests::server::{Authority, Server};
use far_tests::{TestHost, guests};
use serde_json::{Value, json};

#[tokio::test]
async fn github_webhook_verifies_signature() {
    // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    let host = TestHost::with(&[("github-webhook-secret", "It's a Secret to Everybody")], Pal::builder());
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    for (payload, valid) in [("Hello, World!", true), ("Hello, World?", false)] {
        let input = json!({ "payload": payload, "signature": signature });
        let report = host.run(guests::GITHUB_WEBHOOK, &["github-webhook-secret:sign"], &input).await;
        assert_eq!(report.end, End::Completed(json!({ "valid": valid }).to_string().into_bytes()));
    }
    assert!(host.kinds().contains(&EventKind::SecretSigned));
    assert!(!host.kinds().contains(&EventKind::SecretRevealed));
}

#[tokio::test]
async fn aws_presign_matches_vector() {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    let host = TestHost::with(&[("aws-secret-access-key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")], Pal::builder());
    let input = json!({
        "method": "GET", "host": "examplebucket.s3.amazonaws.com", "path": "/test.txt",
        "region": "us-east-1", "service": "s3", "access-key-id": "AKIAIOSFODNN7EXAMPLE",
        "datetime": "20130524T000000Z", "expires-seconds": 86400,
    });
    let report = host.run(guests::AWS_PRESIGN, &["aws-secret-access-key:reveal"], &input).await;
    let End::Completed(output) = report.end else { panic!("{:?}", report.end) };
    let output: Value = serde_json::from_slice(&output).unwrap();
    let url = output["url"].as_str().unwrap();
    let signature = "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert!(url.ends_with(signature), "{url}");
    assert!(!url.contains("wJalrXUtnFEMI"));
    assert!(host.kinds().contains(&EventKind::SecretRevealed));
}

#[tokio::test(flavor = "multi_thread")]
async fn github_issue_is_opened() {
    // https://docs.github.com/en/rest/issues/issues#create-an-issue, with a fake of GitHub's
    // server.
    let authority = Authority::new();
    let made =
        r#"{"id":1,"number":1347,"state":"open","html_url":"https://github.com/octocat/Hello-World/issues/1347"}"#;
    let answer = Arc::new(move |_: &str| {
        vec![format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{made}", made.len()).into_bytes()]
    });
    let server = Server::start(&authority, "api.github.com", answer).await;
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let egress = egress.with_network("127.0.0.0/8".parse().unwrap());
    let to: Destination = "https://api.github.com/repos".parse().unwrap();
    let host = TestHost::of(Parts {
        secrets: &[("github-token", "ghs-canary-4b1d07")],
        entry: Box::new(move |entry| {
            let seal = ["seal".parse().unwrap()].into_iter().collect();
            entry.terms = Terms::new(seal, vec![to.clone()]).unwrap();
        }),
        egress: egress.with_host("api.github.com", format!("127.0.0.1:{}", server.port()).parse().unwrap()),
        ..Parts::default()
    });
    let input = json!({ "owner": "octocat", "repository": "Hello-World", "title": "Found a bug", "body": "Help." });
    let report = host.run(guests::GITHUB_ISSUE, &["github-token:seal@https://api.github.com/repos"], &input).await;
    let expected = json!({ "number": 1347, "url": "https://github.com/octocat/Hello-World/issues/1347" });
    let End::Completed(output) = report.end else { panic!("{:?}", report.end) };
    assert_eq!(serde_json::from_slice::<Value>(&output).unwrap(), expected);
    let arrived = server.arrived();
    assert!(arrived[0].starts_with("POST /repos/octocat/Hello-World/issues HTTP/1.1\r\n"), "{}", arrived[0]);
    assert!(arrived[0].contains("authorization: Bearer ghs-canary-4b1d07\r\n"), "{}", arrived[0]);
    assert!(!host.kinds().contains(&EventKind::SecretRevealed));
}

#[tokio::test]
async fn snoop_is_stopped() {
    let host = TestHost::with(
        &[("github-webhook-secret", "hook-canary"), ("payroll-db-password", "payroll-canary")],
        Pal::builder(),
    );
    let grants = ["github-webhook-secret:sign", "payroll-db-password:sign"];
    let report = host.run(guests::SNOOP, &grants, &json!({})).await;
    assert_eq!(report.end.outcome(), Outcome::ScopeViolation);
    assert_eq!((report.provider_calls, host.provider.calls()), (0, 0));
}
