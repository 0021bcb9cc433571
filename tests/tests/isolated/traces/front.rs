//! TLS in front of OpenBao: it passes on what is asked, learns every secret that an answer gives, and has answers go wrong, whose
//! bodies then have secrets in them where none belong.

use std::net::SocketAddr;
use std::sync::Arc;

use far_servers::http::{self, Request};
use far_servers::https::{Arrived, Handler, Https, Reply};
use far_servers::{Authority, OpenBao};
use serde_json::Value;

use crate::traces::canaries::Canaries;

/// Members of JSON that are secrets wherever they stand.
const SECRET: [&str; 6] = ["client_token", "token", "secret_id", "password", "private_key", "username"];
/// Where an answer goes wrong: whatever is below, by the name that follows.
const WRONG: &str = "/wrong-";

/// What goes wrong, by name. Each body says a secret, the one that it is made with, as no good answer would.
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

/// Starts it.
pub(crate) fn start(bao: &OpenBao, authority: &Authority, canaries: &Canaries) -> Https {
    let (backend, canaries) = (bao.socket(), canaries.clone());
    let said = canaries.new_word("in-wrong-answers");
    let handler: Handler = Arc::new(move |request| match wrong(request) {
        Some(fault) => answer(&fault, &said),
        None => passed_on(backend, request, &canaries),
    });
    Https::start(authority, "localhost", handler).unwrap()
}

fn wrong(request: &Arrived) -> Option<String> {
    let (_, fault) = request.target.split_once(WRONG)?;
    Some(fault.split(['/', '?']).next().unwrap_or_default().to_owned())
}

pub(crate) fn answer(fault: &str, said: &str) -> Reply {
    let json = |status, body: String| Reply::new(status, body).header("content-type", "application/json");
    let ok = |body: String| json(200, body);
    let errors = || format!(r#"{{"errors":["no {said} here"],"data":{{"value":"{said}"}}}}"#);
    match fault {
        "redirect" => Reply::new(307, errors()).header("location", format!("https://localhost:1/{said}?token={said}")),
        "429" => json(429, errors()).header("retry-after", said),
        "text" => ok(format!("<html>{said}")),
        "not-utf8" => ok(format!("{{\"data\":\"\u{0}{said}")),
        "half" => ok(format!(r#"{{"data":{{"data":{{"value":"{said}"#)),
        "type" => ok(format!(r#"{{"data":"{said}","auth":"{said}","lease_duration":"{said}"}}"#)),
        "value-type" => ok(format!(r#"{{"data":{{"data":["{said}"],"metadata":{{"version":1}}}},"auth":["{said}"]}}"#)),
        "version" => ok(format!(r#"{{"data":{{"data":{{"value":"x"}},"metadata":{{"version":"{said}"}}}}}}"#)),
        "lease" => ok(format!(
            r#"{{"lease_id":"{said}","lease_duration":60,"renewable":"{said}","data":{{"value":"{said}"}},"auth":{{"client_token":["{said}"]}}}}"#
        )),
        status => json(status.parse().unwrap(), errors()),
    }
}

fn passed_on(backend: SocketAddr, request: &Arrived, canaries: &Canaries) -> Reply {
    let headers =
        request.headers.iter().filter(|(name, _)| !["connection", "content-length", "host"].contains(&&**name));
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let Arrived { method, target, body, .. } = request;
    let answer = http::send(backend, &Request { method, path: target, headers: &headers, body }).unwrap();
    learn(&serde_json::from_slice(&answer.body).unwrap_or_default(), canaries);
    Reply::new(answer.status, answer.body).header("content-type", "application/json")
}

/// Learns what is in an answer, at any depth.
fn learn(json: &Value, canaries: &Canaries) {
    let members = json.as_object().into_iter().flatten();
    for (name, value) in members {
        match value.as_str() {
            // What is shorter is found by chance.
            Some(text) if SECRET.contains(&&**name) && text.len() >= far_needle::WINDOW => canaries.learn(name, text),
            _ => learn(value, canaries),
        }
    }
}
