//! A message posted to a fake of Slack's API.

use std::sync::Arc;

use far_servers::Authority;
use far_servers::https::{Https, ReceivedRequest, Reply};
use far_tests::guests;

use super::Example;

const TOKEN: &str = "xoxb-canary-70b6a9";

/// Starts a fake of Slack. Failures have status 200, except rate limits.
fn slack(authority: &Authority) -> Https {
    let answer = |request: &ReceivedRequest| {
        let json = |status, text: String| Reply::new(status, text).header("content-type", "application/json");
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let field = |name: &str| body.get(name).and_then(serde_json::Value::as_str);
        match (request.header("authorization"), field("channel")) {
            (Some("Bearer xoxb-canary-70b6a9"), Some("#busy")) => {
                json(429, r#"{"ok":false,"error":"ratelimited"}"#.to_owned()).header("retry-after", "30")
            }
            (Some("Bearer xoxb-canary-70b6a9"), Some("#general")) => {
                // The fake echoes the message and, unlike Slack, the token.
                let echoed = format!("{}, with {TOKEN}", field("text").unwrap_or_default());
                let message = serde_json::json!({ "type": "message", "text": echoed });
                let posted = serde_json::json!({ "ok": true, "channel": "C0123", "ts": "1.2", "message": message });
                json(200, posted.to_string())
            }
            (Some("Bearer xoxb-canary-70b6a9"), _) => {
                json(200, format!(r#"{{"ok":false,"error":"channel_not_found for {TOKEN}"}}"#))
            }
            _ => json(200, r#"{"ok":false,"error":"invalid_auth"}"#.to_owned()),
        }
    };
    Https::start(authority, "slack.com", Arc::new(answer)).unwrap()
}

fn example(server: &Https, input: &'static str) -> Example {
    let port = server.port();
    Example { skill: guests::SLACK, secret: "slack-token", value: TOKEN, host: "slack.com", port, input }
}

const PERMITTED: &str = "POST https://slack.com/api/chat.postMessage";

#[test]
fn message_is_posted_with_sealed_token() {
    let authority = Authority::new();
    let server = slack(&authority);
    let example = example(&server, r##"{"channel":"#general","text":"Done."}"##);
    // The comparison masks fields named `ts`.
    let far = example.run(&authority, PERMITTED).stdout(r#"{"channel":"C0123","ts":"*"}"#);
    far.stderr(example.sent(1)).code(0);
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 1);
    assert_eq!((arrived[0].method.as_str(), arrived[0].target.as_str()), ("POST", "/api/chat.postMessage"));
    assert_eq!(arrived[0].header("authorization"), Some("Bearer xoxb-canary-70b6a9"));
    assert_eq!(arrived[0].body, br##"{"channel":"#general","text":"Done."}"##);
}

#[test]
fn slack_error_redacts_echoed_token() {
    let authority = Authority::new();
    let server = slack(&authority);
    for (input, message) in [
        (r##"{"channel":"#none","text":"x"}"##, "Slack refused it: channel_not_found for [redacted:slack-token]"),
        (r##"{"channel":"#busy","text":"x"}"##, "Slack takes no more messages now; try again in 30 seconds"),
    ] {
        let example = example(&server, input);
        let stderr = format!("{}error: the skill failed: {message}\n", example.failed());
        example.run(&authority, PERMITTED).stderr(stderr).code(1);
    }
}

#[test]
fn unpermitted_api_method_ends_task() {
    let authority = Authority::new();
    let server = slack(&authority);
    let example = example(&server, r##"{"channel":"#general","text":"Done."}"##);
    let permitted = "POST https://slack.com/api/chat.scheduleMessage";
    example.run(&authority, permitted).stderr(example.denied()).code(3);
    assert_eq!(server.arrived(), []);
}
