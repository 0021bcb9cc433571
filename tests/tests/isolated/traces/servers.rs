//! The servers for requests: one echoes secrets in every part of HTTP, and issues valid and faulty
//! tokens.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_tests::server::{Answer, Authority, Server, ok};
use far_tests::{github_app, server};
use serde_json::json;

use crate::traces::canaries::Canaries;
use crate::traces::front;

/// The servers.
pub(crate) struct Servers {
    /// A server that echoes credentials.
    pub(crate) open: Server,
    /// A server that requires a client certificate.
    pub(crate) mutual: Server,
    /// A server with an untrusted certificate.
    pub(crate) unknown: Server,
    /// The issuer of GitHub's tokens.
    pub(crate) issuer: Server,
    /// A closed port.
    pub(crate) closed_port: u16,
}

impl Servers {
    pub(crate) async fn start(authority: &Authority, canaries: &Canaries) -> Self {
        let answer = echo(canaries);
        canaries.learn("installation-token", github_app::TOKEN);
        Self {
            open: Server::start(authority, "localhost", answer.clone()).await,
            mutual: Server::mutual(authority, "localhost", answer.clone()).await,
            unknown: Server::start(&Authority::new(), "localhost", answer).await,
            issuer: Server::start(authority, "localhost", learning(github_app::issuer(), canaries)).await,
            closed_port: std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
        }
    }

    /// Returns the origins to which secrets may be sent.
    pub(crate) fn origins(&self) -> Vec<String> {
        let servers = [&self.open, &self.mutual, &self.unknown];
        let closed_port = format!("https://localhost:{}", self.closed_port);
        servers.map(server::Server::origin).into_iter().chain([closed_port]).collect()
    }
}

/// The paths with answers that HTTP does not allow.
pub(crate) const MALFORMED: [&str; 5] = ["bad-length", "bad-chunk", "bad-status", "bad-name", "bad-trailer"];

fn echo(canaries: &Canaries) -> Answer {
    let (token, secret) = (canaries.new_word("access-token"), canaries.new_word("in-wrong-tokens"));
    let answer: Answer = Arc::new(move |request: &str| {
        let credential = credential(request);
        let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let raw = |text: String| vec![text.into_bytes()];
        match path {
            "/echo" => vec![
                format!("HTTP/1.1 103 Early Hints\r\nlink: <{credential}>\r\n\r\n").into_bytes(),
                format!(
                    "HTTP/1.1 200 {credential}\r\nx-echo: {credential}\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n\r\n"
                )
                .into_bytes(),
                format!("{:x}\r\n{request}\r\n0\r\nx-late: {credential}\r\n\r\n", request.len()).into_bytes(),
            ],
            "/redirect" => raw(format!("HTTP/1.1 302 Found\r\nlocation: /{credential}\r\ncontent-length: 0\r\n\r\n")),
            "/bad-length" => raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {credential}\r\n\r\n{credential}")),
            "/bad-chunk" => raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{credential}\r\n{credential}\r\n")),
            "/bad-status" => raw(format!("HTTP/1.1 {credential}\r\n\r\n")),
            "/bad-name" => raw(format!("HTTP/1.1 200 OK\r\n{credential} x: {credential}\r\n\r\n")),
            "/bad-trailer" => raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{credential}\r\n\r\n")),
            "/token" => ok(&json!({ "access_token": token, "token_type": "bearer", "expires_in": 3600 }).to_string()),
            path => match path.strip_prefix("/wrong-") {
                Some("token-type") => ok(&json!({ "access_token": secret, "token_type": secret }).to_string()),
                Some("token-value") => ok(&json!({ "access_token": [secret], "token_type": "bearer" }).to_string()),
                Some("token-ends") => {
                    ok(&json!({ "access_token": secret, "token_type": "bearer", "expires_in": secret }).to_string())
                }
                Some(fault) => written(&front::answer(fault, &secret)),
                None => ok("fine"),
            },
        }
    });
    learning(answer, canaries)
}

/// The faults of token issuance, in addition to the general ones.
pub(crate) const TOKEN_FAULTS: [&str; 3] = ["token-type", "token-value", "token-ends"];

/// Learns the signature of each token that arrives. The rest is not secret.
fn learning(answer: Answer, canaries: &Canaries) -> Answer {
    let canaries = canaries.clone();
    Arc::new(move |request: &str| {
        let bearer = request.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
        let mut parts = bearer.unwrap_or_default().split('.');
        if let (Some(_), Some(_), Some(signature)) = (parts.next(), parts.next(), parts.next()) {
            canaries.learn("jwt-signature", signature);
        }
        answer(request)
    })
}

/// Returns the secret in a request. `Basic` is decoded.
fn credential(request: &str) -> String {
    let header = |name| request.lines().find_map(|line| line.strip_prefix(name));
    if let Some(basic) = header("authorization: Basic ") {
        return String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap();
    }
    let query = || request.split("key=").nth(1)?.split(' ').next();
    header("authorization: Bearer ").or_else(|| header("x-api-key: ")).or_else(query).unwrap_or_default().to_owned()
}

fn written(reply: &far_servers::https::Reply) -> Vec<Vec<u8>> {
    let headers: String = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {} .\r\n{headers}content-length: {}\r\n\r\n", reply.status, reply.body.len());
    vec![[head.as_bytes(), &reply.body].concat()]
}
