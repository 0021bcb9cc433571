//! Errors that are known before a skill runs are refused before the run, with code 3.

use far_tests::guests;

use crate::fixture::{Far, events};

const BUILD: &str = "  help: build it for wasm32-wasip2 against the world 'skill' or 'skill-revealing'\n";

#[track_caller]
fn refused(far: Far, reason: &str, message: &str) {
    let event = format!("task.refused outcome=refused reason={reason}");
    far.stderr(events([&event]) + "error: the task is refused: " + message).code(3);
}

/// Asserts a refusal before a task is created.
#[track_caller]
fn no_skill(far: Far, reason: &str, message: &str) {
    let event = format!("* task.refused     outcome=refused reason={reason}\n");
    far.stderr(event + "error: cannot load the skill: " + message).code(3);
}

#[test]
fn ungranted_required_secret_is_refused() {
    let message = |name| {
        format!(
            "the skill needs '{name}': the task was not granted the secret\n  help: grant what the skill declares: --grant {name}:sign\n"
        )
    };
    refused(Far::run(guests::REQUIRED, ""), "ungranted", &message("alpha"));
    refused(Far::run(guests::REQUIRED, "--grant alpha:sign"), "ungranted", &message("beta"));
    refused(
        Far::run(guests::REQUIRED, "--grant alpha:sign --grant beta:refresh"),
        "operation",
        "the skill needs 'beta': the operation was not declared, granted and permitted\n  help: the skill \
         declares sign: each must be in the grant (--grant beta:sign) and, with --config, under [secrets.beta]\n",
    );
}

#[test]
fn ungranted_reveal_import_is_refused() {
    let message = "the skill imports 'reveal', but no grant permits 'reveal'\n  help: grant 'reveal' for a secret that the skill declares with 'reveal'\n";
    for grants in ["", "--grant alpha:sign"] {
        refused(Far::run(guests::PROBE_REVEALING, grants), "reveal", message);
    }
}

#[test]
fn invalid_component_is_refused() {
    let damaged = "the file is not a WebAssembly component, or it is damaged\n";
    no_skill(
        Far::run("core.wasm", "").file("core.wasm", b"\0asm\x01\0\0\0"),
        "core-module",
        &format!("the file is a core WebAssembly module, not a component\n{BUILD}"),
    );
    no_skill(
        Far::run("skill.sh", "").file("skill.sh", "#!/bin/sh\n"),
        "invalid-component",
        &format!("{damaged}{BUILD}"),
    );
    no_skill(Far::run(".env", ""), "invalid-component", &format!("{damaged}{BUILD}"));
    // A component that ends within a section of 16 bytes.
    no_skill(
        Far::run("cut.wasm", "").file("cut.wasm", b"\0asm\x0d\0\x01\0\0\x10"),
        "invalid-component",
        &format!("{damaged}  cause: unexpected end-of-file (at offset 0xa)\n{BUILD}"),
    );
}

#[test]
fn wrong_world_is_refused() {
    no_skill(
        Far::run("empty.wasm", "").file("empty.wasm", b"\0asm\x0d\0\x01\0"),
        "wrong-world",
        &format!(
            "the component is not of the world 'skill': it has no 'run' from bytes to bytes or an error\n  cause: no \
             export `run` found\n{BUILD}"
        ),
    );
}

#[test]
fn duplicate_declaration_is_refused() {
    no_skill(
        Far::run(guests::TWO_DECLARATIONS, ""),
        "invalid-declaration",
        "the declaration is not valid\n  cause: trailing characters at line 1 column 261\n  help: embed exactly one declaration: a JSON document such as the project's skill.json\n",
    );
}

#[test]
fn refusal_is_reported_in_json() {
    let object = |task: &str, error: &str| {
        format!(
            r#"{{"outcome":"refused","exit_code":3,{task},"output":null,"output_encoding":null,"error":{{{error}}},"provider_calls":0,"duration_us":"#
        )
    };
    let task = r#""task_id":"task-*","agent_id":"local","skill":"required","skill_digest":"sha256:*""#;
    let error = r#""kind":"ungranted","message":"the task is refused: the skill needs 'alpha': the task was not granted the secret","causes":[],"help":"grant what the skill declares: --grant alpha:sign""#;
    let record = r#"{"v":1,"seq":1,"ts":"*","task_id":"task-*","agent_id":"local","skill":"required","skill_digest":"sha256:*","event":"task.refused","outcome":"refused","reason":"ungranted"}"#;
    Far::run(guests::REQUIRED, "--json")
        .stdout(object(task, error) + "0,\"log\":[],\"log_discarded\":0}\n")
        .stderr(format!("{record}\n"))
        .code(3);

    let task = r#""task_id":null,"agent_id":null,"skill":null,"skill_digest":null"#;
    let error = r#""kind":"core-module","message":"cannot load the skill: the file is a core WebAssembly module, not a component","causes":[],"help":"build it for wasm32-wasip2 against the world 'skill' or 'skill-revealing'""#;
    let record = r#"{"v":1,"seq":1,"ts":"*","task_id":null,"agent_id":"local","skill":null,"skill_digest":"sha256:*","event":"task.refused","outcome":"refused","reason":"core-module"}"#;
    Far::run("core.wasm", "--json")
        .file("core.wasm", b"\0asm\x01\0\0\0")
        .stdout(object(task, error) + "null,\"log\":[],\"log_discarded\":0}\n")
        .stderr(format!("{record}\n"))
        .code(3);
}
