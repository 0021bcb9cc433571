//! Faulty responses and outages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;

const DATA: &str = "/v1/kv/data/a";

/// Settings with short timeouts, for fast tests.
fn quick() -> Settings {
    let ms = Duration::from_millis;
    Settings {
        deadline: ms(1500),
        attempt_timeout: ms(300),
        max_retries: 2,
        initial_backoff: ms(20),
        max_backoff: ms(40),
        failure_threshold: 3,
        reset_timeout: ms(300),
        ..Settings::default()
    }
}

/// Starts a server with `value` at `kv/a`, which first replies `times` times with `reply`.
async fn failing(times: usize, reply: Reply) -> MockServer {
    let calls = AtomicUsize::new(0);
    MockServer::start(move |request| match &*request.line {
        "GET /v1/auth/token/lookup-self" => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        line if line.contains(DATA) && calls.fetch_add(1, Ordering::SeqCst) < times => reply.clone(),
        _ => good("value"),
    })
    .await
}

fn good(value: &str) -> Reply {
    let metadata = r#"{"version":3,"deletion_time":"","destroyed":false}"#;
    Reply::Json(200, format!(r#"{{"data":{{"data":{{"f":"{value}"}},"metadata":{metadata}}}}}"#))
}

/// Returns the error of a permanent fault, and the number of requests.
async fn permanent_fault(reply: Reply) -> (ProviderError, usize) {
    let server = failing(usize::MAX, reply).await;
    let (vault, _files) = with_token(&server, quick());
    let started = Instant::now();
    let error = get(&vault, "kv/a#f").await.err().unwrap();
    assert!(started.elapsed() < quick().deadline + Duration::from_millis(300), "{:?}", started.elapsed());
    assert!(!format!("{error} {error:?} {vault:?} {:?}", vault.metrics()).contains(CANARY));
    (error, server.requests(DATA).len())
}

#[tokio::test]
async fn error_status_maps_to_provider_error() {
    let errors = |text: &str| format!(r#"{{"errors":["{CANARY} {text}"]}}"#);
    for (reply, expected, requests) in [
        (Reply::Json(503, errors("Vault is sealed")), ProviderError::Sealed, 1),
        (Reply::Json(403, errors("permission denied")), ProviderError::Denied, 1),
        (Reply::Json(401, errors("")), ProviderError::Unauthenticated, 1),
        (Reply::Json(400, errors("")), ProviderError::Invalid, 1),
        (Reply::Json(405, errors("")), ProviderError::Unsupported, 1),
        (Reply::Json(500, errors("")), ProviderError::Unavailable, 3),
        (Reply::Json(502, format!("<html>{CANARY}")), ProviderError::Unavailable, 3),
        (Reply::WithHeader(307, "Location: http://127.0.0.1:1/", CANARY.to_owned()), ProviderError::Unavailable, 3),
        (Reply::Json(429, errors("")), ProviderError::Throttled { retry_after: None }, 3),
    ] {
        assert_eq!(permanent_fault(reply.clone()).await, (expected, requests), "{reply:?}");
    }
}

#[tokio::test]
async fn not_found_requires_servers_confirmation() {
    let absent = |metadata: &str| format!(r#"{{"data":{{"data":null,"metadata":{{"version":1,{metadata}}}}}}}"#);
    for (body, expected) in [
        (r#"{"errors":[]}"#.to_owned(), ProviderError::NotFound),
        (r#"{"errors":["no handler for route"]}"#.to_owned(), ProviderError::Invalid),
        (format!("<html>{CANARY}</html>"), ProviderError::Invalid),
        (String::new(), ProviderError::Invalid),
        (absent(r#""deletion_time":"2020-01-01T00:00:00Z""#), ProviderError::VersionGone(AbsenceReason::Deleted)),
        (
            absent(r#""deletion_time":"2020-01-01T00:00:00Z","destroyed":true"#),
            ProviderError::VersionGone(AbsenceReason::Destroyed),
        ),
        (absent(r#""deletion_time":"""#), ProviderError::Invalid),
        (absent(&format!(r#""deletion_time":"{CANARY}""#)), ProviderError::Invalid),
    ] {
        assert_eq!(permanent_fault(Reply::Json(404, body.clone())).await, (expected, 1), "{body}");
    }
}

#[tokio::test]
async fn malformed_body_is_invalid_without_echo() {
    let metadata = r#""metadata":{"version":1}"#;
    for body in [
        CANARY.to_owned(),
        format!(r#"{{"data":{{"data":{{"f":"{CANARY}"}}"#),
        format!(r#"{{"data":{{"data":"{CANARY}",{metadata}}}}}"#),
        format!(r#"{{"data":{{"data":{{"f":"{CANARY}","f":"x"}},{metadata}}}}}"#),
        format!(r#"{{"data":{{"data":{{"f":"\ud83d{CANARY}"}},{metadata}}}}}"#),
        format!(r#"{{"data":{{"data":{{"f":"{CANARY}"}},"metadata":{{"version":"{CANARY}"}}}}}}"#),
        format!(r#"{{"data":{{"data":{{"f":"{CANARY}"}},"metadata":{{}}}}}}"#),
        "[]".to_owned(),
        String::new(),
    ] {
        assert_eq!(permanent_fault(Reply::Json(200, body.clone())).await, (ProviderError::Invalid, 1), "{body}");
    }
    let (error, _) = permanent_fault(Reply::Json(204, String::new())).await;
    assert_eq!(error, ProviderError::Invalid);
}

#[tokio::test]
async fn kv_response_with_lease_is_unsupported() {
    let body =
        r#"{"lease_id":"database/creds/x/1","lease_duration":60,"data":{"data":{"f":"x"},"metadata":{"version":1}}}"#;
    assert_eq!(permanent_fault(Reply::Json(200, body.to_owned())).await, (ProviderError::Unsupported, 1));
}

#[tokio::test]
async fn unfinished_response_times_out() {
    assert_eq!(permanent_fault(Reply::NoResponse(Duration::from_secs(60))).await, (ProviderError::Timeout, 3));
    assert_eq!(permanent_fault(Reply::NoResponse(Duration::ZERO)).await, (ProviderError::Unavailable, 3));
    assert_eq!(permanent_fault(Reply::TruncatedBody(CANARY.to_owned())).await, (ProviderError::Unavailable, 3));
    assert_eq!(permanent_fault(Reply::EndlessBody).await, (ProviderError::TooLarge, 1));
    let oversized = Reply::WithHeader(200, "X-Long: 1", "x".repeat(1024 * 1024 + 1));
    assert_eq!(permanent_fault(oversized).await, (ProviderError::TooLarge, 1));
}

#[tokio::test]
async fn transient_fault_is_retried() {
    let once = Reply::WithHeader(429, "Retry-After: 1", String::new());
    for (reply, min_millis) in [
        (Reply::Json(500, String::new()), 0),
        (Reply::NoResponse(Duration::ZERO), 0),
        (Reply::NoResponse(Duration::from_secs(60)), 300),
        (once, 1000),
    ] {
        let server = failing(1, reply.clone()).await;
        let (vault, _files) = with_token(&server, quick());
        let started = Instant::now();
        assert_eq!(current(&vault, "kv/a#f").await, Ok(("value".to_owned(), "3".to_owned())), "{reply:?}");
        assert!(started.elapsed().as_millis() >= min_millis, "{reply:?}");
        assert_eq!((vault.metrics().retries(), server.requests(DATA).len()), (1, 2));
    }
}

#[tokio::test]
async fn circuit_opens_and_closes() {
    let server = failing(3, Reply::Json(500, String::new())).await;
    let (vault, _files) = with_token(&server, quick());
    assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Unavailable));
    assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Unavailable));
    assert_eq!((vault.metrics().opened(), server.requests(DATA).len()), (1, 3), "the second call sends no request");
    tokio::time::sleep(quick().reset_timeout).await;
    assert!(get(&vault, "kv/a").await.is_ok());
}

#[tokio::test]
async fn concurrent_reads_share_one_request() {
    let server = MockServer::start(|request| match &*request.line {
        "GET /v1/auth/token/lookup-self" => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        _ => good("value"),
    })
    .await;
    let (vault, _files) = with_token(&server, Settings::default());
    let vault = Arc::new(vault);
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let vault = vault.clone();
        readers.spawn(async move { current(&vault, "kv/a#f").await });
    }
    let mut successes = 0;
    while let Some(result) = readers.join_next().await {
        successes += u32::from(result.is_ok_and(|body| body == Ok(("value".to_owned(), "3".to_owned()))));
    }
    assert_eq!((successes, server.requests(DATA).len(), vault.metrics().shared()), (1000, 1, 999));
}

#[tokio::test]
async fn cancelled_reader_keeps_shared_read() {
    let server = failing(1, Reply::NoResponse(Duration::from_millis(200))).await;
    let (vault, _files) = with_token(&server, quick());
    let vault = Arc::new(vault);
    let first = tokio::spawn({
        let vault = vault.clone();
        async move { current(&vault, "kv/a#f").await }
    });
    while server.requests(DATA).is_empty() {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(current(&vault, "kv/a#f").await.is_ok());
    assert_eq!((vault.metrics().shared(), vault.metrics().calls()), (1, 1));
}

#[tokio::test]
async fn refresh_and_revoke_detach_older_reads() {
    const READ: &str = "GET /v1/kv/data/a";
    for revokes in [false, true] {
        let first = std::sync::atomic::AtomicBool::new(true);
        let delay = Duration::from_millis(800);
        let server = MockServer::start(move |request| match (&*request.line, good("value")) {
            (READ, Reply::Json(_, body)) if first.swap(false, std::sync::atomic::Ordering::SeqCst) => {
                Reply::Delayed(delay, body)
            }
            ("GET /v1/auth/token/lookup-self", _) => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
            ("POST /v1/kv/delete/a", _) => Reply::Json(204, String::new()),
            (READ, good) => good,
            _ => Reply::Json(403, r#"{"errors":["permission denied"]}"#.to_owned()),
        })
        .await;
        let (vault, _files) = with_token(&server, Settings::default());
        let (vault, reference) = (Arc::new(vault), Reference::new("kv/a#f"));
        let reader = vault.clone();
        let before = tokio::spawn(async move { current(&reader, "kv/a").await });
        while server.requests(DATA).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let version = Version::parse("3").unwrap();
        if revokes {
            vault.revoke(&reference, &version).await.unwrap();
        } else {
            assert!(matches!(vault.refresh_secret(&reference, &version).await, Ok(RefreshOutcome::Unchanged)));
        }
        current(&vault, "kv/a").await.unwrap();
        assert!(!before.is_finished(), "the old read is still in flight");
        before.await.unwrap().unwrap();
        assert_eq!(vault.metrics().shared(), 0);
    }
}

#[tokio::test]
async fn refresh_bypasses_negative_cache() {
    let server = failing(2, Reply::Json(404, r#"{"errors":[]}"#.to_owned())).await;
    let (vault, _files) = with_token(&server, quick());
    for _ in 0..10 {
        assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::NotFound));
    }
    assert_eq!((server.requests(DATA).len(), vault.metrics().absent()), (1, 9));
    let (reference, known) = (Reference::new("kv/a"), Version::parse("1").unwrap());
    assert_eq!(vault.refresh_secret(&reference, &known).await.err(), Some(ProviderError::NotFound));
    assert!(matches!(vault.refresh_secret(&reference, &known).await, Ok(RefreshOutcome::Changed(_))));
    assert!(get(&vault, "kv/a").await.is_ok(), "the refresh clears the cached absence");
}

#[tokio::test]
async fn negative_cache_excludes_other_errors() {
    for reply in [Reply::Json(403, String::new()), Reply::Json(503, String::new())] {
        let server = failing(1, reply).await;
        let (vault, _files) = with_token(&server, quick());
        assert!(get(&vault, "kv/a").await.is_err());
        assert!(get(&vault, "kv/a").await.is_ok());
    }
}

#[tokio::test]
async fn request_has_path_and_headers() {
    let server = failing(0, Reply::EndlessBody).await;
    let files = Files::new();
    let auth = Auth::Token { file: files.write("token", "t0ken") };
    let mut config = config(&server.address, auth);
    config.namespace = Some("team/a".to_owned());
    let vault = open(config, &[], quick());
    assert!(exactly(&vault, "kv/a#f", "3").await.is_ok());
    let requests = server.requests(DATA);
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(request.line, "GET /v1/kv/data/a?version=3");
    let headers = ["x-vault-token", "x-vault-namespace", "x-vault-request"].map(|name| request.header(name));
    assert_eq!(headers, [Some("t0ken"), Some("team/a"), Some("true")]);
}

#[tokio::test]
async fn invalid_version_sends_no_request() {
    let server = failing(0, Reply::EndlessBody).await;
    let (vault, _files) = with_token(&server, quick());
    for text in ["0", "01", "+1", "latest", "kv1-00ff", "99999999999999999999"] {
        assert_eq!(exactly(&vault, "kv/a", text).await, Err(ProviderError::NotFound), "{text}");
    }
    assert!(server.requests(DATA).is_empty());
}

#[tokio::test]
async fn planned_deletion_limits_ttl() {
    for (planned, readable) in [("2999-01-01T00:00:00Z", true), ("2020-01-01T00:00:00Z", false)] {
        let metadata = format!(r#"{{"version":1,"deletion_time":"{planned}"}}"#);
        let body = format!(r#"{{"data":{{"data":{{"f":"v"}},"metadata":{metadata}}}}}"#);
        let server = failing(9, Reply::Json(200, body)).await;
        let (vault, _files) = with_token(&server, quick());
        match get(&vault, "kv/a#f").await {
            Ok(fetched) => assert!(readable && fetched.ttl.unwrap() > Duration::from_secs(3600)),
            Err(error) => assert!(!readable && error == ProviderError::VersionGone(AbsenceReason::Deleted)),
        }
    }
}

#[tokio::test]
async fn health_distinguishes_sealed_from_standby() {
    for (status, expected) in [
        (503, Err(ProviderError::Sealed)),
        (501, Err(ProviderError::Unavailable)),
        (429, Ok(vec![])),
        (473, Ok(vec![])),
        (200, Ok(vec![])),
        (404, Ok(vec![])),
    ] {
        let server = MockServer::start(move |request| match &*request.line {
            "GET /v1/sys/health" => Reply::Json(status, "{}".to_owned()),
            _ => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        })
        .await;
        let (vault, _files) = with_token(&server, quick());
        assert_eq!(vault.list_secrets().await, expected, "{status}");
    }
}

#[tokio::test]
async fn malformed_metadata_is_invalid() {
    for body in [
        r#"{"data":{"current_version":1,"versions":{"1":{"created_time":"s3cr3t-canary"}}}}"#,
        r#"{"data":{"current_version":1,"versions":{"1":{"deletion_time":"s3cr3t-canary"}}}}"#,
        r#"{"data":{"current_version":0,"versions":{"0":{"created_time":"2020-01-01T00:00:00Z"}}}}"#,
        r#"{"data":{"current_version":-1,"versions":{}}}"#,
        r#"{"data":{"current_version":1,"versions":["s3cr3t-canary"]}}"#,
        r#"{"data":{"current_version":1}}"#,
        "[]",
        "",
    ] {
        let server = MockServer::start(move |request| match &*request.line {
            "GET /v1/kv/metadata/a" => Reply::Json(200, body.to_owned()),
            _ => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        })
        .await;
        let (vault, _files) = with_token(&server, quick());
        assert_eq!(vault.describe(&Reference::new("kv/a")).await, Err(ProviderError::Invalid), "{body}");
    }
}
