//! Errors in the arguments, with code 2 and before any file is read.

use crate::fixture::Far;

const USAGE: &str = "
Usage: far run [OPTIONS] <SKILL>
       far run [OPTIONS] --task <FILE>
";
const MORE: &str = "
For more information, try '--help'.
";

#[test]
fn missing_skill_is_usage_error() {
    let stderr = format!("error: the following required arguments were not provided:\n  <SKILL>\n{USAGE}{MORE}");
    Far::new().words("run").stderr(stderr).code(2);
}

#[test]
fn second_skill_is_usage_error() {
    Far::new()
        .words("run a.wasm b.wasm")
        .stderr(format!("error: unexpected argument 'b.wasm' found\n{USAGE}{MORE}"))
        .code(2);
}

#[test]
fn unknown_command_is_usage_error() {
    let stderr = format!("error: unrecognized subcommand 'walk'\n\nUsage: far <COMMAND>\n{MORE}");
    Far::new().words("walk").stderr(stderr).code(2);
}

#[test]
fn unknown_flag_suggests_similar() {
    let tip = "\n  tip: a similar argument exists: '--grant'\n";
    Far::new()
        .words("run a.wasm --grants alpha:sign")
        .stderr(format!("error: unexpected argument '--grants' found\n{tip}{USAGE}{MORE}"))
        .code(2);
}

#[test]
fn flag_without_value_is_usage_error() {
    for (flag, value) in [("grant", "GRANT"), ("task", "FILE"), ("input", "JSON|@FILE"), ("pal", "FILE")] {
        let stderr = format!("error: a value is required for '--{flag} <{value}>' but none was supplied\n{MORE}");
        Far::new().words("run a.wasm").args([format!("--{flag}")]).stderr(stderr).code(2);
    }
}

#[test]
fn conflicting_flags_are_usage_errors() {
    let cases = [
        ("--task t.toml --grant alpha:sign", "'--task <FILE>' cannot be used with '--grant <GRANT>'"),
        ("--task t.toml --input {}", "'--task <FILE>' cannot be used with '--input <JSON|@FILE>'"),
        ("a.wasm --task t.toml", "'[SKILL]' cannot be used with '--task <FILE>'"),
        ("a.wasm --config far.toml --env-file x", "'--config <FILE>' cannot be used with '--env-file <FILE>'"),
        ("a.wasm --pal a --pal b", "'--pal <FILE>' cannot be used multiple times"),
    ];
    for (words, message) in cases {
        Far::new().words("run").words(words).stderr(format!("error: the argument {message}\n{USAGE}{MORE}")).code(2);
    }
}

#[test]
fn invalid_grants_are_refused() {
    let operation = "an operation is one of 'seal', 'sign', 'reveal', 'refresh'";
    let cases = [
        ("alpha", "a grant is written NAME:OPERATIONS, such as github-token:sign"),
        (":sign", "a name has at least 1 character"),
        ("Alpha:sign", "a name is made of a-z, 0-9, '.', '_', '-' and '/': byte 0 is invalid"),
        ("alpha-:sign", "a name starts and ends with a letter or a digit"),
        ("a..b:sign", "a name has no '..' and no '//'"),
        ("alpha:", "the grant names no operation: name at least one of 'seal', 'sign', 'reveal', 'refresh'"),
        ("alpha:get", operation),
        ("alpha:sign,", operation),
        ("alpha:*", operation),
        ("alpha:seal", "the grant has the operation 'seal' without a destination: name where the secret may be sent"),
        (
            "alpha:sign@https://a.example",
            "the grant has a destination without the operation 'seal': only sealed secrets are sent anywhere",
        ),
        (
            "alpha:seal@http://a.example",
            "the grant has a destination over plain http: a secret is sent over https only",
        ),
        ("alpha:seal@a.example", "a destination is a URL such as https://api.example.com/v1"),
        (
            "alpha:seal@https://*.com",
            "a destination's wildcard is below a domain with one owner, not below a public suffix",
        ),
        (
            "alpha:seal@https://a.example/..;/x",
            "a destination's path has no dots that a server could read as a dot segment, and no malformed escape",
        ),
    ];
    for (grant, message) in cases {
        let stderr = format!("error: invalid value '{grant}' for '--grant <GRANT>': {message}\n{MORE}");
        Far::new().args(["run", "a.wasm", "--grant", grant]).stderr(stderr).code(2);
    }
}

#[test]
fn public_suffix_egress_is_refused() {
    for destination in ["https://*.kobe.jp", "https://*.co.uk", "https://*.compute.amazonaws.com"] {
        let message = "a destination's wildcard is below a domain with one owner, not below a public suffix";
        let stderr = format!("error: invalid value '{destination}' for '--egress <DESTINATION>': {message}\n{MORE}");
        Far::new().args(["run", "a.wasm", "--egress", destination]).stderr(stderr).code(2);
    }
}

#[test]
fn duplicate_grant_is_refused() {
    Far::run("a.wasm", "--grant alpha:sign --grant alpha:refresh")
        .stderr(
            "error: the secret 'alpha' is listed twice\n  help: grant each secret once, with all its operations: \
             NAME:OPERATION,OPERATION\n",
        )
        .code(2);
}

#[test]
fn unreadable_skill_is_refused() {
    let help = "  help: check that the file exists and is readable\n";
    Far::run("missing.wasm", "")
        .stderr(format!(
            "error: cannot read the skill 'missing.wasm'\n  cause: No such file or directory (os error 2)\n{help}"
        ))
        .code(2);
    Far::run(".", "")
        .stderr("error: the skill '.' is a folder, not a regular file\n  help: write the content to a file, and pass that file\n")
        .code(2);
}
