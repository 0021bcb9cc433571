//! Requests, with secrets and without.

use super::violation;
use crate::http::{self, Request, Response};
use crate::secrets::{self, Operation};
use crate::testing::{Declaration, DeclaredSecret, Ended, Host, Jwt, Reason, Use};
use crate::{Error, sealed, signing};

const DECLARATION: Declaration = Declaration {
    secrets: &[
        DeclaredSecret::new("token", &[Operation::Seal]).optional().sent_to(&["https://a.example"]),
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
fn a_request_is_recorded_with_the_name_of_its_secret() {
    let host = host().answering(Ok(Response::new(201, "made")));
    assert_eq!(host.run(post, "https://a.example/b"), Ok(201));
    assert_eq!(host.uses(), [Use::asked("token"), Use::sealed("token"), Use::sent("token")]);
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
fn a_password_is_recorded_with_its_user() {
    let host = host().answering(Ok(Response::new(200, "")));
    let get = |(): ()| -> Result<(), Error> {
        Request::get("https://a.example/").basic("user", &secrets::get("token")?)?.send()?;
        Ok(())
    };
    assert_eq!(host.run(get, ()), Ok(()));
    assert_eq!(host.sent()[0].headers[0].1, "Basic user:[sealed:token]");
}

#[test]
fn a_server_that_does_not_answer_and_one_that_is_not_let() {
    assert_eq!(host().run(post, "https://a.example"), Err(Ended::Failed("the server does not answer".to_owned())));
    let host = host().answering(Err(http::Error::Denied));
    assert!(matches!(host.run(post, "https://a.example"), Err(Ended::Failed(_))));
}

#[test]
fn uses_are_counted_where_a_secret_is_sent() {
    let host = host().max_uses("token", 1).answering(Ok(Response::new(200, ""))).answering(Ok(Response::new(200, "")));
    let twice = |(): ()| -> Result<Vec<Option<u16>>, Error> {
        let token = secrets::get("token")?;
        let send = || {
            Ok::<_, Error>(Request::get("https://a.example/").bearer(&token)?.send().ok().map(|answer| answer.status()))
        };
        Ok(vec![send()?, send()?])
    };
    assert_eq!(host.run(twice, ()), Ok(vec![Some(200), None]));
}

#[test]
fn a_secret_that_is_not_declared_for_it_is_not_sealed() {
    let skill = |(): ()| -> Result<String, Error> { Ok(sealed::token(&secrets::get("key")?)?) };
    assert!(matches!(host().run(skill, ()), Err(Ended::Violation(denial)) if denial.reason == Reason::Operation));
}

#[test]
fn a_token_that_was_signed_is_sent_in_place_of_its_key() {
    const SIGNS: Declaration = Declaration {
        secrets: &[DeclaredSecret::new("app", &[Operation::Sign, Operation::Seal])
            .sent_to(&["GET https://a.example/app"])
            .signing_tokens(Jwt::new().issuer("app"))],
    };
    let skill = |url: &str| -> Result<(), Error> {
        let token = signing::sign_jwt(&secrets::get("app")?, &serde_json::json!({}))?;
        Request::get(url).bearer(&token)?.send()?;
        Ok(())
    };
    let host = Host::new(SIGNS).secret("app", "k3y").answering(Ok(Response::new(200, "")));
    assert_eq!(host.run(skill, "https://a.example/app/x"), Ok(()));
    assert_eq!(host.uses(), [Use::asked("app"), Use::derived("app"), Use::sealed("app"), Use::sent("app")]);
    assert_eq!(host.sent()[0].headers[0].1, "Bearer [sealed:app]");
    let denial = violation(host.run(skill, "https://a.example/").err());
    assert_eq!((denial.reason, &*denial.secret), (Reason::Destination, "app"));
}

#[test]
fn a_redirect_is_an_answer_like_any_other() {
    let moved = || Response::new(302, "").with_header("location", "https://b.example/");
    let host = host().answering(Ok(moved())).answering(Ok(Response::new(200, "")));
    assert_eq!(host.run(post, "https://a.example/"), Ok(302));
    assert_eq!(host.sent().len(), 1, "nothing follows it");

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
fn a_request_that_cannot_be_decided_on_is_no_violation() {
    // `Target::new`, and the methods that the host does not send.
    for url in
        ["a.example", "https://A.example/", "https://u:p@a.example/", "https://a.example/a/../b", "ftp://a.example/"]
    {
        let told = "the request's URL, method or headers are not valid";
        assert_eq!(host().run(post, url), Err(Ended::Failed(told.to_owned())), "{url}");
    }
    for method in ["TRACE", "CONNECT", "get"] {
        let skill = |()| -> Result<(), Error> {
            Request::new(method, "https://a.example/").bearer(&secrets::get("token")?)?.send()?;
            Ok(())
        };
        let host = host();
        assert!(matches!(host.run(skill, ()), Err(Ended::Failed(_))), "{method}");
        assert!(host.sent().is_empty() && !host.uses().contains(&Use::sent("token")));
    }
}

#[test]
fn a_query_is_encoded_and_put_together() {
    for (url, expected) in [
        ("https://a.example", "https://a.example?a%20b=%26%C3%A9"),
        ("https://a.example/?", "https://a.example/?a%20b=%26%C3%A9"),
        ("https://a.example/?x=1", "https://a.example/?x=1&a%20b=%26%C3%A9"),
        ("https://a.example/?x=1&", "https://a.example/?x=1&a%20b=%26%C3%A9"),
    ] {
        assert_eq!(Request::get(url).query("a b", "&\u{e9}").url(), expected);
    }
}
