//! A TLS front of OpenBao. It forwards requests, learns every secret in an answer, and injects
//! faulty answers with secrets in unexpected places.

use std::net::SocketAddr;
use std::sync::Arc;

use far_servers::http::{self, Request};
use far_servers::https::{Handler, Https, ReceivedRequest, Reply};
use far_servers::{Authority, OpenBao};
use serde_json::Value;

use crate::traces::canaries::Canaries;

/// The JSON members that are secrets.
const SECRET_MEMBERS: [&str; 6] = ["client_token", "token", "secret_id", "password", "private_key", "username"];
/// The path prefix of faulty answers, followed by the name of the fault.
const FAULT_PREFIX: &str = "/wrong-";

/// The faults, by name. Each body contains the secret that the front was started with.
pub(crate) const FAULTS: [&str; 14] = [
    "403",
    "404",
    "400",
    "500",
    "503",
    "429",
    "redirect",
    "text",
    "not-utf8",
    "half",
    "type",
    "value-type",
    "version",
    "lease",
];

/// Starts the front.
pub(crate) fn start(bao: &OpenBao, authority: &Authority, canaries: &Canaries) -> Https {
    let (backend, canaries) = (bao.socket(), canaries.clone());
    let secret = canaries.new_word("in-wrong-answers");
    let handler: Handler = Arc::new(move |request| match requested_fault(request) {
        Some(fault) => answer(&fault, &secret),
        None => forward(backend, request, &canaries),
    });
    Https::start(authority, "localhost", handler).unwrap()
}

fn requested_fault(request: &ReceivedRequest) -> Option<String> {
    let (_, fault) = request.target.split_once(FAULT_PREFIX)?;
    Some(fault.split(['/', '?']).next().unwrap_or_default().to_owned())
}

pub(crate) fn answer(fault: &str, secret: &str) -> Reply {
    let json = |status, body: String| Reply::new(status, body).header("content-type", "application/json");
    let ok = |body: String| json(200, body);
    let errors = || format!(r#"{{"errors":["no {secret} here"],"data":{{"value":"{secret}"}}}}"#);
    match fault {
        "redirect" => {
            Reply::new(307, errors()).header("location", format!("https://localhost:1/{secret}?token={secret}"))
        }
        "429" => json(429, errors()).header("retry-after", secret),
        "text" => ok(format!("<html>{secret}")),
        "not-utf8" => ok(format!("{{\"data\":\"\u{0}{secret}")),
        "half" => ok(format!(r#"{{"data":{{"data":{{"value":"{secret}"#)),
        "type" => ok(format!(r#"{{"data":"{secret}","auth":"{secret}","lease_duration":"{secret}"}}"#)),
        "value-type" => {
            ok(format!(r#"{{"data":{{"data":["{secret}"],"metadata":{{"version":1}}}},"auth":["{secret}"]}}"#))
        }
        "version" => ok(format!(r#"{{"data":{{"data":{{"value":"x"}},"metadata":{{"version":"{secret}"}}}}}}"#)),
        "lease" => ok(format!(
            r#"{{"lease_id":"{secret}","lease_duration":60,"renewable":"{secret}","data":{{"value":"{secret}"}},"auth":{{"client_token":["{secret}"]}}}}"#
        )),
        status => json(status.parse().unwrap(), errors()),
    }
}

fn forward(backend: SocketAddr, request: &ReceivedRequest, canaries: &Canaries) -> Reply {
    let headers =
        request.headers.iter().filter(|(name, _)| !["connection", "content-length", "host"].contains(&&**name));
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let ReceivedRequest { method, target, body, .. } = request;
    let answer = http::send(backend, &Request { method, path: target, headers: &headers, body }).unwrap();
    learn(&serde_json::from_slice(&answer.body).unwrap_or_default(), canaries);
    Reply::new(answer.status, answer.body).header("content-type", "application/json")
}

/// Learns the secrets in an answer, at any depth.
fn learn(json: &Value, canaries: &Canaries) {
    let members = json.as_object().into_iter().flatten();
    for (name, value) in members {
        match value.as_str() {
            // Shorter strings match by chance.
            Some(text) if SECRET_MEMBERS.contains(&&**name) && text.len() >= far_needle::WINDOW => {
                canaries.learn(name, text)
            }
            _ => learn(value, canaries),
        }
    }
}
