//! Placements of placeholders and destinations of requests. The cases are the real host's
//! (`capability::destination`, `egress::substitution`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::violation;
use crate::http::{Request, Response};
use crate::secrets::{self, Operation, Secret};
use crate::testing::{Declaration, DeclaredSecret, Denial, Host, Reason, SentRequest, Use};
use crate::{Error, sealed};

const SEAL: &[Operation] = &[Operation::Seal];

const DECLARATION: Declaration = Declaration {
    secrets: &[
        DeclaredSecret::new("token", SEAL).optional().destinations(&["https://a.example"]),
        DeclaredSecret::new("api-key", SEAL)
            .destinations(&["GET,POST https://*.example.com/v1"])
            .placements(&["header:x-api-key", "query:key"]),
    ],
};

fn host() -> Host {
    let host = Host::new(DECLARATION).secret("token", "v4lue").secret("api-key", "s3same");
    host.respond_with(Ok(Response::new(200, "")))
}

fn sends(host: &Host, name: &str, make: impl Fn(&Secret) -> Result<Request, Error>) -> Result<SentRequest, Denial> {
    let skill = |()| {
        let response = make(&secrets::get(name)?)?.send();
        assert_eq!(response.map(|response| response.status()), Ok(200));
        Ok(())
    };
    match host.run(skill, ()) {
        Ok(()) => Ok(host.sent().remove(0)),
        failed => {
            assert!(host.sent().is_empty() && !host.uses().contains(&Use::send(name)));
            Err(violation(failed.err()))
        }
    }
}

/// Returns the reason to deny a request that `place` adds a placeholder to.
fn misplaced(name: &str, url: &str, place: impl Fn(Request, &str) -> Request) -> Option<Reason> {
    let make = |secret: &Secret| Ok(place(Request::get(url), &sealed::token(secret)?));
    sends(&host(), name, make).err().map(|denial| denial.reason)
}

#[test]
fn secret_is_sent_at_declared_placement() {
    let of_header =
        |secret: &Secret| Ok(Request::get("https://eu.example.com/v1/x").header_secret("X-Api-Key", secret)?);
    let sent = sends(&host(), "api-key", of_header).unwrap();
    assert_eq!(sent.headers, [("X-Api-Key".to_owned(), "[sealed:api-key]".to_owned())]);

    let of_query = |secret: &Secret| Ok(Request::post("https://eu.example.com/v1?a=b").query_secret("key", secret)?);
    let host = host();
    let sent = sends(&host, "api-key", of_query).unwrap();
    assert_eq!(sent.url, "https://eu.example.com/v1?a=b&key=[sealed:api-key]");
    assert_eq!(host.uses(), [Use::get("api-key"), Use::seal("api-key"), Use::send("api-key")]);
}

#[test]
fn misplaced_placeholder_is_violation() {
    let url = "https://a.example/";
    let basic = |plain: String| format!("Basic {}", STANDARD.encode(plain));
    let placement = Some(Reason::Placement);
    assert_eq!(misplaced("token", url, |request, token| request.header("x-token", token)), placement);
    assert_eq!(misplaced("token", url, |request, token| request.header(token, "x")), placement);
    assert_eq!(misplaced("token", url, |request, token| request.body(token)), placement);
    assert_eq!(misplaced("token", url, |request, token| request.body(format!("a{token}b"))), placement);
    assert_eq!(misplaced("token", url, |request, token| request.query("key", token)), placement);
    assert_eq!(misplaced("token", url, |_, token| Request::get(format!("https://a.example/{token}"))), placement);
    let headers: [fn(&str) -> String; 5] = [
        |token| token.to_owned(),
        |token| format!("Token {token}"),
        |token| format!("Bearer  {token}"),
        |token| format!("Bearer {token} "),
        |token| format!("Basic user:{token}"),
    ];
    for header in headers {
        assert_eq!(
            misplaced("token", url, |request, token| request.header("authorization", header(token))),
            placement,
            "{}",
            header("TOKEN")
        );
    }
    for plain in
        [|token: &str| format!("{token}:x"), |token: &str| format!("{token}:{token}"), |token: &str| token.into()]
    {
        let place = |request: Request, token: &str| request.header("Authorization", basic(plain(token)));
        assert_eq!(misplaced("token", url, place), placement, "{}", plain("TOKEN"));
    }
    let twice = |request: Request, token: &str| {
        request.header("authorization", format!("Bearer {token}")).header("Authorization", "Bearer x")
    };
    assert_eq!(misplaced("token", url, twice), placement);

    let url = "https://eu.example.com/v1";
    let twice = |request: Request, token: &str| request.query("key", token).query("key", "x");
    assert_eq!(misplaced("api-key", url, twice), placement);
    assert_eq!(misplaced("api-key", url, |request, token| request.query("other", token)), placement);
    let bearer = |secret: &Secret| Ok(Request::get("https://eu.example.com/v1").bearer(secret)?);
    let denial = sends(&host(), "api-key", bearer).unwrap_err();
    assert_eq!(
        denial.to_string(),
        "'api-key': the placeholder is in a part of the request that is not a granted placement; insert the secret with \
         `Request::header_secret(\"x-api-key\", …)` or `Request::query_secret(\"key\", …)`, or declare the placement in skill.json: \
         \"placements\": [\"authorization\"]"
    );
}

