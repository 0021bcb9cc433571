//! Posts a message to a channel on Slack.
//!
//! The request carries a token that the skill never sees: the host inserts it as the request
//! leaves, for this method of Slack's API only.
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
    /// The channel's id, or its name after a number sign.
    channel: String,
    /// The text of the message, in Slack's own markup.
    text: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Output {
    /// The channel's id.
    channel: String,
    /// The time of the message, which identifies it in its channel.
    ts: String,
}

#[far_skill::skill]
fn post(input: Input) -> Result<Output, far_skill::Error> {
    if input.text.is_empty() {
        return Err("the message is empty".into());
    }
    let token = secrets::get("slack-token")?;
    let response = Request::post(URL).bearer(&token)?.json(&input)?.send()?;
    match response.status() {
        200 => posted(&response),
        429 => Err(rate_limited(&response)),
        status => Err(format!("Slack returned status {status}").into()),
    }
}

/// Slack's response with status 200, for errors too.
#[derive(Deserialize)]
struct PostResponse {
    ok: bool,
    error: Option<String>,
}

fn posted(response: &Response) -> Result<Output, far_skill::Error> {
    let result: PostResponse = response.json()?;
    if result.ok {
        return Ok(response.json()?);
    }
    let error = result.error.unwrap_or_else(|| "without a reason".to_owned());
    Err(format!("Slack refused it: {error}").into())
}

/// Leaves the retry to the caller, because the wait may exceed the task's deadline.
fn rate_limited(response: &Response) -> far_skill::Error {
    let seconds = response.header("retry-after").and_then(|seconds| seconds.trim().parse::<u32>().ok());
    let when = seconds.map_or_else(|| "later".to_owned(), |seconds| format!("in {seconds} seconds"));
    format!("Slack takes no more messages now; try again {when}").into()
}

#[cfg(test)]
mod tests {
    use far_skill::testing::{Host, RunError, Use};

    use super::*;

    const NAME: &str = "slack-token";

    fn host(response: Response) -> Host {
        Host::new(far_skill::declaration!()).secret(NAME, "xoxb-0123456789").respond_with(Ok(response))
    }

    fn input(text: &str) -> Input {
        Input { channel: "#general".to_owned(), text: text.to_owned() }
    }

    fn error(response: Response) -> String {
        match host(response).run(post, input("hello")) {
            Err(RunError::Failure(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn request_carries_token() {
        let response =
            r#"{ "ok": true, "channel": "C123456", "ts": "1503435956.000247", "message": { "text": "hello" } }"#;
        let host = host(Response::new(200, response));
        let posted = Output { channel: "C123456".to_owned(), ts: "1503435956.000247".to_owned() };
        assert_eq!(host.run(post, input("hello")), Ok(posted));
        assert_eq!(host.uses(), [Use::get(NAME), Use::seal(NAME), Use::send(NAME)]);
        let sent = &host.sent()[0];
        assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", URL));
        assert_eq!(sent.headers[0], ("authorization".to_owned(), "Bearer [sealed:slack-token]".to_owned()));
        let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(body, serde_json::json!({ "channel": "#general", "text": "hello" }));
    }

    #[test]
    fn error_with_status_200_is_reported() {
        let message = error(Response::new(200, r#"{ "ok": false, "error": "channel_not_found" }"#));
        assert_eq!(message, "Slack refused it: channel_not_found");
    }

    #[test]
    fn rate_limit_reports_retry_time() {
        let limited = || Response::new(429, r#"{ "ok": false, "error": "ratelimited" }"#);
        let message = "Slack takes no more messages now; try again";
        assert_eq!(error(limited().with_header("Retry-After", "30")), format!("{message} in 30 seconds"));
        assert_eq!(error(limited()), format!("{message} later"));
    }

    #[test]
    fn empty_message_does_not_use_token() {
        let host = host(Response::new(200, ""));
        assert!(matches!(host.run(post, input("")), Err(RunError::Failure(_))));
        assert_eq!(host.uses(), []);
    }
}
