//! Certificates issued by a scripted server.

use far_core::AgentId;
use far_core::provider::SecretOwner;

use super::*;

const ISSUE: &str = "POST /v1/pki/issue/web";
const REVOKE: &str = "POST /v1/pki/revoke";
const FUTURE: u64 = 4_000_000_000;

fn issued(serial: &str, expiration: &str) -> Reply {
    let key = format!(r#""private_key":"-----BEGIN KEY-----{CANARY}-----END KEY-----""#);
    let data = format!(r#"{{"certificate":"x",{key},"serial_number":{serial},"expiration":{expiration}}}"#);
    Reply::Json(200, format!(r#"{{"lease_id":"","lease_duration":0,"data":{data}}}"#))
}

/// Starts a server with these replies to an issue and a revocation.
async fn server(issue: Reply, revoke: Reply) -> (MockServer, Vault, Files) {
    let server = MockServer::start(move |request| match &*request.line {
        "GET /v1/auth/token/lookup-self" => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        "POST /v1/auth/token/create" => {
            let child = r#"{"client_token":"child","accessor":"acc","lease_duration":600,"renewable":true}"#;
            Reply::Json(200, format!(r#"{{"auth":{child}}}"#))
        }
        ISSUE => issue.clone(),
        REVOKE => revoke.clone(),
        "POST /v1/auth/token/revoke-accessor" => Reply::Json(204, String::new()),
        _ => Reply::Json(404, r#"{"errors":[]}"#.to_owned()),
    })
    .await;
    let files = Files::new();
    let mut config = config(&server.address, Auth::Token { file: files.write("token", "t0ken\n") });
    config.mounts = config.mounts.with("pki", Engine::Pki).unwrap();
    let journal =
        LeaseJournalConfig { folder: files.0.path().join("leases"), agent_id: AgentId::parse("local").unwrap() };
    let settings = Settings { initial_backoff: Duration::from_millis(10), max_retries: 1, ..Settings::default() };
    let id = ProviderId::parse("vault").unwrap();
    let vault = Vault::with_settings(id, config, Vec::new(), Some(&journal), settings).unwrap();
    (server, vault, files)
}

async fn get_for(vault: &Vault, field: &str, owner: &SecretOwner) -> Result<FetchedSecret, ProviderError> {
    let mounts = Mounts::default().with("pki", Engine::Pki).unwrap();
    let reference = mounts.certificate("pki/issue/web", "a.internal", Some(field)).unwrap();
    vault.issue(&reference, &VersionSelector::Current, owner).await
}

fn revoked() -> Reply {
    Reply::Json(200, r#"{"data":{"revocation_time":1,"state":"revoked"},"warnings":null}"#.to_owned())
}

#[tokio::test]
async fn expired_certificate_may_be_unknown() {
    let unknown = Reply::Json(400, r#"{"errors":["certificate with serial 1c:79 not found."]}"#.to_owned());
    let expiry = jiff::Timestamp::now().as_second() + 2;
    let (server, vault, files) = server(issued(r#""1c:79""#, &expiry.to_string()), unknown).await;
    let owner = SecretOwner::random().unwrap();
    get_for(&vault, "private_key", &owner).await.unwrap();
    while jiff::Timestamp::now().as_second() <= expiry {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    vault.revoke_all(&owner).await.unwrap();
    assert_eq!(server.requests(REVOKE).len(), 1);
    assert_eq!(fs::read_dir(files.0.path().join("leases")).unwrap().count(), 1, "only the key");
}

#[tokio::test]
async fn child_token_issues_own_token_revokes() {
    let (server, vault, _files) = server(issued(r#""1c:79""#, &FUTURE.to_string()), revoked()).await;
    let owner = SecretOwner::random().unwrap();
    let fetched = get_for(&vault, "private_key", &owner).await.unwrap();
    assert_eq!(fetched.version.as_str(), "1c:79");
    vault.revoke_all(&owner).await.unwrap();
    for (line, token, body) in
        [(ISSUE, "child", r#"{"common_name":"a.internal"}"#), (REVOKE, "t0ken", r#"{"serial_number":"1c:79"}"#)]
    {
        let [request] = &server.requests(line)[..] else { panic!("{line}: not one request") };
        assert_eq!((request.header("x-vault-token"), &*request.body), (Some(token), body), "{line}");
    }
}

#[tokio::test]
async fn malformed_certificate_response_is_invalid() {
    let future = FUTURE.to_string();
    for (serial, expiration) in [
        (r#""1c:79/../x""#, &*future),
        (r#""1c 79""#, &future),
        (r#""""#, &future),
        ("179", &future),
        (r#""1c:79""#, "1600000000"),
        (r#""1c:79""#, "-1"),
        (r#""1c:79""#, r#""s3cr3t-canary""#),
        (r#""1c:79""#, "null"),
    ] {
        let (server, vault, files) = server(issued(serial, expiration), revoked()).await;
        let owner = SecretOwner::random().unwrap();
        let error = get_for(&vault, "private_key", &owner).await.err().unwrap();
        assert_eq!(error, ProviderError::Invalid, "{serial} {expiration}");
        assert!(!format!("{error} {error:?}").contains(CANARY));
        vault.revoke_all(&owner).await.unwrap();
        assert_eq!(server.requests(REVOKE).len(), 0);
        assert_eq!(fs::read_dir(files.0.path().join("leases")).unwrap().count(), 1, "only the key");
    }
    let (_server, vault, _files) = server(issued(r#""1c:79""#, &future), revoked()).await;
    let pem = get_for(&vault, "pem", &SecretOwner::random().unwrap()).await;
    assert_eq!(pem.err(), Some(ProviderError::Invalid), "the certificate is not PEM");
}

#[tokio::test]
async fn revocation_requires_servers_confirmation() {
    let json = |status, body: &str| Reply::Json(status, body.to_owned());
    for (reply, expected) in [
        (json(200, r#"{"data":{"revocation_time":0}}"#), Err(ProviderError::Invalid)),
        (json(200, r#"{"data":null,"warnings":["s3cr3t-canary"]}"#), Err(ProviderError::Invalid)),
        (json(200, r#"{"data":null,"warnings":["certificate already expired; refusing to add to CRL"]}"#), Ok(())),
        (json(200, ""), Err(ProviderError::Invalid)),
        (json(204, ""), Err(ProviderError::Invalid)),
        (json(400, r#"{"errors":["certificate with serial 1c:79 not found."]}"#), Err(ProviderError::Unsupported)),
        (json(403, r#"{"errors":["permission denied"]}"#), Err(ProviderError::Denied)),
        (json(404, r#"{"errors":[]}"#), Err(ProviderError::Invalid)),
    ] {
        let (_server, vault, files) = server(issued(r#""1c:79""#, &FUTURE.to_string()), reply.clone()).await;
        let owner = SecretOwner::random().unwrap();
        get_for(&vault, "private_key", &owner).await.unwrap();
        assert_eq!(vault.revoke_all(&owner).await, expected, "{reply:?}");
        let is_journaled = fs::read_dir(files.0.path().join("leases")).unwrap().count() == 2;
        assert_eq!(is_journaled, expected.is_err(), "{reply:?}");
    }
}

#[tokio::test]
async fn unknown_certificate_is_revoked_by_id() {
    let (server, vault, _files) = server(issued(r#""1c:79""#, &FUTURE.to_string()), revoked()).await;
    let owner = SecretOwner::random().unwrap();
    let lease = get_for(&vault, "private_key", &owner).await.unwrap().lease.unwrap().id;
    for _ in 0..2 {
        vault.release(&lease).await.unwrap();
    }
    assert_eq!(vault.renew(&lease).await, Err(ProviderError::Unsupported));
    assert_eq!((server.requests(REVOKE).len(), server.requests("/v1/sys/leases").len()), (2, 0));
}

#[tokio::test]
async fn revoke_for_any_field_revokes_certificate() {
    let (server, vault, _files) = server(issued(r#""1c:79""#, &FUTURE.to_string()), revoked()).await;
    let owner = SecretOwner::random().unwrap();
    for _ in 0..2 {
        get_for(&vault, "private_key", &owner).await.unwrap();
    }
    let mounts = Mounts::default().with("pki", Engine::Pki).unwrap();
    for (name, revoked) in [("b.internal", 0), ("a.internal", 1), ("a.internal", 1)] {
        let reference = mounts.certificate("pki/issue/web", name, Some("certificate")).unwrap();
        vault.revoke_for(&reference, &SecretOwner::random().unwrap()).await.unwrap();
        vault.revoke_for(&reference, &owner).await.unwrap();
        assert_eq!(server.requests(REVOKE).len(), revoked, "{name}");
    }
    get_for(&vault, "private_key", &owner).await.unwrap();
    assert_eq!(server.requests(ISSUE).len(), 2, "a second certificate");
}
