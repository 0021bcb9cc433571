//! The provider's token: login, renewal and replacement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

const VALUE: &str = r#"{"data":{"data":{"f":"value"},"metadata":{"version":1}}}"#;

fn token(number: usize, lease: u64, renewable: bool) -> Reply {
    let auth = format!(r#"{{"client_token":"t{number}","lease_duration":{lease},"renewable":{renewable}}}"#);
    Reply::Json(200, format!(r#"{{"auth":{auth}}}"#))
}

fn denied() -> Reply {
    Reply::Json(403, r#"{"errors":["permission denied"]}"#.to_owned())
}

fn value() -> Reply {
    Reply::Json(200, VALUE.to_owned())
}

fn approle(files: &Files) -> Auth {
    let secret_id = SecretId::File(files.write("secret-id", "s1d\n"));
    Auth::AppRole { mount: "approle".to_owned(), role_id: "role-1".to_owned(), secret_id }
}

/// Waits until the number of logins reaches `times`.
async fn logged_in(vault: &Vault, times: u64) {
    let wait = async {
        while vault.metrics().logins() < times {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn expired_token_is_replaced_once() {
    let (logins, ended) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let state = ended.clone();
    let server = MockServer::start(move |request| match (&*request.line, request.header("x-vault-token")) {
        ("POST /v1/auth/approle/login", _) => token(logins.fetch_add(1, Ordering::SeqCst), 0, false),
        (_, Some("t0")) if state.load(Ordering::SeqCst) => denied(),
        ("GET /v1/auth/token/lookup-self", _) => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        ("GET /v1/kv/data/forbidden", _) => denied(),
        _ => value(),
    })
    .await;
    let files = Files::new();
    let vault = open(config(&server.address, approle(&files)), &[], Settings::default());
    assert!(get(&vault, "kv/a").await.is_ok());
    ended.store(true, Ordering::SeqCst);
    assert!(get(&vault, "kv/a").await.is_ok(), "with a new token");
    assert_eq!(vault.metrics().logins(), 2);
    for _ in 0..5 {
        assert_eq!(get(&vault, "kv/forbidden").await.err(), Some(ProviderError::Denied));
    }
    assert_eq!(vault.metrics().logins(), 2, "a denied request causes no login");
    assert_eq!(server.requests("lookup-self").len(), 2, "nor a lookup each time");
}

#[tokio::test]
async fn denied_reads_do_not_repeat_logins() {
    // Tokens of this server may not look up themselves.
    let logins = AtomicUsize::new(0);
    let server = MockServer::start(move |request| match &*request.line {
        "POST /v1/auth/approle/login" => token(logins.fetch_add(1, Ordering::SeqCst), 0, false),
        _ => denied(),
    })
    .await;
    let files = Files::new();
    let vault = open(config(&server.address, approle(&files)), &[], Settings::default());
    for _ in 0..5 {
        assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Denied));
    }
    assert_eq!(vault.metrics().logins(), 2);
}

#[tokio::test]
async fn shrinking_renewal_replaces_token() {
    // The TTL is three seconds, then three, then one: the token approaches its maximum TTL and is
    // replaced.
    let (logins, renewals) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = MockServer::start(move |request| match &*request.line {
        "POST /v1/auth/approle/login" => token(logins.fetch_add(1, Ordering::SeqCst), 3, true),
        "POST /v1/auth/token/renew-self" => match renewals.fetch_add(1, Ordering::SeqCst) {
            0 => token(0, 3, true),
            _ => token(0, 1, true),
        },
        _ => value(),
    })
    .await;
    let files = Files::new();
    let vault = open(config(&server.address, approle(&files)), &[], Settings::default());
    assert!(get(&vault, "kv/a").await.is_ok());
    logged_in(&vault, 2).await;
    assert_eq!(server.requests("renew-self").len(), 2);
    assert!(server.requests("renew-self").iter().all(|request| request.header("x-vault-token") == Some("t0")));
    assert!(get(&vault, "kv/a").await.is_ok());
    assert_eq!(server.requests("kv/data").last().unwrap().header("x-vault-token"), Some("t1"));
}

#[tokio::test]
async fn token_with_huge_ttl_is_kept() {
    let server = MockServer::start(|request| match request.line.contains("login") {
        true => token(0, u64::MAX, true),
        false => value(),
    })
    .await;
    let files = Files::new();
    let vault = open(config(&server.address, approle(&files)), &[], Settings::default());
    assert!(get(&vault, "kv/a").await.is_ok() && get(&vault, "kv/b").await.is_ok());
    assert_eq!(vault.metrics().logins(), 1);
}

#[tokio::test]
async fn concurrent_reads_share_one_login() {
    let server = MockServer::start(|request| match request.line.contains("login") {
        true => token(0, 0, false),
        false => value(),
    })
    .await;
    let files = Files::new();
    let jwt = files.write("jwt", "a.b.c");
    let cases = [
        (approle(&files), "approle", r#"{"role_id":"role-1","secret_id":"s1d"}"#),
        (
            Auth::Kubernetes { mount: "k8s/eu".to_owned(), role: "far".to_owned(), token_file: jwt.clone() },
            "k8s/eu",
            r#"{"role":"far","jwt":"a.b.c"}"#,
        ),
        (
            Auth::Jwt { mount: "jwt".to_owned(), role: "r\"".to_owned(), file: jwt },
            "jwt",
            r#"{"role":"r\"","jwt":"a.b.c"}"#,
        ),
    ];
    for (auth, mount, body) in cases {
        let vault = Arc::new(open(config(&server.address, auth), &[], Settings::default()));
        let ask = |path: &'static str| {
            let vault = vault.clone();
            async move { get(&vault, path).await }
        };
        let (one, other) = tokio::join!(ask("kv/a"), ask("kv/b"));
        assert!(one.is_ok() && other.is_ok());
        let requests = server.requests(&format!("POST /v1/auth/{mount}/login"));
        let [login] = &requests[..] else { panic!("{requests:?}") };
        assert_eq!((&*login.body, login.header("x-vault-token")), (body, None));
    }
}

#[tokio::test]
async fn rejected_credential_is_unauthenticated() {
    for status in [400, 401, 403, 404] {
        let server = MockServer::start(move |_| Reply::Json(status, format!(r#"{{"errors":["{CANARY}"]}}"#))).await;
        let files = Files::new();
        let vault = open(config(&server.address, approle(&files)), &[], Settings::default());
        assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Unauthenticated), "{status}");
        assert_eq!(server.requests("").len(), 1, "no retry");
    }
    // A failing server is a different error.
    let server = MockServer::start(|_| Reply::Json(503, String::new())).await;
    let files = Files::new();
    let vault = open(config(&server.address, approle(&files)), &[], Settings::default());
    assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Sealed));
}

#[tokio::test]
async fn each_login_rereads_credential_file() {
    let server = MockServer::start(|request| match request.header("x-vault-token") {
        Some("t0") => denied(),
        _ if request.line.contains("lookup-self") => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
        _ => value(),
    })
    .await;
    let files = Files::new();
    let auth = Auth::Token { file: files.write("token", "t0") };
    let vault = open(config(&server.address, auth), &[], Settings::default());
    assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Unauthenticated));
    files.write("token", "t1\n");
    assert!(get(&vault, "kv/a").await.is_ok());
    files.write("token", "t1\nX-Evil: 1\n");
    assert!(get(&vault, "kv/a").await.is_ok(), "the current token stays");
}

#[tokio::test]
async fn invalid_credential_file_fails_open() {
    let files = Files::new();
    let refused = |auth: Auth| {
        let id = ProviderId::parse("vault").unwrap();
        let error = Vault::open(id, config("http://127.0.0.1:1", auth), vec![]).err().unwrap();
        let shown = format!("{error} {error:?} {}", error.help());
        assert!(!shown.contains(CANARY), "{shown}");
        error.to_string().replace(&*files.0.path().to_string_lossy(), "")
    };
    let token = |name: &str, content: &str| Auth::Token { file: files.write(name, content) };
    assert_eq!(refused(token("two", &format!("a\n{CANARY}"))), "'/two' is not one line of visible characters");
    let open = token("open", CANARY);
    fs::set_permissions(files.0.path().join("open"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(refused(open), "'/open' is accessible to other users (mode 0644)");
    let absent = Auth::Token { file: files.0.path().join("absent") };
    assert_eq!(refused(absent), "'/absent' does not exist");
    let (cert_file, key_file) = (files.write("cert", CANARY), files.write("key", CANARY));
    let certificate = Auth::Certificate { mount: "cert".to_owned(), role: None, cert_file, key_file };
    assert_eq!(refused(certificate), "'/cert' has no valid certificate in PEM");
}

/// Starts a server with a wrapped secret id, created at `path`, which unwraps once.
async fn wrapping(path: &'static str) -> (MockServer, Arc<AtomicBool>) {
    let opened = Arc::new(AtomicBool::new(false));
    let state = opened.clone();
    let server = MockServer::start(move |request| match &*request.line {
        "POST /v1/sys/wrapping/lookup" if state.load(Ordering::SeqCst) => Reply::Json(400, "{}".to_owned()),
        "POST /v1/sys/wrapping/lookup" => Reply::Json(200, format!(r#"{{"data":{{"creation_path":"{path}"}}}}"#)),
        "POST /v1/sys/wrapping/unwrap" => match state.swap(true, Ordering::SeqCst) {
            false => Reply::Json(200, r#"{"data":{"secret_id":"s1d"}}"#.to_owned()),
            true => Reply::Json(400, r#"{"errors":["wrapping token is not valid"]}"#.to_owned()),
        },
        "POST /v1/auth/approle/login" if request.body.contains(r#""secret_id":"s1d""#) => token(0, 1, false),
        "POST /v1/auth/approle/login" => Reply::Json(400, "{}".to_owned()),
        _ => value(),
    })
    .await;
    (server, opened)
}

fn wrapped(server: &MockServer, files: &Files) -> Vault {
    let secret_id = SecretId::Wrapped(files.write("wrapping", "wr4p"));
    let auth = Auth::AppRole { mount: "approle".to_owned(), role_id: "role-1".to_owned(), secret_id };
    open(config(&server.address, auth), &[], Settings::default())
}

#[tokio::test]
async fn wrapped_secret_id_serves_every_login() {
    let (server, _) = wrapping("auth/approle/role/far/secret-id").await;
    let files = Files::new();
    let vault = wrapped(&server, &files);
    assert!(get(&vault, "kv/a").await.is_ok());
    logged_in(&vault, 2).await;
    assert_eq!(server.requests("unwrap").len(), 1);
    assert_eq!(server.requests("unwrap")[0].header("x-vault-token"), Some("wr4p"));
    assert_eq!(vault.metrics().failed_unwraps(), 0);
}

#[tokio::test]
async fn used_wrapping_token_is_not_retried() {
    let (server, opened) = wrapping("auth/approle/role/far/secret-id").await;
    opened.store(true, Ordering::SeqCst);
    let files = Files::new();
    let vault = wrapped(&server, &files);
    for _ in 0..3 {
        assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Unauthenticated));
    }
    assert_eq!((vault.metrics().failed_unwraps(), server.requests("wrapping").len()), (1, 1));
    // A new wrapping token is tried.
    opened.store(false, Ordering::SeqCst);
    files.write("wrapping", "wr4p2");
    assert!(get(&vault, "kv/a").await.is_ok());
}

#[tokio::test]
async fn foreign_wrapping_token_is_not_unwrapped() {
    for path in ["sys/wrapping/wrap", "auth/other/role/far/secret-id", "auth/approle/role/far/role-id"] {
        let (server, _) = wrapping(path).await;
        let files = Files::new();
        let vault = wrapped(&server, &files);
        assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Unauthenticated), "{path}");
        assert_eq!((vault.metrics().failed_unwraps(), server.requests("unwrap").len()), (1, 0));
    }
}

#[test]
fn debug_has_no_credential() {
    let files = Files::new();
    let auth = Auth::Token { file: files.write("token", CANARY) };
    let vault = open(config("http://127.0.0.1:1", auth), &[], Settings::default());
    assert!(!format!("{vault:?}").contains(CANARY));
}
