//! `--json` prints one object of the same shape for every error.

use crate::fixture::Far;

/// Returns the object of a run without a task.
fn object(outcome: &str, code: i32, error: &str) -> String {
    format!(
        concat!(
            r#"{{"outcome":"{}","exit_code":{},"task_id":null,"agent_id":null,"skill":null,"skill_digest":null,"#,
            r#""output":null,"output_encoding":null,"error":{{{}}},"#,
            r#""provider_calls":0,"duration_us":null,"log":[],"log_discarded":0}}"#,
            "\n"
        ),
        outcome, code, error
    )
}

#[track_caller]
fn usage(far: Far, error: &str) {
    far.args(["--json"]).stdout(object("usage", 2, error)).code(2);
}

#[test]
fn argument_errors_are_json() {
    let cases = [
        ("run", "the following required arguments were not provided: <SKILL>", "see 'far run --help'"),
        ("run a.wasm --jso", "unexpected argument '--jso' found", "a similar argument exists: '--json'"),
        (
            "run a.wasm --input",
            "a value is required for '--input <JSON|@FILE>' but none was supplied",
            "see 'far run --help'",
        ),
        (
            "run --task t --grant a:sign",
            "the argument '--task <FILE>' cannot be used with '--grant <GRANT>'",
            "see 'far run --help'",
        ),
        (
            "run a.wasm --grant a:get",
            "invalid value 'a:get' for '--grant <GRANT>': an operation is one of 'seal', 'sign', 'reveal', 'refresh'",
            "see 'far run --help'",
        ),
        ("walk", "unrecognized subcommand 'walk'", "see 'far --help'"),
    ];
    for (words, message, help) in cases {
        usage(
            Far::new().words(words),
            &format!(r#""kind":"arguments","message":"{message}","causes":[],"help":"{help}""#),
        );
    }
}

#[test]
fn flags_after_double_dash_are_values() {
    Far::new()
        .words("run a.wasm -- --json")
        .stderr("error: unexpected argument '--json' found\n\nUsage: far run [OPTIONS] <SKILL>\n       far run [OPTIONS] --task <FILE>\n\nFor more information, try '--help'.\n")
        .code(2);
}

#[test]
fn unusable_files_are_json_errors() {
    let readable = r#""help":"check that the file exists and is readable""#;
    let missing = r#""causes":["No such file or directory (os error 2)"]"#;
    usage(
        Far::run("a.wasm", ""),
        &format!(r#""kind":"unreadable","message":"cannot read the skill 'a.wasm'",{missing},{readable}"#),
    );
    usage(
        Far::run("a.wasm", "--input @b.json"),
        &format!(r#""kind":"unreadable","message":"cannot read the input 'b.json'",{missing},{readable}"#),
    );
    usage(
        Far::run("a.wasm", "--config far.toml"),
        &format!(r#""kind":"config","message":"failed to read 'far.toml'",{missing},{readable}"#),
    );
    usage(
        Far::run("a.wasm", "--grant a:sign --env-file x.env"),
        r#""kind":"env-file","message":"'x.env' does not exist","causes":[],"help":"create it with lines like 'NAME=value', then run 'chmod 600' on it""#,
    );
}

#[test]
fn content_errors_are_json() {
    usage(
        Far::new().words("run --task task.toml").file("task.toml", "[limits]\ntimeot = '1s'"),
        r#""kind":"config","message":"task.toml:2:1: unknown key 'limits.timeot'","causes":[],"help":"did you mean 'timeout'?""#,
    );
    usage(
        Far::new().words("run --task task.toml").file("task.toml", ""),
        r#""kind":"no-skill","message":"'task.toml' does not name a skill","causes":[],"help":"add a line such as: skill = \"my_skill.wasm\"""#,
    );
    usage(
        Far::run("a.wasm", "--input nope"),
        r#""kind":"input","message":"the input is not valid JSON","causes":["expected ident at line 1 column 2"],"help":"pass JSON such as '{\"name\": \"value\"}', @FILE, or @- for stdin""#,
    );
    usage(
        Far::run("a.wasm", "--input @-").stdin(&"x".repeat((1 << 20) + 1)),
        r#""kind":"input-too-large","message":"the input is larger than 1048576 bytes","causes":[],"help":"raise 'input' under [limits] in a task file, or reduce the input""#,
    );
    usage(
        Far::run("a.wasm", "--grant a:sign --grant a:reveal"),
        r#""kind":"ambiguous-grant","message":"the secret 'a' is listed twice","causes":[],"help":"grant each secret once, with all its operations: NAME:OPERATION,OPERATION""#,
    );
}

#[test]
fn unopenable_event_file_is_json_error() {
    let error = r#""kind":"audit-unavailable","message":"cannot open the event file '.'","causes":["Is a directory (os error 21)"],"help":"no skill runs without its events: pass a writable file""#;
    Far::run(far_tests::guests::SNOOP, "--pal . --json").stdout(object("audit-unavailable", 5, error)).code(5);
}
