//! Dynamic secrets of a scripted server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use far_core::AgentId;
use far_core::provider::SecretOwner;

use super::*;

const CREDS: &str = "GET /v1/db/creds/app";
const CREATE: &str = "POST /v1/auth/token/create";
const REVOKE_LEASE: &str = "POST /v1/sys/leases/revoke";
const RENEW: &str = "POST /v1/sys/leases/renew";
const REVOKE_TOKEN: &str = "POST /v1/auth/token/revoke-accessor";

/// Returns the reply of a healthy server; child tokens have a TTL of `ttl` seconds.
fn healthy_reply(request: &crate::network::mock_server::Request, ttl: u64, created: &AtomicUsize) -> Reply {
    let child = |number| {
        format!(
            r#"{{"auth":{{"client_token":"child{number}","accessor":"acc{number}","lease_duration":{ttl},"renewable":true}}}}"#
        )
    };
    match &*request.line {
        "GET /v1/auth/token/lookup-self" => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        CREATE => Reply::Json(200, child(created.fetch_add(1, Ordering::SeqCst))),
        "POST /v1/auth/token/renew-self" => Reply::Json(200, child(0)),
        CREDS => secret("db/creds/app/1"),
        RENEW => Reply::Json(200, r#"{"lease_id":"db/creds/app/1","lease_duration":7,"renewable":true}"#.to_owned()),
        REVOKE_LEASE | REVOKE_TOKEN => Reply::Json(204, String::new()),
        _ => Reply::Json(404, r#"{"errors":[]}"#.to_owned()),
    }
}

fn secret(lease: &str) -> Reply {
    let data = format!(r#"{{"username":"u","password":"{CANARY}"}}"#);
    Reply::Json(200, format!(r#"{{"lease_id":"{lease}","lease_duration":60,"renewable":true,"data":{data}}}"#))
}

/// Starts a healthy server, with the replies of `script` first.
async fn server(ttl: u64, script: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) -> MockServer {
    let created = AtomicUsize::new(0);
    MockServer::start(move |request| script(&request.line).unwrap_or_else(|| healthy_reply(request, ttl, &created)))
        .await
}

fn vault(server: &MockServer) -> (Arc<Vault>, Files) {
    let files = Files::new();
    let mut config = config(&server.address, Auth::Token { file: files.write("token", "t0ken\n") });
    config.mounts = config.mounts.with("db", Engine::Database).unwrap();
    let journal =
        LeaseJournalConfig { folder: files.0.path().join("leases"), agent_id: AgentId::parse("local").unwrap() };
    let settings = Settings { initial_backoff: Duration::from_millis(10), max_retries: 1, ..Settings::default() };
    let id = ProviderId::parse("vault").unwrap();
    (Arc::new(Vault::with_settings(id, config, Vec::new(), Some(&journal), settings).unwrap()), files)
}

async fn get_for(vault: &Vault, owner: &SecretOwner) -> Result<FetchedSecret, ProviderError> {
    vault.issue(&Reference::new("db/creds/app#password"), &VersionSelector::Current, owner).await
}

/// Returns the content of the lease journals.
fn journal(files: &Files) -> String {
    let entries = fs::read_dir(files.0.path().join("leases")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("key")).map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[tokio::test]
async fn revoke_all_revokes_leases_before_token() {
    let server = server(600, |_| None).await;
    let (vault, files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    assert_eq!(get_for(&vault, &owner).await.unwrap().value.expose(), CANARY.as_bytes());
    vault.issue(&Reference::new("kv/a"), &VersionSelector::Current, &owner).await.err().unwrap();
    let written = journal(&files);
    assert!(written.contains("acc0") && written.contains("db/creds/app/1"), "{written}");
    assert!(!written.contains("child0") && !written.contains(CANARY), "{written}");
    vault.revoke_all(&owner).await.unwrap();
    for (line, token) in [
        (CREDS, "child0"),
        ("/v1/kv/data/a", "t0ken"),
        (CREATE, "t0ken"),
        (REVOKE_LEASE, "t0ken"),
        (REVOKE_TOKEN, "t0ken"),
    ] {
        let requests = server.requests(line);
        assert_eq!(requests.len(), 1, "{line}");
        assert_eq!(requests[0].header("x-vault-token"), Some(token), "{line}");
    }
    assert_eq!(server.requests(REVOKE_LEASE)[0].body, r#"{"lease_id":"db/creds/app/1","sync":true}"#);
    assert_eq!(server.requests(REVOKE_TOKEN)[0].body, r#"{"accessor":"acc0"}"#);
    let order: Vec<_> = server.requests("revoke").into_iter().map(|request| request.line).collect();
    assert_eq!(order, [REVOKE_LEASE, REVOKE_TOKEN]);
    assert_eq!(journal(&files), "");
    // A late request of an ended owner is rejected.
    assert_eq!(get_for(&vault, &owner).await.err(), Some(ProviderError::Unavailable));
    assert_eq!(server.requests(CREATE).len(), 1);
}

#[tokio::test]
async fn owner_token_is_journaled_before_use() {
    let folder: Arc<parking_lot::Mutex<Option<PathBuf>>> = Arc::default();
    let seen = Arc::new(parking_lot::Mutex::new(String::new()));
    let (path, content) = (folder.clone(), seen.clone());
    let server = server(600, move |line| {
        if let (CREDS, Some(folder)) = (line, &*path.lock()) {
            let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            *content.lock() =
                paths.filter(|path| !path.ends_with("key")).map(|path| fs::read_to_string(path).unwrap()).collect();
        }
        None
    })
    .await;
    let (vault, files) = vault(&server);
    *folder.lock() = Some(files.0.path().join("leases"));
    get_for(&vault, &SecretOwner::random().unwrap()).await.unwrap();
    assert!(seen.lock().contains("acc0"), "{}", seen.lock());

    // Without a writable journal, no secret is issued.
    fs::remove_dir_all(files.0.path().join("leases")).unwrap();
    let owner = SecretOwner::random().unwrap();
    let issued = server.requests(CREDS).len();
    vault.close().await.unwrap();
    assert_eq!(get_for(&vault, &owner).await.err(), Some(ProviderError::Unavailable));
    assert_eq!(server.requests(CREDS).len(), issued);
    vault.revoke_all(&owner).await.unwrap();
    assert_eq!(server.requests(REVOKE_TOKEN).len(), 2, "the token is revoked");
}

#[tokio::test]
async fn revoke_all_waits_for_issuance() {
    let server = server(600, |line| (line == CREDS).then(|| Reply::NoResponse(Duration::from_millis(700)))).await;
    let (vault, files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    let call = tokio::spawn({
        let (vault, owner) = (vault.clone(), owner.clone());
        async move { get_for(&vault, &owner).await.map(drop) }
    });
    while server.requests(CREATE).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    vault.revoke_all(&owner).await.unwrap();
    // No response arrived: a secret that the server issued is revoked with the token.
    assert_eq!((server.requests(CREDS).len(), server.requests(REVOKE_TOKEN).len(), &*journal(&files)), (2, 1, ""));
    assert_eq!(get_for(&vault, &owner).await.err(), Some(ProviderError::Unavailable));
}

#[tokio::test]
async fn revoking_absent_lease_succeeds() {
    for (body, expected) in [
        (r#"{"errors":["lease not found"]}"#, Ok(())),
        (r#"{"errors":["invalid lease"]}"#, Err(ProviderError::Invalid)),
        (r#"{"errors":[]}"#, Err(ProviderError::Invalid)),
        ("lease not found", Err(ProviderError::Invalid)),
    ] {
        let server = server(600, move |line| (line == REVOKE_LEASE).then(|| Reply::Json(400, body.to_owned()))).await;
        let (vault, files) = vault(&server);
        let owner = SecretOwner::random().unwrap();
        let lease = get_for(&vault, &owner).await.unwrap().lease.unwrap();
        assert_eq!(vault.release(&lease.id).await, expected, "{body}");
        assert_eq!(journal(&files).contains("ended"), expected.is_ok(), "{body}");
        assert_eq!(vault.revoke_all(&owner).await, expected, "{body}");
        assert_eq!(server.requests(REVOKE_TOKEN).len(), 1, "the token is revoked anyway");
    }
}

#[tokio::test]
async fn renewal_uses_servers_ttl() {
    let server = server(600, |_| None).await;
    let (vault, _files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    let lease = get_for(&vault, &owner).await.unwrap().lease.unwrap();
    assert_eq!(vault.renew(&lease.id).await, Ok(Duration::from_secs(7)));
    assert_eq!(server.requests(RENEW)[0].body, r#"{"lease_id":"db/creds/app/1"}"#);
    let ttl = get_for(&vault, &owner).await.unwrap().ttl.unwrap();
    assert!(ttl <= Duration::from_secs(7), "the shorter TTL: {ttl:?}");
}

#[tokio::test]
async fn owner_token_is_renewed_until_revoked() {
    let server = server(3, |_| None).await;
    let (vault, _files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    get_for(&vault, &owner).await.unwrap();
    let renewed = || server.requests("renew-self");
    while renewed().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(renewed()[0].header("x-vault-token"), Some("child0"));
    vault.revoke_all(&owner).await.unwrap();
    let before = renewed().len();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(renewed().len(), before);
}

#[tokio::test]
async fn malformed_lease_response_is_invalid() {
    for body in [
        r#"{"lease_id":"","lease_duration":60,"data":{"password":"s3cr3t-canary"}}"#,
        r#"{"lease_id":"x","lease_duration":0,"data":{"password":"s3cr3t-canary"}}"#,
        r#"{"lease_id":"x","lease_duration":60}"#,
        r#"{"lease_id":"x","lease_duration":60,"data":"s3cr3t-canary"}"#,
        "",
    ] {
        let server = server(600, move |line| (line == CREDS).then(|| Reply::Json(200, body.to_owned()))).await;
        let (vault, files) = vault(&server);
        let owner = SecretOwner::random().unwrap();
        assert_eq!(get_for(&vault, &owner).await.err(), Some(ProviderError::Invalid), "{body}");
        vault.revoke_all(&owner).await.unwrap();
        assert_eq!((server.requests(REVOKE_TOKEN).len(), &*journal(&files)), (1, ""), "{body}");
    }
}

#[tokio::test]
async fn repeated_lease_id_is_rejected() {
    let server = server(600, |_| None).await;
    let (vault, files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    let first = get_for(&vault, &owner).await.unwrap();
    let lease = first.lease.unwrap().id;
    let replaced = vault.reissue(&Reference::new("db/creds/app#password"), &lease, &owner).await;
    assert_eq!(replaced.err(), Some(ProviderError::Invalid));
    assert_eq!(get_for(&vault, &owner).await.unwrap().version, first.version, "the old secret stays");
    vault.revoke_all(&owner).await.unwrap();
    assert_eq!(
        (server.requests(REVOKE_LEASE).len(), server.requests(REVOKE_TOKEN).len(), &*journal(&files)),
        (1, 1, "")
    );
}

#[tokio::test]
async fn failed_journal_write_revokes_at_once() {
    let (counted, created) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = MockServer::start(move |request| match &*request.line {
        CREDS => secret(&format!("db/creds/app/{}", counted.fetch_add(1, Ordering::SeqCst))),
        _ => healthy_reply(request, 600, &created),
    })
    .await;
    let (vault, files) = vault(&server);
    let (one, other) = (SecretOwner::random().unwrap(), SecretOwner::random().unwrap());
    let lease = get_for(&vault, &one).await.unwrap().lease.unwrap();
    vault.release(&lease.id).await.unwrap();
    vault.server.dynamic().unwrap().journal().break_writes();
    for number in 1..3 {
        assert_eq!(get_for(&vault, &one).await.err(), Some(ProviderError::Unavailable));
        assert_eq!(
            server.requests(REVOKE_LEASE)[number].body,
            format!(r#"{{"lease_id":"db/creds/app/{number}","sync":true}}"#)
        );
        assert_eq!(get_for(&vault, &other).await.err(), Some(ProviderError::Unavailable));
        assert_eq!(server.requests(REVOKE_TOKEN)[number - 1].body, format!(r#"{{"accessor":"acc{number}"}}"#));
    }
    vault.revoke_all(&one).await.unwrap();
    vault.revoke_all(&other).await.unwrap();
    assert_eq!((server.requests(CREDS).len(), server.requests(REVOKE_LEASE).len()), (3, 3));
    assert_eq!((server.requests(CREATE).len(), server.requests(REVOKE_TOKEN).len(), &*journal(&files)), (3, 3, ""));
}
