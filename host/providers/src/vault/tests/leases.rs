//! What is made for who asks, by a server that does as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use far_core::AgentId;
use far_core::provider::SecretOwner;

use super::*;

const CREDS: &str = "GET /v1/db/creds/app";
const CREATE: &str = "POST /v1/auth/token/create";
const REVOKE: &str = "POST /v1/sys/leases/revoke";
const RENEW: &str = "POST /v1/sys/leases/renew";
const ACCESSOR: &str = "POST /v1/auth/token/revoke-accessor";

/// What a server does that is well; children's tokens last so many seconds.
fn well(request: &crate::network::scripted::Request, lasts: u64, made: &AtomicUsize) -> Reply {
    let child = |number| {
        format!(
            r#"{{"auth":{{"client_token":"child{number}","accessor":"acc{number}","lease_duration":{lasts},"renewable":true}}}}"#
        )
    };
    match &*request.line {
        "GET /v1/auth/token/lookup-self" => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        CREATE => Reply::Json(200, child(made.fetch_add(1, Ordering::SeqCst))),
        "POST /v1/auth/token/renew-self" => Reply::Json(200, child(0)),
        CREDS => secret("db/creds/app/1"),
        RENEW => Reply::Json(200, r#"{"lease_id":"db/creds/app/1","lease_duration":7,"renewable":true}"#.to_owned()),
        REVOKE | ACCESSOR => Reply::Json(204, String::new()),
        _ => Reply::Json(404, r#"{"errors":[]}"#.to_owned()),
    }
}

fn secret(lease: &str) -> Reply {
    let data = format!(r#"{{"username":"u","password":"{CANARY}"}}"#);
    Reply::Json(200, format!(r#"{{"lease_id":"{lease}","lease_duration":60,"renewable":true,"data":{data}}}"#))
}

/// A server that is well but for what the script says.
async fn server(lasts: u64, script: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) -> Scripted {
    let made = AtomicUsize::new(0);
    Scripted::start(move |request| script(&request.line).unwrap_or_else(|| well(request, lasts, &made))).await
}

fn vault(server: &Scripted) -> (Arc<Vault>, Files) {
    let files = Files::new();
    let mut config = config(&server.address, Auth::Token { file: files.write("token", "t0ken\n") });
    config.mounts = config.mounts.with("db", Engine::Database).unwrap();
    let ledger = LedgerConfig { folder: files.0.path().join("leases"), agent_id: AgentId::parse("local").unwrap() };
    let settings = Settings { first_pause: Duration::from_millis(10), retries: 1, ..Settings::default() };
    let id = ProviderId::parse("vault").unwrap();
    (Arc::new(Vault::with_settings(id, config, Vec::new(), Some(&ledger), settings).unwrap()), files)
}

async fn get_for(vault: &Vault, owner: &SecretOwner) -> Result<Fetched, ProviderError> {
    vault.issue(&Reference::new("db/creds/app#password"), &VersionSelector::Current, owner).await
}

/// What the ledger's files have in them.
fn ledger(files: &Files) -> String {
    let entries = fs::read_dir(files.0.path().join("leases")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("key")).map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[tokio::test]
async fn each_call_is_made_with_the_token_that_is_for_it_and_leases_end_first() {
    let server = server(600, |_| None).await;
    let (vault, files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    assert_eq!(get_for(&vault, &owner).await.unwrap().value.expose(), CANARY.as_bytes());
    vault.issue(&Reference::new("kv/a"), &VersionSelector::Current, &owner).await.err().unwrap();
    let written = ledger(&files);
    assert!(written.contains("acc0") && written.contains("db/creds/app/1"), "{written}");
    assert!(!written.contains("child0") && !written.contains(CANARY), "{written}");
    vault.revoke_all(&owner).await.unwrap();
    for (piece, token) in
        [(CREDS, "child0"), ("/v1/kv/data/a", "t0ken"), (CREATE, "t0ken"), (REVOKE, "t0ken"), (ACCESSOR, "t0ken")]
    {
        let asked = server.asked(piece);
        assert_eq!(asked.len(), 1, "{piece}");
        assert_eq!(asked[0].header("x-vault-token"), Some(token), "{piece}");
    }
    assert_eq!(server.asked(REVOKE)[0].body, r#"{"lease_id":"db/creds/app/1","sync":true}"#);
    assert_eq!(server.asked(ACCESSOR)[0].body, r#"{"accessor":"acc0"}"#);
    let order: Vec<_> = server.asked("revoke").into_iter().map(|request| request.line).collect();
    assert_eq!(order, [REVOKE, ACCESSOR]);
    assert_eq!(ledger(&files), "");
    // What comes late was under way as it ended: nobody would end it again.
    assert_eq!(get_for(&vault, &owner).await.err(), Some(ProviderError::Unavailable));
    assert_eq!(server.asked(CREATE).len(), 1);
}

#[tokio::test]
async fn a_token_is_written_down_before_anything_is_made_with_it() {
    let folder: Arc<parking_lot::Mutex<Option<PathBuf>>> = Arc::default();
    let seen = Arc::new(parking_lot::Mutex::new(String::new()));
    let (at, told) = (folder.clone(), seen.clone());
    let server = server(600, move |line| {
        if let (CREDS, Some(folder)) = (line, &*at.lock()) {
            let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            *told.lock() =
                paths.filter(|path| !path.ends_with("key")).map(|path| fs::read_to_string(path).unwrap()).collect();
        }
        None
    })
    .await;
    let (vault, files) = vault(&server);
    *folder.lock() = Some(files.0.path().join("leases"));
    get_for(&vault, &SecretOwner::random().unwrap()).await.unwrap();
    assert!(seen.lock().contains("acc0"), "{}", seen.lock());

    // Where nothing can be written down, nothing is made.
    fs::remove_dir_all(files.0.path().join("leases")).unwrap();
    let owner = SecretOwner::random().unwrap();
    let made = server.asked(CREDS).len();
    vault.close().await.unwrap();
    assert_eq!(get_for(&vault, &owner).await.err(), Some(ProviderError::Unavailable));
    assert_eq!(server.asked(CREDS).len(), made);
    vault.revoke_all(&owner).await.unwrap();
    assert_eq!(server.asked(ACCESSOR).len(), 2, "nor does the token stay");
}

#[tokio::test]
async fn what_is_still_being_made_when_its_holder_ends_is_waited_for_and_ended() {
    let server = server(600, |line| (line == CREDS).then(|| Reply::Nothing(Duration::from_millis(700)))).await;
    let (vault, files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    let asked = tokio::spawn({
        let (vault, owner) = (vault.clone(), owner.clone());
        async move { get_for(&vault, &owner).await.map(drop) }
    });
    while server.asked(CREATE).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asked.abort();
    vault.revoke_all(&owner).await.unwrap();
    // No answer came: what the server made, if it did, ends with the token.
    assert_eq!((server.asked(CREDS).len(), server.asked(ACCESSOR).len(), &*ledger(&files)), (2, 1, ""));
    assert_eq!(get_for(&vault, &owner).await.err(), Some(ProviderError::Unavailable));
}

#[tokio::test]
async fn what_has_ended_already_is_no_error_and_any_other_refusal_is_kept() {
    for (body, expected) in [
        (r#"{"errors":["lease not found"]}"#, Ok(())),
        (r#"{"errors":["invalid lease"]}"#, Err(ProviderError::Invalid)),
        (r#"{"errors":[]}"#, Err(ProviderError::Invalid)),
        ("lease not found", Err(ProviderError::Invalid)),
    ] {
        let server = server(600, move |line| (line == REVOKE).then(|| Reply::Json(400, body.to_owned()))).await;
        let (vault, files) = vault(&server);
        let owner = SecretOwner::random().unwrap();
        let lease = get_for(&vault, &owner).await.unwrap().lease.unwrap();
        assert_eq!(vault.release(&lease.id).await, expected, "{body}");
        assert_eq!(ledger(&files).contains("ended"), expected.is_ok(), "{body}");
        assert_eq!(vault.revoke_all(&owner).await, expected, "{body}");
        assert_eq!(server.asked(ACCESSOR).len(), 1, "the token is ended all the same");
    }
}

#[tokio::test]
async fn what_the_server_answers_to_a_renewal_is_believed() {
    let server = server(600, |_| None).await;
    let (vault, _files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    let lease = get_for(&vault, &owner).await.unwrap().lease.unwrap();
    assert_eq!(vault.renew(&lease.id).await, Ok(Duration::from_secs(7)));
    assert_eq!(server.asked(RENEW)[0].body, r#"{"lease_id":"db/creds/app/1"}"#);
    let ttl = get_for(&vault, &owner).await.unwrap().ttl.unwrap();
    assert!(ttl <= Duration::from_secs(7), "shorter than it was: {ttl:?}");
}

#[tokio::test]
async fn a_holders_token_is_renewed_until_the_holder_ends() {
    let server = server(3, |_| None).await;
    let (vault, _files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    get_for(&vault, &owner).await.unwrap();
    let renewed = || server.asked("renew-self");
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
async fn an_answer_that_is_none_of_a_secrets_is_refused() {
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
        assert_eq!((server.asked(ACCESSOR).len(), &*ledger(&files)), (1, ""), "{body}");
    }
}

#[tokio::test]
async fn a_lease_that_there_is_already_is_no_other_secrets() {
    let server = server(600, |_| None).await;
    let (vault, files) = vault(&server);
    let owner = SecretOwner::random().unwrap();
    let first = get_for(&vault, &owner).await.unwrap();
    let lease = first.lease.unwrap().id;
    let replaced = vault.reissue(&Reference::new("db/creds/app#password"), &lease, &owner).await;
    assert_eq!(replaced.err(), Some(ProviderError::Invalid));
    assert_eq!(get_for(&vault, &owner).await.unwrap().version, first.version, "it stays as it was");
    vault.revoke_all(&owner).await.unwrap();
    assert_eq!((server.asked(REVOKE).len(), server.asked(ACCESSOR).len(), &*ledger(&files)), (1, 1, ""));
}

#[tokio::test]
async fn what_could_not_be_written_down_is_ended_at_once() {
    let (counted, made) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = Scripted::start(move |request| match &*request.line {
        CREDS => secret(&format!("db/creds/app/{}", counted.fetch_add(1, Ordering::SeqCst))),
        _ => well(request, 600, &made),
    })
    .await;
    let (vault, files) = vault(&server);
    let (one, other) = (SecretOwner::random().unwrap(), SecretOwner::random().unwrap());
    let lease = get_for(&vault, &one).await.unwrap().lease.unwrap();
    vault.release(&lease.id).await.unwrap();
    vault.server.dynamic().unwrap().ledger().fail();
    for turn in 1..3 {
        assert_eq!(get_for(&vault, &one).await.err(), Some(ProviderError::Unavailable));
        assert_eq!(server.asked(REVOKE)[turn].body, format!(r#"{{"lease_id":"db/creds/app/{turn}","sync":true}}"#));
        assert_eq!(get_for(&vault, &other).await.err(), Some(ProviderError::Unavailable));
        assert_eq!(server.asked(ACCESSOR)[turn - 1].body, format!(r#"{{"accessor":"acc{turn}"}}"#));
    }
    vault.revoke_all(&one).await.unwrap();
    vault.revoke_all(&other).await.unwrap();
    assert_eq!((server.asked(CREDS).len(), server.asked(REVOKE).len()), (3, 3));
    assert_eq!((server.asked(CREATE).len(), server.asked(ACCESSOR).len(), &*ledger(&files)), (3, 3, ""));
}
