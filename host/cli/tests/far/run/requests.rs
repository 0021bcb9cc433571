//! Skills that send requests with `far run` to a recording server.

use far_tests::server::{Authority, Server};
use far_tests::{github, guests};

use crate::fixture::Far;

/// Returns a run of the skill that opens an issue, with these lines in `far.toml`.
async fn issue(server: &Server, authority: &Authority, secret: &str) -> Far {
    let config = github::config(server.port(), secret);
    let far = Far::run(guests::GITHUB_ISSUE, "--grant github-token:seal@https://api.github.com --config far.toml");
    let far = far.args(["--input", github::INPUT]);
    far.file("far.toml", config).file("ca.pem", authority.pem()).env_file(&github::env())
}

const HEAD: &str = "\
* task.admitted    task=task-*
* task.started     task=task-*
* secret.requested github-token provider=dev task=task-*
* secret.fetched   github-token version=env-* provider=dev outcome=completed cache=miss duration=*us task=task-*
* secret.injected  github-token version=env-* provider=dev outcome=completed cache=miss duration=*us task=task-*
* secret.sealed    github-token version=env-* provider=dev operation=seal outcome=completed duration=*us task=task-*
";

#[tokio::test(flavor = "multi_thread")]
async fn issue_is_opened_with_sealed_token() {
    let authority = Authority::new();
    let server = Server::start(&authority, github::NAME, github::answer()).await;
    let far = issue(&server, &authority, github::SEAL).await;
    let events = format!(
        "{HEAD}\
* secret.used      github-token version=env-* provider=dev operation=seal destination=https://api.github.com outcome=started task=task-*
* secret.used      github-token version=env-* provider=dev operation=seal destination=https://api.github.com outcome=completed task=task-*
* egress.finished  destination=https://api.github.com outcome=completed status=* sent=yes bytes-sent=* bytes-received=* duration=*us task=task-*
* secret.wiped     github-token version=env-* provider=dev task=task-*
* task.finished    outcome=completed duration=*us task=task-*
"
    );
    let stdout = r#"{"number":7,"url":"https://github.com/t/far/issues/7?t=[redacted:github-token]"}"#;
    tokio::task::spawn_blocking(move || far.stdout(stdout).stderr(events).code(0)).await.unwrap();
    let arrived = server.arrived();
    assert!(arrived[0].starts_with("POST /repos/t/far/issues HTTP/1.1\r\n"), "{}", arrived[0]);
    assert!(arrived[0].contains(&format!("authorization: Bearer {}\r\n", github::TOKEN)));
    assert!(arrived[0].ends_with(r#"{"title":"It broke","body":""}"#));
}

/// The skill sends a request to a server whose authority only the environment names.
#[tokio::test(flavor = "multi_thread")]
async fn environment_selects_authorities() {
    let authority = Authority::new();
    for (variable, named, sent) in
        [("SSL_CERT_FILE", "ca.pem", true), ("SSL_CERT_DIR", "certs", true), ("SSL_CERT_FILE", "other.pem", false)]
    {
        let server = Server::start(&authority, github::NAME, github::answer()).await;
        let far = issue(&server, &authority, github::SEAL).await;
        let config = github::config(server.port(), github::SEAL).replace("ca-file", "# ca-file");
        let far = far.file("far.toml", config).file("other.pem", Authority::new().pem());
        let far = far.folder("certs").mode("certs", 0o755).file("certs/ca.pem", authority.pem());
        let far = far.variable(variable, named);
        let mut command = far.command();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.success(), sent, "{named}: {output:?}");
        assert_eq!(server.arrived().len(), usize::from(sent), "{named}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unpermitted_repository_ends_task() {
    let authority = Authority::new();
    let server = Server::start(&authority, github::NAME, github::answer()).await;
    let far = issue(&server, &authority, &github::SEAL.replace("repos/t", "repos/other")).await;
    let stderr = format!(
        "{HEAD}\
* secret.denied    github-token operation=seal outcome=scope-violation reason=destination task=task-*
* secret.wiped     github-token version=env-* provider=dev task=task-*
* task.finished    outcome=scope-violation duration=*us task=task-*
error: the task was ended: scope violation on 'github-token': the destination was not declared, granted and permitted
"
    );
    let stderr = stderr
        + "  help: the request must match a destination of 'github-token' in skill.json, in the grant (--grant \
           github-token:seal@DESTINATION) and, with --config, under [secrets.github-token]\n";
    let ran = tokio::task::spawn_blocking(move || far.stderr(stderr).code(3)).await;
    assert!(ran.is_ok() && server.connections() == 0);
}
