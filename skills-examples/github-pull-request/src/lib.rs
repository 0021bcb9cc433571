//! Opens an issue in a repository on GitHub, and a pull request that closes it, as a GitHub App.
//!
//! The operator keeps the App's private key. The host exchanges it for a token of one of the App's
//! installations, and the skill sees neither.
//!
//! See <https://docs.github.com/en/rest/issues/issues#create-an-issue> and
//! <https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request>.

#![forbid(unsafe_code)]

use far_skill::http::{Request, Response};
use far_skill::secrets::{self, Secret};
use far_skill::{Error, Schema};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The owner of the repository.
    owner: String,
    /// The repository's name.
    repository: String,
    /// The title of the issue and of the pull request.
    title: String,
    /// The branch with the changes.
    head: String,
    /// The branch to merge them into.
    base: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Output {
    issue: u64,
    pull_request: u64,
}

#[far_skill::skill]
fn open(input: Input) -> Result<Output, Error> {
    let repository = format!("https://api.github.com/repos/{}/{}", name(&input.owner)?, name(&input.repository)?);
    let token = secrets::get("github-app")?;
    let issue = post(&token, &format!("{repository}/issues"), &Issue { title: &input.title })?;
    let body = format!("Closes #{issue}.");
    let Input { title, head, base, .. } = &input;
    let pull_request = post(&token, &format!("{repository}/pulls"), &PullRequest { title, head, base, body })?;
    Ok(Output { issue, pull_request })
}

#[derive(Serialize)]
struct Issue<'a> {
    title: &'a str,
}

#[derive(Serialize)]
struct PullRequest<'a> {
    title: &'a str,
    head: &'a str,
    base: &'a str,
    body: String,
}

/// The used part of GitHub's response.
#[derive(Deserialize)]
struct Created {
    number: u64,
}

#[derive(Deserialize)]
struct ErrorResponse {
    message: String,
}

/// Creates an issue or a pull request and returns its number.
fn post(token: &Secret, url: &str, body: &impl Serialize) -> Result<u64, Error> {
    let response = Request::post(url)
        .bearer(token)?
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        .header("user-agent", "github-pull-request")
        .json(body)?
        .send()?;
    if response.status() == 201 { Ok(response.json::<Created>()?.number) } else { Err(error(&response)) }
}

/// Checks a name, which cannot refer to another path of the API.
fn name(text: &str) -> Result<&str, Error> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if text.is_empty() || text.starts_with('.') || !text.chars().all(is_name) {
        return Err(format!("{text:?} is not a valid owner or repository name").into());
    }
    Ok(text)
}

fn error(response: &Response) -> Error {
    let message =
        response.json::<ErrorResponse>().map_or_else(|_| "without a reason".to_owned(), |error| error.message);
    format!("GitHub refused it with status {}: {message}", response.status()).into()
}

#[cfg(test)]
mod tests {
    use far_skill::testing::{Host, RunError, Use};

    use super::*;

    const NAME: &str = "github-app";

    fn host(responses: &[Response]) -> Host {
        let host = Host::new(far_skill::declaration!()).secret(NAME, "ghs_0123456789");
        responses.iter().fold(host, |host, response| host.respond_with(Ok(response.clone())))
    }

    fn input() -> Input {
        let text = |text: &str| text.to_owned();
        Input {
            owner: text("t"),
            repository: text("far"),
            title: text("Mend it"),
            head: text("mend"),
            base: text("main"),
        }
    }

    #[test]
    fn both_requests_carry_token() {
        let host = host(&[Response::new(201, r#"{"number":7}"#), Response::new(201, r#"{"number":8}"#)]);
        assert_eq!(host.run(open, input()), Ok(Output { issue: 7, pull_request: 8 }));
        assert_eq!(host.uses().iter().filter(|one| **one == Use::send(NAME)).count(), 2);
        let sent = &host.sent()[1];
        assert_eq!(sent.url, "https://api.github.com/repos/t/far/pulls");
        assert_eq!(sent.headers[0].1, "Bearer [sealed:github-app]");
        let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
        let expected = serde_json::json!({ "title": "Mend it", "head": "mend", "base": "main", "body": "Closes #7." });
        assert_eq!(body, expected);
    }

    #[test]
    fn failed_issue_prevents_pull_request() {
        let host = host(&[Response::new(403, r#"{ "message": "Resource not accessible by integration" }"#)]);
        let message = "GitHub refused it with status 403: Resource not accessible by integration";
        assert_eq!(host.run(open, input()), Err(RunError::Failure(message.to_owned())));
        assert_eq!(host.sent().len(), 1);
    }
}
