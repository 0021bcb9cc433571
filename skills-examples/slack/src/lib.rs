//! Posts a message to a channel on Slack.
//!
//! The request carries a token that this skill never sees: the host puts it there as the request leaves, towards this one method
//! of Slack's API and nowhere else.
//!
//! See <https://docs.slack.dev/reference/methods/chat.postMessage>.

#![forbid(unsafe_code)]

use far_skill::http::{Request, Response};
use far_skill::{Schema, secrets};
use serde::{Deserialize, Serialize};

const URL: &str = "https://slack.com/api/chat.postMessage";

#[derive(Deserialize, Serialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The channel's id, or its name with a number sign before it.
    channel: String,
    /// What the message says, in Slack's own markup.
    text: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Output {
    /// The channel's id.
    channel: String,
    /// When it was posted, by which Slack knows a message within its channel.
    ts: String,
}

#[far_skill::skill]
fn post(input: Input) -> Result<Output, far_skill::Error> {
    if input.text.is_empty() {
        return Err("a message says something".into());
    }
    let token = secrets::get("slack-token")?;
    let response = Request::post(URL).bearer(&token)?.json(&input)?.send()?;
    match response.status() {
        200 => posted(&response),
        429 => Err(later(&response)),
        status => Err(format!("Slack answered with status {status}").into()),
    }
}

/// What Slack says with status 200, of failures too.
#[derive(Deserialize)]
struct Said {
    ok: bool,
    error: Option<String>,
}

fn posted(response: &Response) -> Result<Output, far_skill::Error> {
    let said: Said = response.json()?;
    if said.ok {
        return Ok(response.json()?);
    }
    let error = said.error.unwrap_or_else(|| "without a reason".to_owned());
    Err(format!("Slack refused it: {error}").into())
}

/// To wait is for who asked: it may take longer than a task has.
fn later(response: &Response) -> far_skill::Error {
    let seconds = response.header("retry-after").and_then(|seconds| seconds.trim().parse::<u32>().ok());
    let when = seconds.map_or_else(|| "later".to_owned(), |seconds| format!("in {seconds} seconds"));
    format!("Slack takes no more messages now; try again {when}").into()
}

#[cfg(test)]
mod tests {
    use far_skill::testing::{Ended, Host, Use};

    use super::*;

    const NAME: &str = "slack-token";

    fn host(answer: Response) -> Host {
        Host::new(far_skill::declaration!()).secret(NAME, "xoxb-0123456789").answering(Ok(answer))
    }

    fn input(text: &str) -> Input {
        Input { channel: "#general".to_owned(), text: text.to_owned() }
    }

    fn failed(answer: Response) -> String {
        match host(answer).run(post, input("hello")) {
            Err(Ended::Failed(told)) => told,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_posted_with_the_token_in_its_place() {
        let answer =
            r#"{ "ok": true, "channel": "C123456", "ts": "1503435956.000247", "message": { "text": "hello" } }"#;
        let host = host(Response::new(200, answer));
        let posted = Output { channel: "C123456".to_owned(), ts: "1503435956.000247".to_owned() };
        assert_eq!(host.run(post, input("hello")), Ok(posted));
        assert_eq!(host.uses(), [Use::asked(NAME), Use::sealed(NAME), Use::sent(NAME)]);
        let sent = &host.sent()[0];
        assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", URL));
        assert_eq!(sent.headers[0], ("authorization".to_owned(), "Bearer [sealed:slack-token]".to_owned()));
        let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(body, serde_json::json!({ "channel": "#general", "text": "hello" }));
    }

    #[test]
    fn a_refusal_comes_with_status_200_and_is_told() {
        let told = failed(Response::new(200, r#"{ "ok": false, "error": "channel_not_found" }"#));
        assert_eq!(told, "Slack refused it: channel_not_found");
    }

    #[test]
    fn a_limit_is_told_with_the_time_to_wait() {
        let limited = || Response::new(429, r#"{ "ok": false, "error": "ratelimited" }"#);
        let told = "Slack takes no more messages now; try again";
        assert_eq!(failed(limited().with_header("Retry-After", "30")), format!("{told} in 30 seconds"));
        assert_eq!(failed(limited()), format!("{told} later"));
    }

    #[test]
    fn nothing_is_no_message_and_costs_no_use_of_the_token() {
        let host = host(Response::new(200, ""));
        assert!(matches!(host.run(post, input("")), Err(Ended::Failed(_))));
        assert_eq!(host.uses(), []);
    }
}
