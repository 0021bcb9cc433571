//! A fake of GitHub's API for skills that open an issue, and its configuration.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::server::Answer;

/// The API's host.
pub const NAME: &str = "api.github.com";
/// The token that the fake accepts.
pub const TOKEN: &str = "ghs-canary-4b1d07-c35e98a2f6";
/// A skill's input that opens an accepted issue.
pub const INPUT: &str = r#"{"owner":"t","repository":"far","title":"It broke"}"#;
/// The length of the long issue's body: more than a client writes at once.
const LONG: usize = 100_000;
/// The lines of `far.toml` that permit the token.
pub const SEAL: &str = "operations = ['seal']\ndestinations = ['https://api.github.com/repos/t']\n";

/// Answers like the API when an issue is opened, but also echoes the token.
pub fn answer() -> Answer {
    Arc::new(|request: &str| {
        let authorized = request.contains(&format!("authorization: Bearer {TOKEN}\r\n"));
        let (status, body) = match request.split_once("\r\n\r\n") {
            _ if !authorized => ("401 Unauthorized", r#"{"message":"Bad credentials"}"#.to_owned()),
            Some((head, body)) if head.starts_with("POST /repos/t/far/issues HTTP/1.1\r\n") && is_issue(body) => (
                "201 Created",
                format!(r#"{{"number":7,"html_url":"https://github.com/t/far/issues/7?t={TOKEN}","id":1}}"#),
            ),
            _ => ("422 Unprocessable Entity", r#"{"message":"Validation Failed"}"#.to_owned()),
        };
        let head = format!("HTTP/1.1 {status}\r\nx-echo: {TOKEN}\r\ncontent-length: {}\r\n\r\n", body.len());
        // Splits the answer in the middle of the token.
        let (first, second) = body.split_at(body.find(TOKEN).map_or(0, |at| at + TOKEN.len() / 2));
        [&head, first, second].map(|piece| piece.as_bytes().to_vec()).into()
    })
}

fn is_issue(body: &str) -> bool {
    let issue: Value = serde_json::from_str(body).unwrap_or_default();
    issue["title"] == "It broke" && issue["body"].as_str().is_some_and(|text| [0, LONG].contains(&text.len()))
}

/// Returns a skill's input that opens an issue with a long body.
pub fn long_input() -> String {
    json!({ "owner": "t", "repository": "far", "title": "It broke", "body": "x".repeat(LONG) }).to_string()
}

/// Returns a `far.toml` for a server at this port, whose authority is in `ca.pem`. `secret` has the
/// lines about the token. A request to `collector.example` reaches the same server.
pub fn config(port: u16, secret: &str) -> String {
    format!(
        "[egress]\nnetworks = ['127.0.0.0/8']\nca-file = 'ca.pem'\n\
         hosts = {{ '{NAME}' = '127.0.0.1:{port}', 'collector.example' = '127.0.0.1:{port}' }}\n\
         [providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.github-token]\nprovider = 'dev'\n{secret}"
    )
}

/// Returns the `.env` with the token.
pub fn env() -> String {
    format!("GITHUB_TOKEN={TOKEN}\n")
}
