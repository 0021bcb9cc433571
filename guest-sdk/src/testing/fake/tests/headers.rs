//! Restricted headers, and hosts that require a secret. The cases are the real host's.

use std::collections::BTreeMap;

use crate::Error;
use crate::http::{self, Request, Response};
use crate::secrets::{self, Operation};
use crate::testing::{Declaration, DeclaredSecret, Host, Use};

const SEAL: &[Operation] = &[Operation::Seal];

const DECLARATION: Declaration = Declaration {
    secrets: &[
        DeclaredSecret::new("token", SEAL).optional().destinations(&["POST https://a.example/v1"]),
        DeclaredSecret::new("key", SEAL)
            .optional()
            .destinations(&["https://*.b.example"])
            .placements(&["header:x-api-key", "header:cookie"]),
    ],
};

fn host() -> Host {
    let host = Host::new(DECLARATION).secret("token", "v4lue").secret("key", "s3same");
    host.respond_with(Ok(Response::new(200, ""))).respond_with(Ok(Response::new(200, "")))
}

/// Sends a request and returns the headers that left.
fn sends(
    host: &Host,
    make: impl Fn() -> Result<Request, Error>,
) -> Result<Result<Vec<(String, String)>, http::Error>, crate::testing::RunError> {
    let status =
        host.run(|()| Ok(make()?.send().map(|answer| answer.status()).map_err(|error| error.to_string())), ())?;
    Ok(match status {
        Ok(_) => Ok(host.sent().remove(0).headers),
        Err(message) => {
            assert!(host.sent().is_empty() && !host.uses().iter().any(|used| matches!(used, Use::Send(_))));
            let error =
                [http::Error::Denied, http::Error::Invalid].into_iter().find(|error| error.to_string() == message);
            Err(error.unwrap())
        }
    })
}

fn with(name: &str, value: &[u8]) -> Result<Vec<(String, String)>, http::Error> {
    sends(&host(), || Ok(Request::get("https://c.example/").header(name, value).header("x-kept", "yes"))).unwrap()
}

/// `far-tests` sends the same headers with the real host, whose engine rejects some of them.
#[test]
fn restricted_headers_do_not_leave() {
    let table: BTreeMap<String, Vec<String>> =
        serde_json::from_str(include_str!("../../../../../host/capability/tests/tables/headers.json")).unwrap();
    let allowed = || ("x-kept".to_owned(), "yes".to_owned());
    for name in &table["refused"] {
        assert_eq!(with(name, b"x"), Err(http::Error::Invalid), "{name}");
    }
    for name in &table["stripped"] {
        assert_eq!(with(name, b"x"), Ok(vec![allowed()]), "{name}");
    }
    for name in &table["kept"] {
        assert_eq!(with(name, b"x"), Ok(vec![(name.clone(), "x".to_owned()), allowed()]), "{name}");
    }
}

#[test]
fn malformed_header_makes_request_invalid() {
    for (name, value) in
        [("x-a", &b"x\r\nx-b: y"[..]), ("x-a", b"x\0"), ("x-a", b"\x7f"), ("x a", b"x"), ("x-a\r\n", b"x"), ("", b"x")]
    {
        assert_eq!(with(name, value), Err(http::Error::Invalid), "{name:?}");
    }
    assert!(with("x-a", b"a\tb \xe9").is_ok());
}

#[test]
fn only_sealed_host_requires_secret() {
    let host = host().only_sealed("token").only_sealed("key");
    let own = |url: &'static str| sends(&host, move || Ok(Request::post(url).header("authorization", "Bearer my-own")));
    // The rule covers each path, method, port and scheme of the host.
    for url in ["https://a.example/v1", "https://a.example/other", "https://a.example:8443/", "http://a.example/"] {
        assert_eq!(own(url), Ok(Err(http::Error::Denied)), "{url}");
    }
    assert_eq!(own("https://eu.b.example/"), Ok(Err(http::Error::Denied)));
    // Hosts outside the destinations.
    for url in ["https://b.example/", "https://x.a.example/", "https://c.example/"] {
        assert_eq!(own(url).unwrap().unwrap().len(), 1, "{url}");
    }
    // The rule also covers a secret that is not granted.
    let ungranted = Host::new(DECLARATION).without("token").only_sealed("token");
    assert_eq!(sends(&ungranted, || Ok(Request::post("https://a.example/v1"))), Ok(Err(http::Error::Denied)));
}

#[test]
fn only_sealed_strips_other_credentials() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let sealed = || -> Result<Request, Error> {
        let token = secrets::get("token")?;
        Ok(Request::post("https://a.example/v1").header("Cookie", "a=b").header("x-a", "c").bearer(&token)?)
    };
    let shown = header("authorization", "Bearer [sealed:token]");
    assert_eq!(sends(&host().only_sealed("token"), sealed), Ok(Ok(vec![header("x-a", "c"), shown.clone()])));
    let beside = vec![header("Cookie", "a=b"), header("x-a", "c"), shown];
    assert_eq!(sends(&host(), sealed), Ok(Ok(beside)), "without `only-sealed`");

    let key = |name: &'static str| {
        move || -> Result<Request, Error> {
            let key = secrets::get("key")?;
            let request = Request::get("https://eu.b.example/").header("authorization", "Bearer my-own");
            Ok(request.header_secret(name, &key)?)
        }
    };
    for name in ["x-api-key", "cookie"] {
        let left = vec![header(name, "[sealed:key]")];
        assert_eq!(sends(&host().only_sealed("key"), key(name)), Ok(Ok(left)));
    }
}
