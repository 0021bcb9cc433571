//! Requests, with secrets and without.

use crate::http::{self, Request, Response};
use crate::secrets::{self, Operation};
use crate::testing::{Declaration, DeclaredSecret, Ended, Host, Reason, Use};
use crate::{Error, sealed};

const DECLARATION: Declaration = Declaration {
    secrets: &[
        DeclaredSecret::new("token", &[Operation::Seal]).optional(),
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
fn a_stand_in_elsewhere_ends_the_run() {
    let misplaced = |place: fn(&str) -> Request| {
        let skill = move |(): ()| -> Result<(), Error> {
            let token = sealed::token(&secrets::get("token")?)?;
            let _ = place(&token).send();
            Ok(())
        };
        let host = host();
        let Err(Ended::Violation(denial)) = host.run(skill, ()) else { panic!("no violation") };
        assert_eq!((denial.reason, denial.secret.as_str()), (Reason::Placement, "token"));
        assert!(host.sent().is_empty());
    };
    misplaced(|token| Request::get(format!("https://a.example/{token}")));
    misplaced(|token| Request::get("https://a.example/").header("x-token", token));
    misplaced(|token| Request::post("https://a.example/").body(token));
    misplaced(|token| Request::get("https://a.example/").header("authorization", format!("token {token}")));
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
