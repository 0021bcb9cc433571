//! Opens an issue in a repository on GitHub.
//!
//! The request carries a token that the skill never sees: the host inserts it as the request
//! leaves, for GitHub's API only.
//!
//! See <https://docs.github.com/en/rest/issues/issues#create-an-issue>.

#![forbid(unsafe_code)]

use far_skill::http::{Request, Response};
use far_skill::{Schema, secrets};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The owner of the repository.
    owner: String,
    /// The repository's name.
    repository: String,
    /// The title of the issue.
    title: String,
    /// The text of the issue, as Markdown.
    #[serde(default)]
    body: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Output {
    number: u64,
    url: String,
}

#[far_skill::skill]
fn open(input: Input) -> Result<Output, far_skill::Error> {
    let url = format!("https://api.github.com/repos/{}/{}/issues", name(&input.owner)?, name(&input.repository)?);
    let token = secrets::get("github-token")?;
    let response = Request::post(url)
        .bearer(&token)?
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        .header("user-agent", "github-issue")
        .json(&Issue { title: &input.title, body: &input.body })?
        .send()?;
    if response.status() != 201 {
        return Err(error(&response));
    }
    let issue: CreatedIssue = response.json()?;
    Ok(Output { number: issue.number, url: issue.html_url })
}

#[derive(Serialize)]
struct Issue<'a> {
    title: &'a str,
    body: &'a str,
}

/// The used part of GitHub's response.
#[derive(Deserialize)]
struct CreatedIssue {
    number: u64,
    html_url: String,
}

#[derive(Deserialize)]
struct ErrorResponse {
    message: String,
}

/// Checks a name, which cannot refer to another path of the API.
fn name(text: &str) -> Result<&str, far_skill::Error> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if text.is_empty() || text.starts_with('.') || !text.chars().all(is_name) {
        return Err(format!("{text:?} is not a valid owner or repository name").into());
    }
    Ok(text)
}

fn error(response: &Response) -> far_skill::Error {
    let message =
        response.json::<ErrorResponse>().map_or_else(|_| "without a reason".to_owned(), |error| error.message);
    format!("GitHub refused it with status {}: {message}", response.status()).into()
}

#[cfg(test)]
mod tests {
    use far_skill::http::Response;
    use far_skill::testing::{Host, RunError, Use};

    use super::*;

    const NAME: &str = "github-token";

    fn host(response: Response) -> Host {
        Host::new(far_skill::declaration!()).secret(NAME, "ghs_0123456789").respond_with(Ok(response))
    }

    fn input(owner: &str) -> Input {
        let text = |text: &str| text.to_owned();
        Input { owner: text(owner), repository: text("far"), title: text("It broke"), body: text("Twice.") }
    }

    #[test]
    fn request_carries_token() {
        let host =
            host(Response::new(201, r#"{ "number": 7, "html_url": "https://github.com/t/far/issues/7", "id": 1 }"#));
        let output = Output { number: 7, url: "https://github.com/t/far/issues/7".to_owned() };
        assert_eq!(host.run(open, input("t")), Ok(output));
        assert_eq!(host.uses(), [Use::get(NAME), Use::seal(NAME), Use::send(NAME)]);
        let sent = &host.sent()[0];
        assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", "https://api.github.com/repos/t/far/issues"));
        assert_eq!(sent.headers[0], ("authorization".to_owned(), "Bearer [sealed:github-token]".to_owned()));
        let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(body, serde_json::json!({ "title": "It broke", "body": "Twice." }));
    }

    #[test]
    fn github_error_is_reported() {
        let host = host(Response::new(404, r#"{ "message": "Not Found" }"#));
        let message = "GitHub refused it with status 404: Not Found";
        assert_eq!(host.run(open, input("t")), Err(RunError::Failure(message.to_owned())));
    }

    #[test]
    fn invalid_name_does_not_use_token() {
        for owner in ["", "../user", "a/b", "a?b", "a b", ".."] {
            let host = host(Response::new(201, ""));
            assert!(matches!(host.run(open, input(owner)), Err(RunError::Failure(_))), "{owner}");
            assert_eq!(host.uses(), []);
        }
    }
}
