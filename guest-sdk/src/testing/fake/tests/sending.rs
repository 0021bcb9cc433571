//! Requests with and without secrets.

use super::violation;
use crate::http::{self, Request, Response};
use crate::secrets::{self, Operation};
use crate::testing::{Declaration, DeclaredSecret, Host, Jwt, Reason, RunError, Use};
use crate::{Error, sealed, signing};

const DECLARATION: Declaration = Declaration {
    secrets: &[
        DeclaredSecret::new("token", &[Operation::Seal]).optional().destinations(&["https://a.example"]),
        DeclaredSecret::new("key", &[Operation::Sign]).optional(),
    ],
};

fn host() -> Host {
    Host::new(DECLARATION).secret("token", "v4lue").secret("key", "k3y")
}

fn post(url: &str) -> Result<u16, Error> {
    let token = secrets::get("token")?;
    let response = Request::post(url).bearer(&token)?.json(&[1])?.send()?;
    Ok(response.status())
}

#[test]
fn sent_request_shows_secret_name() {
    let host = host().respond_with(Ok(Response::new(201, "made")));
    assert_eq!(host.run(post, "https://a.example/b"), Ok(201));
    assert_eq!(host.uses(), [Use::get("token"), Use::seal("token"), Use::send("token")]);
    let [sent] = &host.sent()[..] else { panic!("one request: {:?}", host.sent()) };
    assert_eq!(
        (sent.method.as_str(), sent.url.as_str(), sent.body.as_slice()),
        ("POST", "https://a.example/b", &b"[1]"[..])
    );
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        sent.headers,
        [header("authorization", "Bearer [sealed:token]"), header("content-type", "application/json")]
    );
}

#[test]
fn basic_credentials_show_user() {
    let host = host().respond_with(Ok(Response::new(200, "")));
    let get = |(): ()| -> Result<(), Error> {
        Request::get("https://a.example/").basic("user", &secrets::get("token")?)?.send()?;
        Ok(())
    };
    assert_eq!(host.run(get, ()), Ok(()));
    assert_eq!(host.sent()[0].headers[0].1, "Basic user:[sealed:token]");
}

#[test]
fn request_without_response_fails() {
    assert_eq!(
        host().run(post, "https://a.example"),
        Err(RunError::Failure("the server is unreachable or did not respond in time".to_owned()))
    );
    let host = host().respond_with(Err(http::Error::Denied));
    assert!(matches!(host.run(post, "https://a.example"), Err(RunError::Failure(_))));
}

#[test]
fn sent_secret_counts_as_use() {
    let host =
        host().max_uses("token", 1).respond_with(Ok(Response::new(200, ""))).respond_with(Ok(Response::new(200, "")));
    let twice = |(): ()| -> Result<Vec<Option<u16>>, Error> {
        let token = secrets::get("token")?;
        let send = || {
            Ok::<_, Error>(
                Request::get("https://a.example/").bearer(&token)?.send().ok().map(|response| response.status()),
            )
        };
        Ok(vec![send()?, send()?])
    };
    assert_eq!(host.run(twice, ()), Ok(vec![Some(200), None]));
}

#[test]
fn undeclared_seal_is_violation() {
    let skill = |(): ()| -> Result<String, Error> { Ok(sealed::token(&secrets::get("key")?)?) };
    assert!(matches!(host().run(skill, ()), Err(RunError::Violation(denial)) if denial.reason == Reason::Operation));
}

#[test]
fn signed_token_is_sent_as_bearer() {
    const SIGNS: Declaration = Declaration {
        secrets: &[DeclaredSecret::new("app", &[Operation::Sign, Operation::Seal])
            .destinations(&["GET https://a.example/app"])
            .jwt(Jwt::new().issuer("app"))],
    };
    let skill = |url: &str| -> Result<(), Error> {
        let token = signing::sign_jwt(&secrets::get("app")?, &serde_json::json!({}))?;
        Request::get(url).bearer(&token)?.send()?;
        Ok(())
    };
    let host = Host::new(SIGNS).secret("app", "k3y").respond_with(Ok(Response::new(200, "")));
    assert_eq!(host.run(skill, "https://a.example/app/x"), Ok(()));
    assert_eq!(host.uses(), [Use::get("app"), Use::sign_jwt("app"), Use::seal("app"), Use::send("app")]);
    assert_eq!(host.sent()[0].headers[0].1, "Bearer [sealed:app]");
    let denial = violation(host.run(skill, "https://a.example/").err());
    assert_eq!((denial.reason, &*denial.secret), (Reason::Destination, "app"));
}

#[test]
fn redirect_is_returned_to_skill() {
    let moved = || Response::new(302, "").with_header("location", "https://b.example/");
    let host = host().respond_with(Ok(moved())).respond_with(Ok(Response::new(200, "")));
    assert_eq!(host.run(post, "https://a.example/"), Ok(302));
    assert_eq!(host.sent().len(), 1, "the host does not follow the redirect");

    let follows = |(): ()| -> Result<u16, Error> {
        let token = secrets::get("token")?;
        let moved = Request::get("https://a.example/").bearer(&token)?.send()?;
        let location = moved.header("location").unwrap_or_default();
        Ok(Request::get(location).bearer(&token)?.send()?.status())
    };
    assert_eq!(violation(host.run(follows, ()).err()).reason, Reason::Destination);
    assert_eq!(host.sent().len(), 1);
}

#[test]
fn invalid_request_is_not_violation() {
    // `Target::new`, and the methods that the host does not send.
    for url in
        ["a.example", "https://A.example/", "https://u:p@a.example/", "https://a.example/a/../b", "ftp://a.example/"]
    {
        let message = "invalid URL, method or header";
        assert_eq!(host().run(post, url), Err(RunError::Failure(message.to_owned())), "{url}");
    }
    for method in ["TRACE", "CONNECT", "get"] {
        let skill = |()| -> Result<(), Error> {
            Request::new(method, "https://a.example/").bearer(&secrets::get("token")?)?.send()?;
            Ok(())
        };
        let host = host();
        assert!(matches!(host.run(skill, ()), Err(RunError::Failure(_))), "{method}");
        assert!(host.sent().is_empty() && !host.uses().contains(&Use::send("token")));
    }
}

#[test]
fn query_parameters_are_encoded_and_joined() {
    for (url, expected) in [
        ("https://a.example", "https://a.example?a%20b=%26%C3%A9"),
        ("https://a.example/?", "https://a.example/?a%20b=%26%C3%A9"),
        ("https://a.example/?x=1", "https://a.example/?x=1&a%20b=%26%C3%A9"),
        ("https://a.example/?x=1&", "https://a.example/?x=1&a%20b=%26%C3%A9"),
    ] {
        assert_eq!(Request::get(url).query("a b", "&\u{e9}").url(), expected);
    }
}
