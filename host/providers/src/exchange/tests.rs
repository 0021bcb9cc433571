//! Tests with scripted token issuers.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use far_core::provider::{AbsenceReason, CallCounter};
use std::time::Duration;

use super::*;
use crate::MemoryProvider;
use crate::network::mock_server::{MockServer, Reply, Request};

/// A secret that no error and no `Debug` output may contain.
const CANARY: &str = "s3cr3t-canary";
const KEY: &[u8] = include_bytes!("../../../core/src/jwt/keys/rsa-pkcs1.pem");

fn reference(text: &str) -> Reference {
    Reference::new(text)
}

async fn exchange(
    script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    key: &[u8],
    kind: impl FnOnce(Endpoint) -> Kind,
) -> (Exchange, MockServer) {
    let server = MockServer::start(script).await;
    let inner = MemoryProvider::new("memory".parse().unwrap());
    inner.set(&reference("key"), &Version::parse("1").unwrap(), key).unwrap();
    inner.set(&reference("other"), &Version::parse("1").unwrap(), b"plain").unwrap();
    let kind = kind(Endpoint::parse(&server.address).unwrap());
    let config = ExchangeConfig { name: reference("app"), key: reference("key"), kind, authorities: None };
    (Exchange::new(Arc::new(inner), vec![config]).unwrap(), server)
}

fn app(api: Endpoint) -> Kind {
    let (app_id, installation) = ("12345".to_owned(), 678);
    Kind::GitHubApp(GitHubApp { api, app_id, installation, repositories: Vec::new(), permissions: Vec::new() })
}

fn client(auth: ClientAuth) -> impl FnOnce(Endpoint) -> Kind {
    let (client_id, scope) = ("far:1".to_owned(), Some("a b".to_owned()));
    move |token_url| Kind::ClientCredentials(ClientCredentials { token_url, client_id, scope, auth })
}

async fn get(exchange: &Exchange, name: &str) -> Result<FetchedSecret, ProviderError> {
    let got = exchange.get_secret(&reference(name), &VersionSelector::Current).await;
    if let Err(error) = &got {
        let text = format!("{error} {error:?}");
        assert!(!text.contains(CANARY) && !text.contains("127.0.0.1"), "{text}");
    }
    got
}

