//! A message is posted to what answers as Slack's API does.

use std::sync::Arc;

use far_servers::Authority;
use far_servers::https::{Arrived, Https, Reply};
use far_tests::guests;

use super::Example;

const TOKEN: &str = "xoxb-canary-70b6a9";

/// As Slack answers: failures too have status 200, but for one that says to wait.
fn slack(authority: &Authority) -> Https {
    let answer = |request: &Arrived| {
        let json = |status, text: String| Reply::new(status, text).header("content-type", "application/json");
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let field = |name: &str| body.get(name).and_then(serde_json::Value::as_str);
        match (request.header("authorization"), field("channel")) {
            (Some("Bearer xoxb-canary-70b6a9"), Some("#busy")) => {
                json(429, r#"{"ok":false,"error":"ratelimited"}"#.to_owned()).header("retry-after", "30")
            }
            (Some("Bearer xoxb-canary-70b6a9"), Some("#general")) => {
                // It says what it was sent, and this time more than it should.
                let said = format!("{}, with {TOKEN}", field("text").unwrap_or_default());
                let message = serde_json::json!({ "type": "message", "text": said });
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
fn a_message_is_posted_with_a_token_that_the_skill_never_has() {
    let authority = Authority::new();
    let server = slack(&authority);
    let example = example(&server, r##"{"channel":"#general","text":"Done."}"##);
    // What is called so is masked in what is compared.
    let far = example.run(&authority, PERMITTED).stdout(r#"{"channel":"C0123","ts":"*"}"#);
    far.stderr(example.sent(1)).code(0);
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 1);
    assert_eq!((arrived[0].method.as_str(), arrived[0].target.as_str()), ("POST", "/api/chat.postMessage"));
    assert_eq!(arrived[0].header("authorization"), Some("Bearer xoxb-canary-70b6a9"));
    assert_eq!(arrived[0].body, br##"{"channel":"#general","text":"Done."}"##);
}

#[test]
fn what_slack_refuses_is_told_without_the_token_that_it_echoes() {
    let authority = Authority::new();
    let server = slack(&authority);
    for (input, told) in [
        (r##"{"channel":"#none","text":"x"}"##, "Slack refused it: channel_not_found for [redacted:slack-token]"),
        (r##"{"channel":"#busy","text":"x"}"##, "Slack takes no more messages now; try again in 30 seconds"),
    ] {
        let example = example(&server, input);
        let stderr = format!("{}error: the skill failed: {told}\n", example.failed());
        example.run(&authority, PERMITTED).stderr(stderr).code(1);
    }
}

#[test]
fn another_method_of_the_api_than_the_operator_permits_ends_the_task() {
    let authority = Authority::new();
    let server = slack(&authority);
    let example = example(&server, r##"{"channel":"#general","text":"Done."}"##);
    let permitted = "POST https://slack.com/api/chat.scheduleMessage";
    example.run(&authority, permitted).stderr(example.denied()).code(3);
    assert_eq!(server.arrived(), []);
}
