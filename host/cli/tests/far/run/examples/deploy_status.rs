//! A request to an internal tool with a sealed client certificate.

use std::sync::Arc;

use far_servers::Authority;
use far_tests::guests;
use far_tests::server::{Server, ok};

use crate::fixture::{Far, FinishedRun};

const HOST: &str = "deploy.internal.example";

/// Runs the skill with the certificate permitted for this destination, and asserts the result.
async fn run(permitted: &'static str, expected: impl FnOnce(Far) -> FinishedRun + Send + 'static) -> (Server, Vec<u8>) {
    let authority = Authority::new();
    let answer = Arc::new(|_: &str| ok(r#"{"version":"1.2.3","healthy":true}"#));
    let server = Server::mutual(&authority, HOST, answer).await;
    let (identity, certificate) = authority.client_identity("far");
    let config = format!(
        "[egress]\nnetworks = ['127.0.0.0/8']\nca-file = 'ca.pem'\nhosts = {{ '{HOST}' = '127.0.0.1:{}' }}\n\
         [providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.deploy-client]\nprovider = 'dev'\nkind = \
         'internal-tool-token'\ndestinations = ['{permitted}']\nplacements = ['client-certificate']\nonly-sealed = true\n",
        server.port()
    );
    let task = format!(
        "skill = '{}'\ninput = {{ service = 'web' }}\n[[grants]]\nsecret = 'deploy-client'\noperations = ['seal']\n\
         destinations = ['https://{HOST}']\nplacements = ['client-certificate']\n",
        guests::DEPLOY_STATUS
    );
    let far = Far::new().words("run --task task.toml --config far.toml").file("task.toml", task);
    let far = far.file("far.toml", config).file("ca.pem", authority.pem());
    let far = far.env_file(&format!("DEPLOY_CLIENT=\"{identity}\"\n"));
    tokio::task::spawn_blocking(move || expected(far)).await.unwrap();
    (server, certificate)
}

const HEAD: &str = "\
* task.admitted    task=task-*
* task.started     task=task-*
* secret.requested deploy-client provider=dev task=task-*
* secret.fetched   deploy-client version=env-* provider=dev outcome=completed cache=miss duration=*us task=task-*
* secret.injected  deploy-client version=env-* provider=dev outcome=completed cache=miss duration=*us task=task-*
* secret.sealed    deploy-client version=env-* provider=dev operation=seal outcome=completed duration=*us task=task-*
";

#[tokio::test(flavor = "multi_thread")]
async fn server_receives_client_certificate() {
    let events = format!(
        "{HEAD}\
* secret.used      deploy-client version=env-* provider=dev operation=seal destination=https://{HOST} outcome=started task=task-*
* secret.used      deploy-client version=env-* provider=dev operation=seal destination=https://{HOST} outcome=completed task=task-*
* egress.finished  destination=https://{HOST} outcome=completed status=* sent=yes bytes-sent=* bytes-received=* duration=*us task=task-*
* secret.wiped     deploy-client version=env-* provider=dev task=task-*
* task.finished    outcome=completed duration=*us task=task-*
"
    );
    let stdout = r#"{"version":"1.2.3","healthy":true}"#;
    let (server, certificate) =
        run("https://deploy.internal.example", move |far| far.stdout(stdout).stderr(events).code(0)).await;
    assert_eq!(server.shown(), [certificate]);
    assert!(server.arrived()[0].starts_with("GET /services/web HTTP/1.1\r\n"), "{:?}", server.arrived());
}

#[tokio::test(flavor = "multi_thread")]
async fn unpermitted_path_shows_no_certificate() {
    let stderr = format!(
        "{HEAD}\
* secret.denied    deploy-client operation=seal outcome=scope-violation reason=destination task=task-*
* secret.wiped     deploy-client version=env-* provider=dev task=task-*
* task.finished    outcome=scope-violation duration=*us task=task-*
error: the task was ended: scope violation on 'deploy-client': the destination was not declared, granted and permitted
  help: the request must match a destination of 'deploy-client' in skill.json, in the grant (--grant \
deploy-client:seal@DESTINATION) and, with --config, under [secrets.deploy-client]
"
    );
    let (server, _) = run("https://deploy.internal.example/other", move |far| far.stderr(stderr).code(3)).await;
    assert_eq!(server.connections(), 0);
}
