//! `far.toml`: the operator's permissions bound every task.

use far_tests::guests;

use super::completed::{DELIVERY, WEBHOOK_EVENTS, WEBHOOK_RECORDS, webhook};
use crate::fixture::{Far, events};

const PROVIDER: &str = "[providers.dotenv]\ntype = 'dotenv'\npath = '.env'\n";

/// Returns a run of the webhook verifier with these secrets in `far.toml`.
fn permitted(secrets: &str) -> Far {
    webhook().words("--config far.toml").file("far.toml", format!("{PROVIDER}{secrets}"))
}

fn refused(reason: &str, message: &str) -> String {
    let event = format!("task.refused outcome=refused reason={reason}");
    events([&event]) + "error: the task is refused: the skill needs 'github-webhook-secret': " + message
}

const HOOK: &str = "[secrets.github-webhook-secret]\nprovider = 'dotenv'\n";

#[test]
fn permitted_secret_is_used() {
    let far = permitted(&format!("{HOOK}operations = ['sign', 'reveal']\n"));
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn configuration_sets_agent_and_path() {
    let far = permitted(&format!("{HOOK}operations = ['sign']\npath = 'hook'\n[agent]\nid = 'far-agent-7'\n"));
    let object = concat!(
        r#"{"outcome":"completed","exit_code":0,"task_id":"task-*","agent_id":"far-agent-7","skill":"github-webhook","#,
        r#""skill_digest":"sha256:*","output":{"valid":true},"output_encoding":"json","error":null,"#,
        r#""provider_calls":1,"duration_us":0,"log":[],"log_discarded":0}"#,
        "\n"
    );
    far.args(["--json"])
        .env_file("HOOK=\"It's a Secret to Everybody\"\n")
        .stdout(object)
        .stderr(WEBHOOK_RECORDS.replace(r#""agent_id":"local""#, r#""agent_id":"far-agent-7""#))
        .code(0);
}

#[test]
fn unlisted_secret_is_refused() {
    let message = "the operator does not permit the secret for this skill\n  help: in the --config file, \
                add a table [secrets.github-webhook-secret] that permits this skill\n";
    permitted("").stderr(refused("not-permitted", message)).code(3);
    let other = format!("{HOOK}operations = ['sign']\nskills = ['sha256:{}']\n", "0".repeat(64));
    permitted(&other).stderr(refused("not-permitted", message)).code(3);
}

#[test]
fn unpermitted_operation_is_refused() {
    let message = "the operation was not declared, granted and permitted\n  help: the skill declares sign: \
                each must be in the grant (--grant github-webhook-secret:sign) and, with --config, under \
                [secrets.github-webhook-secret]\n";
    permitted(&format!("{HOOK}operations = ['refresh']\n")).stderr(refused("operation", message)).code(3);
}

#[test]
fn unpermitted_optional_secret_is_violation() {
    Far::run(guests::PROBE, "--grant alpha:sign --config far.toml")
        .file("far.toml", PROVIDER)
        .steps(r#"{"do":"get","name":"alpha"}"#)
        .stderr(
            events([
                "task.admitted",
                "task.started",
                "secret.denied alpha outcome=scope-violation reason=not-permitted",
                "task.finished outcome=scope-violation duration=*us",
            ]) + "error: the task was ended: scope violation on 'alpha': the operator does not permit the secret for \
                  this skill\n  help: in the --config file, add a table [secrets.alpha] that permits this \
                  skill\n",
        )
        .code(3);
}

#[test]
fn configuration_is_not_discovered() {
    webhook().file("far.toml", "not even TOML").stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn writable_configuration_is_refused() {
    for mode in [0o666, 0o664, 0o602] {
        let stderr = format!(
            "error: 'far.toml' is writable by other users: its mode is {mode:04o}\n  help: remove the permission: chmod go-w 'far.toml'\n"
        );
        permitted("").mode("far.toml", mode).stderr(stderr).code(2);
    }
}

#[test]
fn configuration_errors_have_help() {
    let cases = [
        ("[agnet]\nid = 'a'\n", "4:2: unknown key 'agnet'", "did you mean 'agent'?"),
        (
            "[secrets.a]\nprovider = 'dotenv'\noperatoins = ['sign']\n",
            "6:1: unknown key 'secrets.a.operatoins'",
            "did you mean 'operations'?",
        ),
        (
            "[secrets.a]\nprovider = 'dotenf'\noperations = ['sign']\n",
            "5:12: 'secrets.a.provider': unknown provider",
            "did you mean 'dotenv'?",
        ),
        (
            "[providers.cluster]\ntype = 'kubernetes'\n",
            "5:8: 'providers.cluster.type': provider type 'kubernetes' is not supported by this version of far",
            "supported types are \"dotenv\" and \"vault\"",
        ),
        (
            "[secrets.a]\nprovider = 'dotenv'\noperations = ['sign']\nrequests = 'x'\n",
            "7:1: 'secrets.a.requests' is not supported by this version of far",
            "remove the key: it would have no effect",
        ),
        ("[agent]\nswap = 'no'\n", "5:8: 'agent.swap': invalid value", "use \"refused\" or \"allowed\""),
        ("[agent]\nid = 7\n", "5:6: 'agent.id' is an integer, expected a string", "put the value in quotes"),
        (
            "[agent\n",
            "4:7: not valid TOML: unclosed table, expected `]`",
            "fix this error; the rest of the file was not checked",
        ),
    ];
    for (text, message, help) in cases {
        permitted(text).stderr(format!("error: far.toml:{message}\n  help: {help}\n")).code(2);
    }
}

#[test]
fn configured_env_file_must_exist() {
    let far = Far::run(guests::GITHUB_WEBHOOK, "--config far.toml --input").args([DELIVERY]);
    far.file("far.toml", PROVIDER.replace(".env", "other.env"))
        .stderr(
            "error: 'other.env' does not exist\n  help: create it with lines like 'NAME=value', then run \
             'chmod 600' on it\n",
        )
        .code(2);
}

#[test]
fn strict_wasi_refuses_files_and_sockets() {
    let strict = "[runtime]\nwasi = 'strict'\n";
    let far = permitted(&format!("{HOOK}operations = ['sign']\n{strict}"));
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
    let far = Far::run(guests::PROBE, "--config far.toml").file("far.toml", strict);
    far.stderr(
        "* task.refused     outcome=refused reason=strict-wasi\nerror: cannot load the skill: the component imports \
         'wasi:filesystem/types@0.2.6', which this host's strict WASI refuses\n  help: build the skill without file and socket imports, or set [runtime] wasi = \"inert\" in far.toml\n",
    )
    .code(3);
}
