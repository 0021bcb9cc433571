//! Sends a test's requests, with or without placeholders, and returns the responses. Each test
//! embeds its own declaration, because its servers' ports are known only at run time.

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
    /// The secrets to get. In a request, `{NAME}` is replaced with a secret's placeholder.
    secrets: Vec<String>,
    requests: Vec<RequestSpec>,
    /// Searches the memory afterwards for a string, passed with all bits inverted.
    scan: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestSpec {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// Writes the body in chunks of this length, and reads only as many bytes of the response.
    stream: Option<usize>,
    bearer: Option<String>,
    /// Gets a new handle to the secret.
    #[serde(default)]
    new_handle: bool,
    /// The key that signs the bearer token, and the claims.
    signed: Option<(String, Value)>,
    basic: Option<(String, String)>,
}

#[far_skill::skill(no_declaration)]
fn send(input: Input) -> Result<Value, far_skill::Error> {
    let responses = run(&input)?;
    let found = input.scan.map(|masked| guests::scan(&masked));
    Ok(json!({ "answers": responses, "found": found }))
}

fn run(input: &Input) -> Result<Vec<Value>, far_skill::Error> {
    let mut handles = BTreeMap::new();
    for name in &input.secrets {
        handles.insert(name.clone(), secrets::get(name)?);
    }
    let mut tokens = BTreeMap::new();
    for (name, secret) in &handles {
        tokens.insert(format!("{{{name}}}"), sealed::token(secret)?);
    }
    let fill = |text: &str| tokens.iter().fold(text.to_owned(), |text, (mark, token)| text.replace(mark, token));
    let mut responses = Vec::new();
    for spec in &input.requests {
        let mut request = Request::new(&spec.method, fill(&spec.url));
        for (name, value) in &spec.headers {
            request = request.header(name, fill(value));
        }
        if let Some(name) = &spec.bearer {
            if spec.new_handle {
                handles.insert(name.clone(), secrets::get(name)?);
            }
            request = request.bearer(handles.get(name).ok_or("no such secret")?)?;
        }
        if let Some((name, claims)) = &spec.signed {
            let key = secrets::get(name)?;
            request = request.bearer(&signing::sign_jwt(&key, claims)?)?;
        }
        if let Some((user, name)) = &spec.basic {
            request = request.basic(user, handles.get(name).ok_or("no such secret")?)?;
        }
        let body = fill(&spec.body);
        let response = match spec.stream {
            None => request.body(body).send().map(|response| describe(&response)),
            Some(length) => stream(request, body.as_bytes(), length),
        };
        responses.push(response.unwrap_or_else(|error| json!({ "error": format!("{error:?}") })));
    }
    Ok(responses)
}

fn stream(request: Request, body: &[u8], length: usize) -> Result<Value, far_skill::http::Error> {
    let mut outgoing = request.start()?;
    for chunk in body.chunks(length) {
        outgoing.write_all(chunk).expect("a write never fails");
    }
    let mut response = outgoing.finish()?;
    let mut start = vec![0; length];
    let read = response.read(&mut start).unwrap_or_default();
    Ok(json!({ "status": response.status(), "body": String::from_utf8_lossy(&start[..read]) }))
}

fn describe(response: &Response) -> Value {
    let pairs = |fields: &[(String, Vec<u8>)]| -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned())).collect()
    };
    json!({
        "status": response.status(),
        "headers": pairs(response.headers()),
        "body": String::from_utf8_lossy(response.body()),
        "trailers": pairs(response.trailers()),
    })
}
