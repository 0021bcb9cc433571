//! A real Vault server in `far.toml`.

use far_servers::fault::{Fault, Proxy};
use far_servers::{OpenBao, or_skip};
use serde_json::json;

use crate::fixture::{Far, events};
use crate::run::completed::{WEBHOOK_EVENTS, webhook};

/// Returns a `far.toml` with the webhook's secret in a server at this address.
fn far_toml(address: &str) -> String {
    format!(
        "[providers.vault]\ntype = 'vault'\naddress = '{address}'\nauth = {{ method = 'token', token-file = 'token' }}\n\
         [secrets.github-webhook-secret]\nprovider = 'vault'\npath = 'secret/ci/hook'\nfield = 'key'\noperations = ['sign']\n"
    )
}

fn with(far: Far, address: &str, token: &str) -> Far {
    far.words("--config far.toml").file("far.toml", far_toml(address)).file("token", token).mode("token", 0o600)
}

/// Returns the output of a check: the provider's state and the secret's presence.
fn checked(state: &str, there: &str) -> String {
    format!(
        "far.toml: valid\nagent local, wasi inert, swap refused\n\nPROVIDER  STATE\nvault     {state}\n\n\
         SECRET                 PROVIDER  {:<width$}  OPERATIONS  SCOPE  TTL  WHEN LEAKED  SKILLS       DESTINATIONS\n\
         github-webhook-secret  vault     {there:<width$}  sign        task   1h   replace      every skill  -\n",
        "FOUND",
        width = there.len().max(5),
    )
}

#[test]
fn vault_secret_is_checked_and_used() {
    let Some(bao) = or_skip(OpenBao::dev()) else { return };
    let (address, token) = (bao.address(), bao.root_token());
    let check =
        |state: &str, there: &str| with(Far::new().words("check"), &address, token).stdout(checked(state, there));
    let absent = "error: provider 'vault' has no secret 'secret/ci/hook#key'\n  help: create the secret, set 'path' to its name in the provider, or remove it from the configuration\n";
    check("reachable, has 0 secrets", "NO").stderr(absent).code(2);

    bao.api("POST", "secret/data/ci/hook", &json!({ "data": { "key": "It's a Secret to Everybody" } })).unwrap();
    check("reachable, has 1 secret", "yes").code(0);
    let message = WEBHOOK_EVENTS.replace("provider=dotenv", "provider=vault").replace("version=env-*", "version=1");
    with(webhook(), &address, token).stdout(r#"{"valid":true}"#).stderr(message).code(0);

    let refused = "error: cannot reach provider 'vault'\n  cause: the backend does not accept the agent's \
                   credentials\n  help: renew the credentials; if the secret ID was wrapped, check whether another party unwrapped it\n";
    let state = "unreachable: the backend does not accept the agent's credentials";
    let stranger = with(Far::new().words("check"), &address, "t0ken-canary");
    stranger.stdout(checked(state, "unknown")).stderr(refused).code(5);

    bao.api("POST", "sys/seal", &json!({})).unwrap();
    let sealed = "error: cannot reach provider 'vault'\n  cause: the backend is sealed\n  help: check that the provider is running, and check its address and credentials\n";
    check("unreachable: the backend is sealed", "unknown").stderr(sealed).code(5);
}

#[test]
fn absent_server_error_has_no_credential() {
    let gone = "error: cannot reach provider 'vault'\n  cause: the backend is unavailable\n  help: check that the provider is running, and check its address and credentials\n";
    let far = with(Far::new().words("check"), "http://127.0.0.1:1", "t0ken-canary");
    far.stdout(checked("unreachable: the backend is unavailable", "unknown")).stderr(gone).code(5);
    let failed = events([
        "task.admitted",
        "task.started",
        "secret.requested github-webhook-secret provider=vault",
        "secret.fetched github-webhook-secret provider=vault outcome=failed reason=unavailable cache=miss duration=*us",
        "task.finished outcome=backend-unavailable duration=*us",
    ]);
    let message = "error: the skill failed after a backend was unavailable: the secret is unavailable\n  help: check the provider of the secret; the events name it and the reason\n";
    with(webhook(), "http://127.0.0.1:1", "t0ken-canary").stderr(failed + message).code(5);
}

#[test]
fn server_calls_are_counted() {
    let Some(bao) = or_skip(OpenBao::dev()) else { return };
    bao.api("POST", "secret/data/ci/hook", &json!({ "data": { "key": "It's a Secret to Everybody" } })).unwrap();
    let proxy = Proxy::start(bao.socket()).unwrap();
    // The first call looks up the token, and the next three read the secret.
    proxy.next([Fault::Pass, Fault::broken(502), Fault::broken(500)]);
    let message = WEBHOOK_EVENTS.replace("provider=dotenv", "provider=vault").replace("version=env-*", "version=1");
    let far = with(webhook(), &proxy.address(), bao.root_token()).words("--metrics far.prom");
    let ran = far.stdout(r#"{"valid":true}"#).stderr(message).code(0);
    assert_eq!(proxy.arrived().len(), 4);
    let written = ran.written("far.prom");
    let counted = written.lines().filter(|line| line.starts_with("far_backend") && !line.ends_with(" 0"));
    assert_eq!(
        counted.collect::<Vec<_>>(),
        [
            r#"far_backend_calls_total{provider="vault",server="backend",outcome="ok"} 1"#,
            r#"far_backend_attempts_total{provider="vault",server="backend"} 3"#,
            r#"far_backend_retries_total{provider="vault",server="backend"} 2"#,
            r#"far_backend_logins_total{provider="vault",server="backend"} 1"#,
        ]
    );
    assert!(written.contains("far_secret_fetch_seconds_count{provider=\"vault\",outcome=\"completed\"} 1\n"));
}
