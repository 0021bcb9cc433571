//! Headers that a skill has no say in, and requests that must carry a secret: the cases are the real host's.

use std::collections::BTreeMap;

use crate::Error;
use crate::http::{self, Request, Response};
use crate::secrets::{self, Operation};
use crate::testing::{Declaration, DeclaredSecret, Host, Use};

const SEAL: &[Operation] = &[Operation::Seal];

const DECLARATION: Declaration = Declaration {
    secrets: &[
        DeclaredSecret::new("token", SEAL).optional().sent_to(&["POST https://a.example/v1"]),
        DeclaredSecret::new("key", SEAL)
            .optional()
            .sent_to(&["https://*.b.example"])
            .placed(&["header:x-api-key", "header:cookie"]),
    ],
};

fn host() -> Host {
    let host = Host::new(DECLARATION).secret("token", "v4lue").secret("key", "s3same");
    host.answering(Ok(Response::new(200, ""))).answering(Ok(Response::new(200, "")))
}

/// Sends a request, and answers with the headers that left.
fn sends(
    host: &Host,
    make: impl Fn() -> Result<Request, Error>,
) -> Result<Result<Vec<(String, String)>, http::Error>, crate::testing::Ended> {
    let status =
        host.run(|()| Ok(make()?.send().map(|answer| answer.status()).map_err(|error| error.to_string())), ())?;
    Ok(match status {
        Ok(_) => Ok(host.sent().remove(0).headers),
        Err(told) => {
            assert!(host.sent().is_empty() && !host.uses().iter().any(|used| matches!(used, Use::Sent(_))));
            let of = [http::Error::Denied, http::Error::Invalid].into_iter().find(|error| error.to_string() == told);
            Err(of.unwrap())
        }
    })
}

fn with(name: &str, value: &[u8]) -> Result<Vec<(String, String)>, http::Error> {
    sends(&host(), || Ok(Request::get("https://c.example/").header(name, value).header("x-kept", "yes"))).unwrap()
}

/// `far-tests` sends the same with the real host, whose engine refuses some.
#[test]
fn headers_that_a_skill_has_no_say_in_do_not_leave() {
    let table: BTreeMap<String, Vec<String>> =
        serde_json::from_str(include_str!("../../../../../host/capability/tests/tables/headers.json")).unwrap();
    let kept = || ("x-kept".to_owned(), "yes".to_owned());
    for name in &table["refused"] {
        assert_eq!(with(name, b"x"), Err(http::Error::Invalid), "{name}");
    }
    for name in &table["stripped"] {
        assert_eq!(with(name, b"x"), Ok(vec![kept()]), "{name}");
    }
    for name in &table["kept"] {
        assert_eq!(with(name, b"x"), Ok(vec![(name.clone(), "x".to_owned()), kept()]), "{name}");
    }
}

#[test]
fn what_is_no_header_makes_no_request() {
    for (name, value) in
        [("x-a", &b"x\r\nx-b: y"[..]), ("x-a", b"x\0"), ("x-a", b"\x7f"), ("x a", b"x"), ("x-a\r\n", b"x"), ("", b"x")]
    {
        assert_eq!(with(name, value), Err(http::Error::Invalid), "{name:?}");
    }
    assert!(with("x-a", b"a\tb \xe9").is_ok());
}

#[test]
fn nothing_goes_to_a_host_without_the_secret_that_is_its_credential() {
    let host = host().only_sealed("token").only_sealed("key");
    let own = |url: &'static str| sends(&host, move || Ok(Request::post(url).header("authorization", "Bearer my-own")));
    // Another path, method, port or scheme is the host's all the same.
    for url in ["https://a.example/v1", "https://a.example/other", "https://a.example:8443/", "http://a.example/"] {
        assert_eq!(own(url), Ok(Err(http::Error::Denied)), "{url}");
    }
    assert_eq!(own("https://eu.b.example/"), Ok(Err(http::Error::Denied)));
    // Which is nobody's.
    for url in ["https://b.example/", "https://x.a.example/", "https://c.example/"] {
        assert_eq!(own(url).unwrap().unwrap().len(), 1, "{url}");
    }
    // Not granted, and demanded all the same.
    let ungranted = Host::new(DECLARATION).without("token").only_sealed("token");
    assert_eq!(sends(&ungranted, || Ok(Request::post("https://a.example/v1"))), Ok(Err(http::Error::Denied)));
}

#[test]
fn beside_the_secret_leaves_no_other_credential() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let sealed = || -> Result<Request, Error> {
        let token = secrets::get("token")?;
        Ok(Request::post("https://a.example/v1").header("Cookie", "a=b").header("x-a", "c").bearer(&token)?)
    };
    let shown = header("authorization", "Bearer [sealed:token]");
    assert_eq!(sends(&host().only_sealed("token"), sealed), Ok(Ok(vec![header("x-a", "c"), shown.clone()])));
    let beside = vec![header("Cookie", "a=b"), header("x-a", "c"), shown];
    assert_eq!(sends(&host(), sealed), Ok(Ok(beside)), "where nobody says so");

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
