//! Sends the requests that a test tells it, with or without secrets that it does not see, and answers with what came back. Each
//! test embeds a declaration of its own: where its servers listen is known when they do.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use far_skill::http::{Request, Response};
use far_skill::{sealed, secrets, signing};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The secrets that it gets; `{NAME}` in a request is what stands for one.
    secrets: Vec<String>,
    requests: Vec<Wanted>,
    /// Searches its memory afterwards for a text, which is given with each byte's bits turned over.
    scan: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// Writes the body in pieces of so many bytes, reads as many of the answer, and leaves the rest.
    stream: Option<usize>,
    bearer: Option<String>,
    /// Gets the secret anew for it.
    #[serde(default)]
    anew: bool,
    /// Which key signs the bearer token, and its claims.
    signed: Option<(String, Value)>,
    basic: Option<(String, String)>,
}

#[far_skill::skill(no_declaration)]
fn send(input: Input) -> Result<Value, far_skill::Error> {
    let answers = run(&input)?;
    let found = input.scan.map(|masked| guests::scan(&masked));
    Ok(json!({ "answers": answers, "found": found }))
}

fn run(input: &Input) -> Result<Vec<Value>, far_skill::Error> {
    let mut held = BTreeMap::new();
    for name in &input.secrets {
        held.insert(name.clone(), secrets::get(name)?);
    }
    let mut tokens = BTreeMap::new();
    for (name, secret) in &held {
        tokens.insert(format!("{{{name}}}"), sealed::token(secret)?);
    }
    let filled = |text: &str| tokens.iter().fold(text.to_owned(), |text, (mark, token)| text.replace(mark, token));
    let mut answers = Vec::new();
    for wanted in &input.requests {
        let mut request = Request::new(&wanted.method, filled(&wanted.url));
        for (name, value) in &wanted.headers {
            request = request.header(name, filled(value));
        }
        if let Some(name) = &wanted.bearer {
            if wanted.anew {
                held.insert(name.clone(), secrets::get(name)?);
            }
            request = request.bearer(held.get(name).ok_or("no such secret")?)?;
        }
        if let Some((name, claims)) = &wanted.signed {
            let key = secrets::get(name)?;
            request = request.bearer(&signing::sign_jwt(&key, claims)?)?;
        }
        if let Some((user, name)) = &wanted.basic {
            request = request.basic(user, held.get(name).ok_or("no such secret")?)?;
        }
        let body = filled(&wanted.body);
        let answer = match wanted.stream {
            None => request.body(body).send().map(|response| described(&response)),
            Some(length) => streamed(request, body.as_bytes(), length),
        };
        answers.push(answer.unwrap_or_else(|error| json!({ "error": format!("{error:?}") })));
    }
    Ok(answers)
}

fn streamed(request: Request, body: &[u8], length: usize) -> Result<Value, far_skill::http::Error> {
    let mut outgoing = request.start()?;
    for piece in body.chunks(length) {
        outgoing.write_all(piece).expect("it never fails");
    }
    let mut answer = outgoing.finish()?;
    let mut start = vec![0; length];
    let read = answer.read(&mut start).unwrap_or_default();
    Ok(json!({ "status": answer.status(), "body": String::from_utf8_lossy(&start[..read]) }))
}

fn described(response: &Response) -> Value {
    let texts = |fields: &[(String, Vec<u8>)]| -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned())).collect()
    };
    json!({
        "status": response.status(),
        "headers": texts(response.headers()),
        "body": String::from_utf8_lossy(response.body()),
        "trailers": texts(response.trailers()),
    })
}