fn expiring(time: Duration) -> Reply {
    let at = (jiff::Timestamp::now() + time).to_string();
    Reply::Json(201, format!(r#"{{ "token": "ghs_{CANARY}", "expires_at": "{at}", "permissions": {{}} }}"#))
}

#[tokio::test]
async fn github_app_sends_signed_jwt() {
    let (exchange, server) = exchange(
        |_| expiring(Duration::from_secs(3600)),
        KEY,
        |api| {
            let (app_id, installation) = ("12345".to_owned(), 678);
            let permissions = vec![("issues".to_owned(), "write".to_owned())];
            Kind::GitHubApp(GitHubApp { api, app_id, installation, repositories: vec!["r".to_owned()], permissions })
        },
    )
    .await;
    let fetched = get(&exchange, "app").await.unwrap();
    assert_eq!(fetched.value.expose(), format!("ghs_{CANARY}").as_bytes());
    assert!((3500..=3570).contains(&fetched.ttl.unwrap().as_secs()), "{:?}", fetched.ttl);
    assert!(fetched.version.as_str().starts_with("token-"));
    let [request] = &server.requests("")[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /app/installations/678/access_tokens");
    assert_eq!(request.body, r#"{"permissions":{"issues":"write"},"repositories":["r"]}"#);
    let jwt = request.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = base64::Engine::decode(&claims, jwt.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], "12345");
    let ttl = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(ttl, 600, "GitHub's maximum");
    assert!(!format!("{request:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn client_credentials_are_sent() {
    let answer = |_: &Request| {
        Reply::Json(200, format!(r#"{{"access_token":"a\/{CANARY}","token_type":"bearer","expires_in":300}}"#))
    };
    let (basic, server) = exchange(answer, b"s%cret:\xff", client(ClientAuth::Basic)).await;
    let fetched = get(&basic, "app").await.unwrap();
    assert_eq!(
        (fetched.value.expose(), fetched.ttl),
        (format!("a/{CANARY}").as_bytes(), Some(Duration::from_secs(270)))
    );
    let request = &server.requests("")[0];
    assert_eq!((request.line.as_str(), request.body.as_str()), ("POST /", "grant_type=client_credentials&scope=a%20b"));
    // far%3A1:s%25cret%3A%FF
    assert_eq!(request.header("authorization"), Some("Basic ZmFyJTNBMTpzJTI1Y3JldCUzQSVGRg=="));

    let (body, server) = exchange(answer, b"s%cret", client(ClientAuth::Body)).await;
    get(&body, "app").await.unwrap();
    let request = &server.requests("")[0];
    assert_eq!(request.body, "grant_type=client_credentials&scope=a%20b&client_id=far%3A1&client_secret=s%25cret");
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn other_secrets_come_from_inner_provider() {
    let (exchange, server) = exchange(|_| expiring(Duration::from_secs(60)), KEY, app).await;
    assert_eq!(get(&exchange, "other").await.unwrap().value.expose(), b"plain");
    assert_eq!(get(&exchange, "none").await.err(), Some(ProviderError::NotFound));
    assert!(server.requests("").is_empty());
    let mut listed: Vec<_> = exchange.list_secrets().await.unwrap().iter().map(|one| one.as_str().to_owned()).collect();
    listed.sort_unstable();
    assert_eq!(listed, ["app", "key", "other"]);
    assert_eq!(exchange.id().as_str(), "memory");
    let version = VersionSelector::Exactly(Version::parse("1").unwrap());
    let old = exchange.get_secret(&reference("app"), &version).await.err();
    assert_eq!(old, Some(ProviderError::VersionGone(AbsenceReason::Destroyed)));
    let one = get(&exchange, "app").await.unwrap().version;
    let RefreshOutcome::Changed(other) = exchange.refresh_secret(&reference("app"), &one).await.unwrap() else {
        panic!("the token did not change");
    };
    assert_eq!(one, other.version, "equal values have equal versions");
}

#[tokio::test]
async fn issuer_status_maps_to_error() {
    let cases = [
        (401, ProviderError::Unauthenticated),
        (403, ProviderError::Denied),
        (404, ProviderError::NotFound),
        (422, ProviderError::Invalid),
        (302, ProviderError::Invalid),
        (200, ProviderError::Invalid),
    ];
    for (status, error) in cases {
        let refused = move |_: &Request| Reply::Json(status, format!(r#"{{"message":"{CANARY}"}}"#));
        let (exchange, server) = exchange(refused, KEY, app).await;
        assert_eq!(get(&exchange, "app").await.err(), Some(error), "{status}");
        assert_eq!(server.requests("").len(), 1, "{status}");
    }
    let limited = |_: &Request| Reply::WithHeader(403, "Retry-After: 60", String::new());
    let (exchange, _server) = exchange(limited, KEY, app).await;
    let retry_after = Some(Duration::from_secs(60));
    assert_eq!(get(&exchange, "app").await.err(), Some(ProviderError::Throttled { retry_after }));
}

#[tokio::test]
async fn malformed_token_response_is_invalid() {
    let expired = (jiff::Timestamp::now() + Duration::from_secs(20)).to_string();
    for body in [
        String::new(),
        "{}".to_owned(),
        format!(r#"{{"token":"{CANARY}"}}"#),
        format!(r#"{{"token":"{CANARY}","expires_at":"soon"}}"#),
        format!(r#"{{"token":"{CANARY}","expires_at":"{expired}"}}"#),
        format!(r#"{{"token":"{CANARY}","expires_at":7}}"#),
        format!(r#"["{CANARY}","2099-01-01T00:00:00Z"]"#),
    ] {
        let (exchange, _server) = exchange(move |_: &Request| Reply::Json(201, body.clone()), KEY, app).await;
        assert_eq!(get(&exchange, "app").await.err(), Some(ProviderError::Invalid));
    }
    for token in ["null", "7", "{}", "[\"x\"]"] {
        let body = format!(r#"{{"access_token":{token},"token_type":"bearer"}}"#);
        let none = move |_: &Request| Reply::Json(200, body.clone());
        let (exchange, _server) = exchange(none, b"secret", client(ClientAuth::Basic)).await;
        assert_eq!(get(&exchange, "app").await.err(), Some(ProviderError::Invalid), "{token}");
    }
    let list = |_: &Request| Reply::Json(200, format!(r#"["{CANARY}","bearer",3600]"#));
    let (list, _server) = exchange(list, b"secret", client(ClientAuth::Basic)).await;
    assert_eq!(get(&list, "app").await.err(), Some(ProviderError::Invalid));
    let (other, _server) = exchange(
        |_: &Request| Reply::Json(200, r#"{"access_token":"x","token_type":"mac"}"#.to_owned()),
        b"secret",
        client(ClientAuth::Basic),
    )
    .await;
    assert_eq!(get(&other, "app").await.err(), Some(ProviderError::Unsupported));
    let huge = format!(r#"{{"token":"{}"}}"#, "x".repeat(70_000));
    let (exchange, _server) = exchange(move |_: &Request| Reply::Json(201, huge.clone()), KEY, app).await;
    assert_eq!(get(&exchange, "app").await.err(), Some(ProviderError::TooLarge));
}

#[tokio::test]
async fn invalid_key_sends_no_request() {
    let (exchange, server) = exchange(|_| expiring(Duration::from_secs(60)), b"no key", app).await;
    assert_eq!(get(&exchange, "app").await.err(), Some(ProviderError::Invalid));
    assert!(server.requests("").is_empty());
}

#[tokio::test]
async fn describing_token_omits_key() {
    let (exchange, server) = exchange(|_| expiring(Duration::from_secs(3600)), KEY, app).await;
    let described = exchange.describe(&reference("app")).await;
    assert_eq!(described, Ok(Description::default()));
    let described = exchange.describe(&reference("other")).await.unwrap();
    assert_eq!(described.version, Some(Version::parse("1").unwrap()));
    assert_eq!(exchange.describe(&reference("absent")).await, Err(ProviderError::NotFound));
    assert!(server.requests("").is_empty(), "no token is issued");
    let (lease, owner) = (LeaseId::new("x"), SecretOwner::random().unwrap());
    for name in ["app", "other"] {
        let replaced = exchange.reissue(&reference(name), &lease, &owner).await;
        assert_eq!(replaced.err(), Some(ProviderError::Unsupported), "{name}");
    }
}

#[tokio::test]
async fn token_without_key_is_not_found() {
    let exchange = {
        let inner = MemoryProvider::new("memory".parse().unwrap());
        let kind = app(Endpoint::parse("http://127.0.0.1:1").unwrap());
        let config = ExchangeConfig { name: reference("app"), key: reference("key"), kind, authorities: None };
        Exchange::new(Arc::new(inner), vec![config]).unwrap()
    };
    assert_eq!(exchange.describe(&reference("app")).await, Err(ProviderError::NotFound));
}

#[tokio::test]
async fn issuer_requests_are_counted_separately() {
    let (exchange, _server) = exchange(|_| expiring(Duration::from_secs(3600)), KEY, app).await;
    get(&exchange, "app").await.unwrap();
    get(&exchange, "other").await.unwrap();
    let issuers: Arc<dyn CallCounter> = exchange.metrics().clone();
    drop(exchange);
    // The inner provider is in memory and sends no requests.
    let counts = issuers.counts();
    assert_eq!((counts.calls.first(), counts.attempts), (Some(&("ok", 1)), 1));
}
