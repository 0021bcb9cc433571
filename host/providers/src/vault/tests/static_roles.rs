//! Static roles of a scripted server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const READ: &str = "GET /v1/db/static-creds/app";
const ROLE: &str = "GET /v1/db/static-roles/app";
const ROTATE: &str = "POST /v1/db/rotate-role/app";
const SINCE: &str = "2026-01-01T12:00:00.123456789Z";

fn password(since: &str, more: &str) -> String {
    format!(r#"{{"data":{{"username":"u","password":"{CANARY}","last_vault_rotation":"{since}"{more}}}}}"#)
}

async fn server(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (MockServer, Vault, Files) {
    let server = MockServer::start(move |request| match &*request.line {
        "GET /v1/auth/token/lookup-self" => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        line => script(line),
    })
    .await;
    let files = Files::new();
    let mut config = config(&server.address, Auth::Token { file: files.write("token", "t0ken\n") });
    config.mounts = config.mounts.with("db", Engine::Database).unwrap();
    let settings = Settings { initial_backoff: Duration::from_millis(10), max_retries: 1, ..Settings::default() };
    let vault = open(config, &[], settings);
    (server, vault, files)
}

#[tokio::test]
async fn rotation_time_version_is_canonical() {
    let zones = [SINCE, "2026-01-01T14:00:00.123456789+02:00"];
    for since in zones {
        let (_server, vault, _files) = server(move |_| Reply::Json(200, password(since, r#","ttl":7"#))).await;
        let fetched = get(&vault, "db/static-creds/app#password").await.unwrap();
        assert_eq!((fetched.version.as_str(), fetched.ttl), (SINCE, Some(Duration::from_secs(7))));
        assert_eq!(fetched.value.expose(), CANARY.as_bytes());
    }
}

#[tokio::test]
async fn malformed_static_role_response_is_rejected() {
    let leased = password(SINCE, r#","ttl":7"#).replace(r#"{"data""#, r#"{"lease_id":"x","lease_duration":7,"data""#);
    for (body, expected) in [
        (password(SINCE, ""), ProviderError::Invalid),
        (password(SINCE, r#","ttl":-1"#), ProviderError::Invalid),
        (password(SINCE, r#","ttl":"7""#), ProviderError::Invalid),
        (password("", r#","ttl":7"#), ProviderError::Invalid),
        (password(CANARY, r#","ttl":7"#), ProviderError::Invalid),
        (r#"{"data":{"ttl":7}}"#.to_owned(), ProviderError::Invalid),
        (r#"{"data":["s3cr3t-canary"]}"#.to_owned(), ProviderError::Invalid),
        ("{}".to_owned(), ProviderError::Invalid),
        (String::new(), ProviderError::Invalid),
        (leased, ProviderError::Unsupported),
    ] {
        let reply_body = body.clone();
        let (_server, vault, _files) = server(move |_| Reply::Json(200, reply_body.clone())).await;
        for reference in ["db/static-creds/app", "db/static-creds/app#password"] {
            let error = get(&vault, reference).await.err().unwrap();
            assert_eq!(error, expected, "{body}");
            assert!(!format!("{error} {error:?}").contains(CANARY));
        }
    }
}

#[tokio::test]
async fn unscheduled_static_role_has_no_ttl() {
    for (more, ttl) in [
        ("", None),
        (r#","rotation_period":0,"rotation_schedule":"0 0 * * *""#, None),
        (r#","rotation_period":60"#, Some(Duration::ZERO)),
    ] {
        let body = format!(r#"{{"data":{{"username":"u","last_vault_rotation":"2020-01-01T00:00:00Z"{more}}}}}"#);
        let (server, vault, _files) = server(move |_| Reply::Json(200, body.clone())).await;
        let described = vault.describe(&Reference::new("db/static-creds/app")).await.unwrap();
        assert_eq!((described.ttl, described.version.unwrap().as_str()), (ttl, "2020-01-01T00:00:00Z"));
        assert_eq!((server.requests(ROLE).len(), server.requests(READ).len()), (1, 0));
    }
}

#[tokio::test]
async fn failed_read_does_not_repeat_rotation() {
    let reads = AtomicUsize::new(0);
    let (server, vault, _files) = server(move |line| match line {
        ROTATE => Reply::Json(204, String::new()),
        READ if reads.fetch_add(1, Ordering::SeqCst) == 0 => Reply::Json(502, CANARY.to_owned()),
        _ => Reply::Json(200, password(SINCE, r#","ttl":7"#)),
    })
    .await;
    let rotated = vault.rotate(&Reference::new("db/static-creds/app#password")).await.unwrap();
    assert_eq!((rotated.as_str(), server.requests(ROTATE).len(), server.requests(READ).len()), (SINCE, 1, 2));
}

#[tokio::test]
async fn lost_rotation_response_is_not_retried() {
    for lost in
        [Reply::Json(502, CANARY.to_owned()), Reply::NoResponse(Duration::ZERO), Reply::TruncatedBody(String::new())]
    {
        let reply = lost.clone();
        let (server, vault, _files) = server(move |_| reply.clone()).await;
        let rotated = vault.rotate(&Reference::new("db/static-creds/app#password")).await;
        assert_eq!(rotated, Err(ProviderError::Unavailable), "{lost:?}");
        assert_eq!((server.requests(ROTATE).len(), server.requests(READ).len()), (1, 0), "{lost:?}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Rotation,
    FailedRotation,
    Refresh,
    Detach,
    None,
}

#[tokio::test]
async fn rotation_detaches_older_reads() {
    const OTHER: &str = "2026-02-02T12:00:00Z";
    for change in [Change::Rotation, Change::FailedRotation, Change::Refresh, Change::Detach, Change::None] {
        let reads = AtomicUsize::new(0);
        let (server, vault, _files) = server(move |line| match (line, change) {
            (ROTATE, Change::FailedRotation) => Reply::Json(502, CANARY.to_owned()),
            (ROTATE, _) => Reply::Json(204, String::new()),
            _ if reads.fetch_add(1, Ordering::SeqCst) == 0 => {
                Reply::Delayed(Duration::from_millis(800), password(SINCE, r#","ttl":7"#))
            }
            _ => Reply::Json(200, password(OTHER, r#","ttl":7"#)),
        })
        .await;
        let (vault, reference) = (Arc::new(vault), Reference::new("db/static-creds/app#username"));
        let reader = vault.clone();
        let before = tokio::spawn(async move { current(&reader, "db/static-creds/app#password").await });
        while server.requests(READ).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        match change {
            Change::Rotation => assert_eq!(vault.rotate(&reference).await.unwrap().as_str(), OTHER),
            Change::FailedRotation => assert_eq!(vault.rotate(&reference).await, Err(ProviderError::Unavailable)),
            Change::Refresh => {
                let known = Version::parse(SINCE).unwrap();
                let refreshed = vault.refresh_secret(&reference, &known).await.unwrap();
                assert!(matches!(refreshed, RefreshOutcome::Changed(fetched) if fetched.version.as_str() == OTHER));
            }
            Change::Detach => vault.forget_in_flight(&reference),
            Change::None => {}
        }
        let after = current(&vault, "db/static-creds/app#password").await.unwrap();
        let expected = if matches!(change, Change::None) { SINCE } else { OTHER };
        assert_eq!((after.1.as_str(), before.await.unwrap().unwrap().1.as_str()), (expected, SINCE), "{change:?}");
    }
}
