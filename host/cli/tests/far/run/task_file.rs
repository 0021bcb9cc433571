//! `--task`: skill, input, grants and limits from a file.

use far_tests::guests;
use serde_json::json;

use super::completed::{DELIVERY, WEBHOOK_EVENTS};
use crate::fixture::Far;

fn task(name: &str, text: &str) -> Far {
    Far::new().args(["run", "--task", name]).file(name, text)
}

#[test]
fn toml_and_json_tasks_are_equal() {
    let input: serde_json::Value = serde_json::from_str(DELIVERY).unwrap();
    let toml = format!(
        "skill = {:?}\n[input]\npayload = {}\nsignature = {}\n[[grants]]\nsecret = 'github-webhook-secret'\noperations \
         = ['sign']\nmax-uses = 1\n[limits]\ntimeout = '10s'\n",
        guests::GITHUB_WEBHOOK,
        input["payload"],
        input["signature"]
    );
    let json = json!({
        "skill": guests::GITHUB_WEBHOOK,
        "input": input,
        "grants": [{ "secret": "github-webhook-secret", "operations": ["sign"], "max-uses": 1 }],
        "limits": { "timeout": "10s" },
    });
    for (name, text) in [("task.toml", toml), ("task.json", json.to_string())] {
        task(name, &text).stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
    }
}

#[test]
fn skill_path_is_relative_to_file() {
    let far = Far::new().words("run --task tasks/task.toml");
    std::fs::create_dir(far.path("tasks")).unwrap();
    far.file("tasks/task.toml", "skill = 'a.wasm'")
        .stderr(
            "error: cannot read the skill 'tasks/a.wasm'\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable\n",
        )
        .code(2);
}

#[test]
fn task_file_errors_have_help() {
    let supported = "remove the key: it would have no effect";
    let cases = [
        ("skil = 'a'", "1:1: unknown key 'skil'", "did you mean 'skill'?"),
        ("[limits]\ntimeot = '1s'", "2:1: unknown key 'limits.timeot'", "did you mean 'timeout'?"),
        (
            "[[grants]]\nsecret = 'a'\noperation = []",
            "3:1: unknown key 'grants[0].operation'",
            "did you mean 'operations'?",
        ),
        ("[[grants]]\nrequests = []", "2:1: 'grants[0].requests' is not supported by this version of far", supported),
        (
            "[[grants]]\nsecret = 'a'\noperations = ['sign']\nsigning = { hmac = false }",
            "4:11: 'grants[0].signing': a key has one kind of signature: 'hmac = true', or 'jwt' with the terms of tokens",
            "",
        ),
        (
            "[[grants]]\nsecret = 'a'\noperations = ['sign']\nsigning = { jwt = { algorithm = 'none' } }",
            "4:33: 'grants[0].signing.jwt.algorithm': an algorithm is one of 'HS256', 'RS256', 'ES256', 'EdDSA'",
            "",
        ),
        (
            "[[grants]]\nsecret = 'a'\noperations = ['sign']\nsigning = { jwt = { max-ttl = '2h' } }",
            "4:31: 'grants[0].signing.jwt.max-ttl': must be at most 1h",
            "",
        ),
        (
            "[[grants]]\nsecret = 'a'\nonly-sealed = 'yes'\noperations = ['sign']",
            "3:15: 'grants[0].only-sealed' is a string, expected a boolean",
            "write true or false, without quotes",
        ),
        ("[limits]\nmemory = '0B'", "2:10: 'limits.memory': must be greater than zero", ""),
        (
            "[[grants]]\nsecret = 'a'\noperations = ['get']",
            "3:15: 'grants[0].operations[0]': an operation is one of 'seal', 'sign', 'reveal', 'refresh'",
            "",
        ),
        (
            "skill = a",
            "1:9: not valid TOML: string values must be quoted, expected literal string",
            "fix this error; the rest of the file was not checked",
        ),
    ];
    for (text, message, help) in cases {
        let help = if help.is_empty() { String::new() } else { format!("  help: {help}\n") };
        task("task.toml", text).stderr(format!("error: task.toml:{message}\n{help}")).code(2);
    }
    let message = "error: task.json:1:18: duplicate key \"skill\"\n  help: remove one of the two\n";
    task("task.json", r#"{ "skill": "a",  "skill": "b" }"#).stderr(message).code(2);
}

#[test]
fn duplicate_grant_is_refused() {
    let grant = "[[grants]]\nsecret = 'a'\noperations = ['sign']\n";
    let message =
        "error: task.toml:5:10: 'grants[1].secret': duplicate grant for this secret\n  help: merge the two grants\n";
    task("task.toml", &grant.repeat(2)).stderr(message).code(2);
}

#[test]
fn invalid_task_files_are_refused() {
    let message = "error: 'task.toml' does not name a skill\n  help: add a line such as: skill = \"my_skill.wasm\"\n";
    task("task.toml", "").stderr(message).code(2);
    let message =
        "error: 'task.yaml' is neither a .toml nor a .json file\n  help: rename the file to end in .toml or .json\n";
    task("task.yaml", "").stderr(message).code(2);
    Far::new()
        .words("run --task missing.toml")
        .stderr(
            "error: failed to read 'missing.toml'\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable\n",
        )
        .code(2);
}
