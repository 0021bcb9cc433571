//! Streaming bodies.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use super::violation;
use crate::http::{self, Request, Response};
use crate::secrets::{self, Operation};
use crate::testing::{Declaration, DeclaredSecret, Host, Reason, Use};
use crate::{Error, sealed};

const DECLARATION: Declaration =
    Declaration { secrets: &[DeclaredSecret::new("token", &[Operation::Seal]).destinations(&["https://a.example"])] };

fn host(body: impl Into<Vec<u8>>) -> Host {
    Host::new(DECLARATION).secret("token", "v4lue").respond_with(Ok(Response::new(200, body)))
}

fn get() -> Request {
    Request::get("https://a.example/")
}

#[test]
fn response_body_is_read_in_chunks() {
    let skill = |()| {
        let mut response = get().send_streaming()?;
        let (mut lengths, mut body) = (Vec::new(), Vec::new());
        while let Some(chunk) = response.chunk()? {
            lengths.push(chunk.len());
            body.extend(chunk);
        }
        assert_eq!((response.chunk()?, response.status()), (None, 200));
        assert!(lengths.len() > 1 && !lengths.contains(&0), "{lengths:?}");
        Ok(body == [7; 2500])
    };
    assert_eq!(host([7; 2500]).run(skill, ()), Ok(true));
}

#[test]
fn response_body_implements_read() {
    let text: String = (0..1000).map(|number| format!("line {number}\n")).collect();
    let skill = |()| {
        let lines = BufReader::new(get().send_streaming()?).lines().collect::<Result<Vec<_>, _>>()?;
        Ok((lines.len(), lines[999].clone()))
    };
    assert_eq!(host(&*text).run(skill, ()), Ok((1000, "line 999".to_owned())));

    let skill = |()| {
        let mut response = get().send_streaming()?;
        let mut start = [0; 3];
        response.read_exact(&mut start)?;
        let next = response.chunk()?.unwrap_or_default();
        let rest = response.into_response()?;
        Ok([&start[..], &next, rest.body()].concat() == text.as_bytes())
    };
    assert_eq!(host(&*text).run(skill, ()), Ok(true), "each byte is read once");
}

#[test]
fn trailers_follow_body() {
    let trailers = vec![("x-sum".to_owned(), b"7".to_vec())];
    let response = || Response { trailers: trailers.clone(), ..Response::new(200, "body") };
    let skill = |()| {
        let mut streamed = get().send_streaming()?;
        assert!(streamed.trailers().is_empty());
        while streamed.chunk()?.is_some() {}
        Ok(streamed.trailers() == trailers && get().send()? == response())
    };
    let host = Host::new(DECLARATION).secret("token", "").respond_with(Ok(response())).respond_with(Ok(response()));
    assert_eq!(host.run(skill, ()), Ok(true));
}

#[test]
fn request_body_is_written_in_chunks() {
    let skill = |()| -> Result<u16, Error> {
        let mut request =
            Request::post("https://a.example/").bearer(&secrets::get("token")?)?.body("start,").start()?;
        for number in 0..3 {
            write!(request, "{number},")?;
        }
        serde_json::to_writer(&mut request, &["end"])?;
        Ok(request.finish()?.status())
    };
    let host = host("");
    assert_eq!(host.run(skill, ()), Ok(200));
    assert_eq!(host.sent()[0].body, b"start,0,1,2,[\"end\"]");
    assert_eq!(host.sent()[0].headers[0].1, "Bearer [sealed:token]");
}

#[test]
fn unfinished_request_is_not_sent() {
    let skill = |()| {
        let request = get().bearer(&secrets::get("token")?)?.start()?;
        drop(request);
        Ok(())
    };
    let host = host("");
    assert_eq!(host.run(skill, ()), Ok(()));
    assert!(host.sent().is_empty());
    assert_eq!(host.uses(), [Use::get("token"), Use::seal("token")]);
}

#[test]
fn split_placeholder_is_found() {
    let skill = |()| {
        let token = sealed::token(&secrets::get("token")?)?;
        let mut request = Request::post("https://a.example/").start()?;
        let (first, second) = token.split_at(20);
        request.write_all(first.as_bytes())?;
        request.write_all(second.as_bytes())?;
        Ok(request.finish()?.status())
    };
    let host = host("");
    assert_eq!(violation(host.run(skill, ()).err()).reason, Reason::Placement);
    assert!(host.sent().is_empty());
}

#[test]
fn finish_returns_request_error() {
    let skill = |()| Ok(get().start()?.finish().err() == Some(http::Error::Unreachable));
    assert_eq!(Host::new(DECLARATION).secret("token", "").run(skill, ()), Ok(true));
}