#[test]
fn undeclared_destination_is_violation() {
    let goes = |method: &'static str, url: &'static str| {
        sends(&host(), "api-key", |secret| Ok(Request::new(method, url).header_secret("x-api-key", secret)?))
    };
    for url in ["https://eu.example.com/v1", "https://us.example.com/v1/x", "https://eu.example.com/v1/?q=1"] {
        assert!(goes("GET", url).is_ok() && goes("POST", url).is_ok(), "{url}");
    }
    for (method, url) in [
        ("PUT", "https://eu.example.com/v1"),
        ("GET", "http://eu.example.com/v1"),
        ("GET", "https://eu.example.com:8443/v1"),
        ("GET", "https://example.com/v1"),
        ("GET", "https://a.b.example.com/v1"),
        ("GET", "https://eu.example.com.evil.example/v1"),
        ("GET", "https://eu.example.com/v10"),
        ("GET", "https://eu.example.com/"),
    ] {
        let denial = goes(method, url).unwrap_err();
        assert_eq!((denial.reason, denial.operation), (Reason::Destination, Some(Operation::Seal)), "{method} {url}");
    }
    assert_eq!(
        goes("GET", "https://eu.example.com/v2").unwrap_err().to_string(),
        "'api-key': the destination was not declared and granted; the declared destinations are \
         \"GET,POST https://*.example.com/v1\"; declare this one in skill.json: \"destinations\": [\"GET https://eu.example.com/v2\"]"
    );
    let plain = goes("GET", "http://eu.example.com/v1").unwrap_err().to_string();
    assert!(plain.ends_with("send the request over https: a secret cannot be sent over plain http"), "{plain}");
}

#[test]
fn destination_is_checked_ahead_of_placement() {
    let elsewhere = |_: Request, token: &str| Request::get("https://b.example/").body(token);
    assert_eq!(misplaced("token", "https://a.example/", elsewhere), Some(Reason::Destination));
}

#[test]
fn invalid_header_value_is_not_sent() {
    for value in ["two\nlines", ""] {
        let host = host().secret("api-key", value);
        let skill = |()| {
            let request = Request::get("https://eu.example.com/v1");
            let sent = request.header_secret("x-api-key", &secrets::get("api-key")?)?.send();
            Ok(sent.err() == Some(crate::http::Error::Denied))
        };
        assert_eq!(host.run(skill, ()), Ok(true));
        assert!(host.sent().is_empty());
    }
}

/// far-capability has the rules of paths and destinations, and their tests.
#[test]
fn hidden_dot_segment_makes_no_request() {
    let skill = |()| {
        let request = Request::get("https://eu.example.com/v1/..%2fadmin");
        let sent = request.header_secret("x-api-key", &secrets::get("api-key")?)?.send();
        Ok(sent.err() == Some(crate::http::Error::Invalid))
    };
    let host = host();
    assert_eq!(host.run(skill, ()), Ok(true));
    assert!(host.sent().is_empty());
}

#[test]
fn placeholders_per_task_are_limited() {
    // `seal::PLACEHOLDERS_MAX`.
    let skill = |()| {
        let first = secrets::get("token")?;
        for _ in 0..1023 {
            sealed::token(&secrets::get("token")?)?;
        }
        assert_eq!(sealed::token(&first)?, sealed::token(&first)?);
        Ok(sealed::token(&secrets::get("token")?).err() == Some(secrets::Error::Exhausted))
    };
    assert_eq!(host().run(skill, ()), Ok(true));
}
