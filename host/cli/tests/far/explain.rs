//! `far explain`, and the lines of errors that name it.

use far_tests::guests;

use crate::fixture::Far;
use crate::masks::EXPLANATION;

const UNDECLARED: &str = "\
undeclared (violation)
  The skill did not declare the secret.
  shown in: 'reason' of 'secret.denied' and 'task.refused', 'kind' of '--json'
  caused by: the skill or its author
  next step: if the skill needs the secret, declare it in skill.json, and grant it to the task
";

/// Returns the stdout of a successful command.
fn printed(words: &str) -> String {
    let output = Far::new().words(words).command().output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn reason_is_explained() {
    Far::new().words("explain undeclared").stdout(UNDECLARED).code(0);
}

#[test]
fn reason_of_two_groups_is_explained_twice() {
    let printed = printed("explain not-found");
    assert!(printed.starts_with("not-found (backend)\n") && printed.contains("\n\nnot-found (secret)\n"), "{printed}");
}

#[test]
fn exit_code_is_explained() {
    let printed = printed("explain 4");
    assert_eq!(printed, "exit code 4 of far run\n  A limit or the timeout was reached.\n");
}

#[test]
fn unknown_reason_has_nearest() {
    let unknown = |reason: &str, help: &str| {
        let stderr = format!("error: unknown reason '{reason}'\n  help: {help}\n");
        Far::new().args(["explain", reason]).stderr(stderr).code(2);
    };
    unknown("undeclard", "did you mean 'undeclared'?");
    unknown("xyzzy", "run 'far explain' for the list of reasons");
}

#[test]
fn json_has_the_same_reasons() {
    let object: serde_json::Value = serde_json::from_str(&printed("explain --json undeclared")).unwrap();
    assert_eq!(object["reasons"][0]["meaning"], "The skill did not declare the secret.");
    assert_eq!((object["reasons"].as_array().unwrap().len(), &object["exit_codes"]), (1, &serde_json::json!([])));
    let all: serde_json::Value = serde_json::from_str(&printed("explain --json")).unwrap();
    let list = printed("explain");
    for reason in all["reasons"].as_array().unwrap() {
        assert!(list.contains(&format!("\n  {} ", reason["token"].as_str().unwrap())), "{reason}");
    }
}

#[test]
fn pages_are_those_of_documentation() {
    for page in ["commands", "far-toml", "task-file", "policy", "dotenv", "events", "reasons", "metrics", "limits"] {
        let path = format!("{}/../../docs/reference/{page}.md", env!("CARGO_MANIFEST_DIR"));
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == printed(&format!("explain --page {page}")), "{page}: run 'cargo xtask reference'");
    }
}

/// Returns the token that stderr names at its end, and checks that it is explained.
fn explained(far: &Far) -> Option<String> {
    let stderr = String::from_utf8(far.command().output().unwrap().stderr).unwrap();
    let (error, token) = stderr.split_once(EXPLANATION)?;
    assert!(error.contains("\n  help: ") && token.ends_with('\n'), "{stderr}");
    assert!(printed(&format!("explain {token}")).starts_with(&format!("{} (", token.trim_end())), "{stderr}");
    Some(token.trim_end().to_owned())
}

#[test]
fn errors_name_their_explanation() {
    let cases = [
        (Far::run(guests::SNOOP, "--grant github-webhook-secret:sign"), Some("undeclared")),
        (Far::run(guests::SNOOP, ""), Some("ungranted")),
        (Far::run(".env", "--no-cache"), Some("invalid-component")),
        (Far::run("absent.wasm", ""), None),
    ];
    for (far, token) in cases {
        assert_eq!(explained(&far).as_deref(), token);
    }
}
