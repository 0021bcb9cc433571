//! What can be known before a skill runs is refused before it runs, with code 3.

use far_tests::guests;

use crate::fixture::{Far, events};

const BUILD: &str = "  help: build it for wasm32-wasip2 against the world 'skill' or 'skill-revealing'\n";

#[track_caller]
fn refused(far: Far, reason: &str, told: &str) {
    let event = format!("task.refused outcome=refused reason={reason}");
    far.stderr(events([&event]) + "error: the task is refused: " + told).code(3);
}

/// The same before there is a task.
#[track_caller]
fn no_skill(far: Far, reason: &str, told: &str) {
    let event = format!("* task.refused     outcome=refused reason={reason}\n");
    far.stderr(event + "error: the skill is refused: " + told).code(3);
}

#[test]
fn a_required_secret_that_was_not_granted() {
    let told = |name| {
        format!(
            "the skill needs '{name}': the task was not granted the secret\n  help: grant what the skill declares: --grant {name}:sign\n"
        )
    };
    refused(Far::run(guests::REQUIRED, ""), "ungranted", &told("alpha"));
    refused(Far::run(guests::REQUIRED, "--grant alpha:sign"), "ungranted", &told("beta"));
    refused(
        Far::run(guests::REQUIRED, "--grant alpha:sign --grant beta:refresh"),
        "operation",
        "the skill needs 'beta': the operation was not declared, granted and permitted\n  help: the skill \
         declares sign for it, and each must be in the grant (--grant beta:sign) and, with --config, under [secrets.beta]\n",
    );
}

#[test]
fn an_import_of_reveal_that_nothing_allows() {
    let told = "the skill imports 'reveal', but is not granted to reveal any secret\n  help: grant 'reveal' of a secret for which the skill declares it\n";
    for grants in ["", "--grant alpha:sign"] {
        refused(Far::run(guests::PROBE_REVEALING, grants), "reveal", told);
    }
}

#[test]
fn what_is_no_component() {
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
    // The beginning of a component, and of a section of 16 bytes.
    no_skill(
        Far::run("cut.wasm", "").file("cut.wasm", b"\0asm\x0d\0\x01\0\0\x10"),
        "invalid-component",
        &format!("{damaged}  cause: unexpected end-of-file (at offset 0xa)\n{BUILD}"),
    );
}

#[test]
fn a_component_of_another_world() {
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
fn a_component_with_two_declarations() {
    no_skill(
        Far::run(guests::TWO_DECLARATIONS, ""),
        "invalid-declaration",
        "the declaration is not valid\n  cause: trailing characters at line 1 column 261\n  help: a component has one \
         declaration: one JSON document, such as the project's skill.json\n",
    );
}

#[test]
fn in_json() {
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
    let error = r#""kind":"core-module","message":"the skill is refused: the file is a core WebAssembly module, not a component","causes":[],"help":"build it for wasm32-wasip2 against the world 'skill' or 'skill-revealing'""#;
    let record = r#"{"v":1,"seq":1,"ts":"*","task_id":null,"agent_id":"local","skill":null,"skill_digest":"sha256:*","event":"task.refused","outcome":"refused","reason":"core-module"}"#;
    Far::run("core.wasm", "--json")
        .file("core.wasm", b"\0asm\x01\0\0\0")
        .stdout(object(task, error) + "null,\"log\":[],\"log_discarded\":0}\n")
        .stderr(format!("{record}\n"))
        .code(3);
}
