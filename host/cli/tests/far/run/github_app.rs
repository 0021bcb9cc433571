//! A skill that acts as a GitHub App, without access to the App's key or its installation token.

use far_tests::server::{Authority, Server};
use far_tests::{github, github_app, guests};

use crate::fixture::{Far, FinishedRun};

const INPUT: &str = r#"{"owner":"t","repository":"far","title":"Mend it","head":"mend","base":"main"}"#;

/// Runs the skill with this key in the `.env`, and asserts the result.
async fn run(key: &str, expected: impl FnOnce(Far) -> FinishedRun + Send + 'static) -> [Server; 2] {
    let authority = Authority::new();
    let api = Server::start(&authority, github::NAME, github_app::api()).await;
    let issuer = Server::start(&authority, "localhost", github_app::issuer()).await;
    let far = Far::run(guests::GITHUB_PULL_REQUEST, "--grant github-app:seal@https://api.github.com --config far.toml");
    let far = far.args(["--input", INPUT]).file("far.toml", github_app::config(api.port(), issuer.port()));
    let far = far.file("ca.pem", authority.pem()).env_file(&github_app::env(key));
    // Adds the token to the searched values.
    let far = far.secrets_file("token.env", &format!("TOKEN={}\n", github_app::TOKEN));
    tokio::task::spawn_blocking(move || expected(far)).await.unwrap();
    [api, issuer]
}

#[tokio::test(flavor = "multi_thread")]
async fn github_app_opens_issue_and_pull() {
    let events = "\
* task.admitted    task=task-*
* task.started     task=task-*
* secret.requested github-app provider=dev task=task-*
* secret.fetched   github-app version=token-* provider=dev outcome=completed cache=miss duration=*us task=task-*
* secret.injected  github-app version=token-* provider=dev outcome=completed cache=miss duration=*us task=task-*
* secret.sealed    github-app version=token-* provider=dev operation=seal outcome=completed duration=*us task=task-*
* secret.used      github-app version=token-* provider=dev operation=seal destination=https://api.github.com outcome=started task=task-*
* secret.used      github-app version=token-* provider=dev operation=seal destination=https://api.github.com outcome=completed task=task-*
* egress.finished  destination=https://api.github.com outcome=completed status=* sent=yes bytes-sent=* bytes-received=* duration=*us task=task-*
* secret.sealed    github-app version=token-* provider=dev operation=seal outcome=completed duration=*us task=task-*
* secret.used      github-app version=token-* provider=dev operation=seal destination=https://api.github.com outcome=started task=task-*
* secret.used      github-app version=token-* provider=dev operation=seal destination=https://api.github.com outcome=completed task=task-*
* egress.finished  destination=https://api.github.com outcome=completed status=* sent=yes bytes-sent=* bytes-received=* duration=*us task=task-*
* secret.wiped     github-app version=token-* provider=dev task=task-*
* task.finished    outcome=completed duration=*us task=task-*
";
    let stdout = r#"{"issue":7,"pull_request":8}"#;
    let [api, issuer] = run(github_app::KEY, move |far| far.stdout(stdout).stderr(events).code(0)).await;
    let arrived = api.arrived();
    assert!(arrived[1].starts_with("POST /repos/t/far/pulls HTTP/1.1\r\n"), "{}", arrived[1]);
    assert!(arrived.iter().all(|one| one.contains(&format!("authorization: Bearer {}\r\n", github_app::TOKEN))));
    let issued = issuer.arrived();
    assert_eq!(issued.len(), 1, "one token for the task");
    let key_line = github_app::KEY.lines().nth(1).unwrap();
    assert!(!issued[0].contains(key_line) && !arrived.concat().contains(key_line));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_app_key_gets_no_token() {
    let other = include_str!("../../../../core/src/jwt/keys/ed.pem");
    let events = "\
* task.admitted    task=task-*
* task.started     task=task-*
* secret.requested github-app provider=dev task=task-*
* secret.fetched   github-app provider=dev outcome=failed reason=invalid cache=miss duration=*us task=task-*
* task.finished    outcome=backend-unavailable duration=*us task=task-*
error: the skill failed after a backend was unavailable: the secret is unavailable
  help: check the provider of the secret; the events name it and the reason
";
    let servers = run(other, move |far| far.stderr(events).code(5)).await;
    assert!(servers.iter().all(|server| server.arrived().is_empty()));
}
