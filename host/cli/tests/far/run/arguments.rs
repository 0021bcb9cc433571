//! Mistakes in the arguments, with code 2 and before anything is read.

use crate::fixture::Far;

const USAGE: &str = "
Usage: far run [OPTIONS] <SKILL>
       far run [OPTIONS] --task <FILE>
";
const MORE: &str = "
For more information, try '--help'.
";

#[test]
fn no_skill() {
    let stderr = format!("error: the following required arguments were not provided:\n  <SKILL>\n{USAGE}{MORE}");
    Far::new().words("run").stderr(stderr).code(2);
}

#[test]
fn two_skills() {
    Far::new()
        .words("run a.wasm b.wasm")
        .stderr(format!("error: unexpected argument 'b.wasm' found\n{USAGE}{MORE}"))
        .code(2);
}

#[test]
fn an_unknown_command() {
    let stderr = format!("error: unrecognized subcommand 'walk'\n\nUsage: far <COMMAND>\n{MORE}");
    Far::new().words("walk").stderr(stderr).code(2);
}

#[test]
fn an_unknown_flag() {
    let tip = "\n  tip: a similar argument exists: '--grant'\n";
    Far::new()
        .words("run a.wasm --grants alpha:sign")
        .stderr(format!("error: unexpected argument '--grants' found\n{tip}{USAGE}{MORE}"))
        .code(2);
}

#[test]
fn a_flag_without_its_value() {
    for (flag, value) in [("grant", "GRANT"), ("task", "FILE"), ("input", "JSON|@FILE"), ("pal", "FILE")] {
        let stderr = format!("error: a value is required for '--{flag} <{value}>' but none was supplied\n{MORE}");
        Far::new().words("run a.wasm").args([format!("--{flag}")]).stderr(stderr).code(2);
    }
}

#[test]
fn flags_that_do_not_go_together() {
    let cases = [
        ("--task t.toml --grant alpha:sign", "'--task <FILE>' cannot be used with '--grant <GRANT>'"),
        ("--task t.toml --input {}", "'--task <FILE>' cannot be used with '--input <JSON|@FILE>'"),
        ("a.wasm --task t.toml", "'[SKILL]' cannot be used with '--task <FILE>'"),
        ("a.wasm --config far.toml --env-file x", "'--config <FILE>' cannot be used with '--env-file <FILE>'"),
        ("a.wasm --pal a --pal b", "'--pal <FILE>' cannot be used multiple times"),
    ];
    for (words, told) in cases {
        Far::new().words("run").words(words).stderr(format!("error: the argument {told}\n{USAGE}{MORE}")).code(2);
    }
}

#[test]
fn a_grant_that_is_none() {
    let operation = "an operation is one of 'seal', 'sign', 'reveal', 'refresh'";
    let cases = [
        ("alpha", "a grant is written NAME:OPERATIONS, such as github-token:sign"),
        (":sign", "a name has at least 1 character"),
        ("Alpha:sign", "a name is made of a-z, 0-9, '.', '_', '-' and '/': byte 0 is none of these"),
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
            "a destination's wildcard stands below a domain of one owner, not below a public suffix",
        ),
        (
            "alpha:seal@https://a.example/..;/x",
            "a destination's path has no dots that a server could read as a dot segment, and no malformed escape",
        ),
    ];
    for (grant, told) in cases {
        let stderr = format!("error: invalid value '{grant}' for '--grant <GRANT>': {told}\n{MORE}");
        Far::new().args(["run", "a.wasm", "--grant", grant]).stderr(stderr).code(2);
    }
}

#[test]
fn egress_over_public_suffixes_is_refused() {
    for destination in ["https://*.kobe.jp", "https://*.co.uk", "https://*.compute.amazonaws.com"] {
        let told = "a destination's wildcard stands below a domain of one owner, not below a public suffix";
        let stderr = format!("error: invalid value '{destination}' for '--egress <DESTINATION>': {told}\n{MORE}");
        Far::new().args(["run", "a.wasm", "--egress", destination]).stderr(stderr).code(2);
    }
}

#[test]
fn two_grants_of_one_secret() {
    Far::run("a.wasm", "--grant alpha:sign --grant alpha:refresh")
        .stderr(
            "error: the secret 'alpha' is listed twice\n  help: grant each secret once, with all its operations: \
             NAME:OPERATION,OPERATION\n",
        )
        .code(2);
}

#[test]
fn a_skill_that_cannot_be_read() {
    let help = "  help: check that the file is there and that you may read it\n";
    Far::run("missing.wasm", "")
        .stderr(format!(
            "error: cannot read the skill missing.wasm\n  cause: No such file or directory (os error 2)\n{help}"
        ))
        .code(2);
    Far::run(".", "")
        .stderr("error: the skill . is a folder, not a regular file\n  help: write it to a file, and name that\n")
        .code(2);
}
