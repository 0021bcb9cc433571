//! `far.toml`: what the operator permits is the most that a task gets.

use far_tests::guests;

use super::completed::{DELIVERY, WEBHOOK_EVENTS, WEBHOOK_RECORDS, webhook};
use crate::fixture::{Far, events};

const PROVIDER: &str = "[providers.dotenv]\ntype = 'dotenv'\npath = '.env'\n";

/// The webhook verifier where the operator says this of secrets.
fn permitted(secrets: &str) -> Far {
    webhook().words("--config far.toml").file("far.toml", format!("{PROVIDER}{secrets}"))
}

fn refused(reason: &str, told: &str) -> String {
    let event = format!("task.refused outcome=refused reason={reason}");
    events([&event]) + "error: the task is refused: the skill needs 'github-webhook-secret': " + told
}

const HOOK: &str = "[secrets.github-webhook-secret]\nprovider = 'dotenv'\n";

#[test]
fn what_is_permitted_works() {
    let far = permitted(&format!("{HOOK}operations = ['sign', 'reveal']\n"));
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn the_agents_id_and_the_secrets_path_are_the_operators() {
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
fn what_is_not_listed_is_not_permitted() {
    let told = "the operator does not permit the secret for this skill\n  help: the operator permits it for this \
                skill by a table [secrets.github-webhook-secret] in the file that --config names\n";
    permitted("").stderr(refused("not-permitted", told)).code(3);
    let other = format!("{HOOK}operations = ['sign']\nskills = ['sha256:{}']\n", "0".repeat(64));
    permitted(&other).stderr(refused("not-permitted", told)).code(3);
}

#[test]
fn an_operation_that_is_not_permitted() {
    let told = "the operation was not declared, granted and permitted\n  help: the skill declares sign for it, \
                and each must be in the grant (--grant github-webhook-secret:sign) and, with --config, under \
                [secrets.github-webhook-secret]\n";
    permitted(&format!("{HOOK}operations = ['refresh']\n")).stderr(refused("operation", told)).code(3);
}

#[test]
fn an_optional_secret_that_is_not_permitted_is_a_violation() {
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
                  this skill\n  help: the operator permits it for this skill by a table [secrets.alpha] in the \
                  file that --config names\n",
        )
        .code(3);
}

#[test]
fn it_is_not_looked_for() {
    webhook().file("far.toml", "not even TOML").stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn others_can_write_it() {
    for mode in [0o666, 0o664, 0o602] {
        let stderr = format!(
            "error: 'far.toml' can be changed by others: its mode is {mode:04o}\n  help: take the right away: chmod \
             go-w 'far.toml'\n"
        );
        permitted("").mode("far.toml", mode).stderr(stderr).code(2);
    }
}

#[test]
fn mistakes_in_it() {
    let cases = [
        ("[agnet]\nid = 'a'\n", "4:2: unknown key 'agnet'", "did you mean 'agent'?"),
        (
            "[secrets.a]\nprovider = 'dotenv'\noperatoins = ['sign']\n",
            "6:1: unknown key 'secrets.a.operatoins'",
            "did you mean 'operations'?",
        ),
        (
            "[secrets.a]\nprovider = 'dotenf'\noperations = ['sign']\n",
            "5:12: 'secrets.a.provider': no provider of this name is configured",
            "did you mean 'dotenv'?",
        ),
        (
            "[providers.cluster]\ntype = 'kubernetes'\n",
            "5:8: 'providers.cluster.type': the provider type \"kubernetes\" is not built into this version of far",
            "the types for this version are \"dotenv\" and \"vault\"",
        ),
        (
            "[secrets.a]\nprovider = 'dotenv'\noperations = ['sign']\nrequests = 'x'\n",
            "7:1: 'secrets.a.requests' is not supported by this version of far",
            "take it out: what it asks for would not be done",
        ),
        (
            "[agent]\nswap = 'no'\n",
            "5:8: 'agent.swap': not a way to deal with swap",
            "it is \"refused\" or \"allowed\"",
        ),
        ("[agent]\nid = 7\n", "5:6: 'agent.id' is an integer, where a string belongs", "write it in quotes"),
        (
            "[agent\n",
            "4:7: not valid TOML: unclosed table, expected `]`",
            "correct this place; the rest was not looked at",
        ),
    ];
    for (text, told, help) in cases {
        permitted(text).stderr(format!("error: far.toml:{told}\n  help: {help}\n")).code(2);
    }
}

#[test]
fn its_env_file_is_checked_as_any() {
    let far = Far::run(guests::GITHUB_WEBHOOK, "--config far.toml --input").args([DELIVERY]);
    far.file("far.toml", PROVIDER.replace(".env", "other.env"))
        .stderr(
            "error: other.env: there is no such file\n  help: write lines like 'NAME=value' into it, then 'chmod 600' \
             it\n",
        )
        .code(2);
}

#[test]
fn strict_wasi() {
    let strict = "[runtime]\nwasi = 'strict'\n";
    let far = permitted(&format!("{HOOK}operations = ['sign']\n{strict}"));
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
    let far = Far::run(guests::PROBE, "--config far.toml").file("far.toml", strict);
    far.stderr(
        "* task.refused     outcome=refused reason=strict-wasi\nerror: the skill is refused: the component imports \
         'wasi:filesystem/types@0.2.6', which this host's strict WASI refuses\n  help: the operator's far.toml says so: \
         [runtime] wasi = \"strict\"\n",
    )
    .code(3);
}
