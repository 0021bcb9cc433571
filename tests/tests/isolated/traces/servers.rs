//! Servers that requests go to: one says back what it was shown in every way that HTTP has, and it issues tokens, well and wrongly.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_tests::server::{Answer, Authority, Server, ok};
use far_tests::{github_app, server};
use serde_json::json;

use crate::traces::canaries::Canaries;
use crate::traces::front;

/// Where they listen.
pub(crate) struct Servers {
    /// Takes everybody, and says back what it is shown.
    pub(crate) open: Server,
    /// Wants a client certificate.
    pub(crate) mutual: Server,
    /// Is not who it should be.
    pub(crate) unknown: Server,
    /// Issues GitHub's tokens.
    pub(crate) issuer: Server,
    /// A port on which nobody listens.
    pub(crate) nobody: u16,
}

impl Servers {
    pub(crate) async fn start(authority: &Authority, canaries: &Canaries) -> Self {
        let answer = says_back(canaries);
        canaries.learn("installation-token", github_app::TOKEN);
        Self {
            open: Server::start(authority, "localhost", answer.clone()).await,
            mutual: Server::mutual(authority, "localhost", answer.clone()).await,
            unknown: Server::start(&Authority::new(), "localhost", answer).await,
            issuer: Server::start(authority, "localhost", and_learn(github_app::issuer(), canaries)).await,
            nobody: std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
        }
    }

    /// All of those that secrets may go to.
    pub(crate) fn origins(&self) -> Vec<String> {
        let servers = [&self.open, &self.mutual, &self.unknown];
        let nobody = format!("https://localhost:{}", self.nobody);
        servers.map(server::Server::origin).into_iter().chain([nobody]).collect()
    }
}

/// In each of these, the answer is none that HTTP allows.
pub(crate) const MALFORMED: [&str; 5] = ["bad-length", "bad-chunk", "bad-status", "bad-name", "bad-trailer"];

fn says_back(canaries: &Canaries) -> Answer {
    let (token, said) = (canaries.new_word("access-token"), canaries.new_word("in-wrong-tokens"));
    let answer: Answer = Arc::new(move |request: &str| {
        let shown = shown(request);
        let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let raw = |text: String| vec![text.into_bytes()];
        match path {
            "/echo" => vec![
                format!("HTTP/1.1 103 Early Hints\r\nlink: <{shown}>\r\n\r\n").into_bytes(),
                format!(
                    "HTTP/1.1 200 {shown}\r\nx-echo: {shown}\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n\r\n"
                )
                .into_bytes(),
                format!("{:x}\r\n{request}\r\n0\r\nx-late: {shown}\r\n\r\n", request.len()).into_bytes(),
            ],
            "/redirect" => raw(format!("HTTP/1.1 302 Found\r\nlocation: /{shown}\r\ncontent-length: 0\r\n\r\n")),
            "/bad-length" => raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {shown}\r\n\r\n{shown}")),
            "/bad-chunk" => raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{shown}\r\n{shown}\r\n")),
            "/bad-status" => raw(format!("HTTP/1.1 {shown}\r\n\r\n")),
            "/bad-name" => raw(format!("HTTP/1.1 200 OK\r\n{shown} x: {shown}\r\n\r\n")),
            "/bad-trailer" => raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{shown}\r\n\r\n")),
            "/token" => ok(&json!({ "access_token": token, "token_type": "bearer", "expires_in": 3600 }).to_string()),
            path => match path.strip_prefix("/wrong-") {
                Some("token-type") => ok(&json!({ "access_token": said, "token_type": said }).to_string()),
                Some("token-value") => ok(&json!({ "access_token": [said], "token_type": "bearer" }).to_string()),
                Some("token-ends") => {
                    ok(&json!({ "access_token": said, "token_type": "bearer", "expires_in": said }).to_string())
                }
                Some(fault) => written(&front::answer(fault, &said)),
                None => ok("fine"),
            },
        }
    });
    and_learn(answer, canaries)
}

/// What goes wrong where a token is issued, besides what goes wrong anywhere.
pub(crate) const WRONG_TOKENS: [&str; 3] = ["token-type", "token-value", "token-ends"];

/// Learns the signature of each token that arrives: the rest of it says nothing.
fn and_learn(answer: Answer, canaries: &Canaries) -> Answer {
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

/// The secret in a request, wherever it is; of `Basic`, decoded.
fn shown(request: &str) -> String {
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
