//! `far inspect`.

use far_component::review::{ChangeId, FindingId};

use crate::component::{KEY, REVEAL, RUN, SECRETS, SIGNING, component, declared, skill};
use crate::fixture::{Far, usage};

/// The output for a skill that signs with 'key', up to its findings.
const SIGNS: &str = "\
skill.wasm: world 'skill', uses secrets without seeing them
sha256:*, * bytes, 1 module, 0 components
declares 'hook', version '1', without input schema: d

SECRET  OPERATIONS  OPTIONAL  DESTINATIONS  REASON
key     sign        no        -             r

KIND     IMPORT                          PURPOSE
secrets  tinkerbell:skill/secrets@0.1.0  gets handles of secrets, without their bytes
signing  tinkerbell:skill/signing@0.1.0  lets the host sign with secrets

";

fn inspect(component: Vec<u8>) -> Far {
    Far::new().words("inspect skill.wasm").file("skill.wasm", component)
}

/// Returns an inspection of a signing skill with this policy.
fn policy(text: &str) -> Far {
    inspect(skill(&[SECRETS, SIGNING], KEY)).words("--policy policy.toml").file("policy.toml", text)
}

/// Asserts the error of this policy.
#[track_caller]
fn refused(text: &str, stderr: &str) {
    policy(text).stderr(format!("error: policy.toml:{stderr}")).code(2);
}

#[test]
fn clean_skill_has_no_findings() {
    inspect(skill(&[SECRETS, SIGNING], KEY)).stdout(format!("{SIGNS}SIZE *\n\nno findings\n")).code(0);
}

#[test]
fn findings_are_sorted_by_severity() {
    let secrets = r#"
        {"name":"key","operations":["reveal"],"reason":"r","optional":true},
        {"name":"token","operations":["seal"],"destinations":["https://*.example.com","https://a.example/b"],"placements":["header:x-key","query:k"],"reason":""}"#;
    let stdout = "\
skill.wasm: world 'other', not a skill: this version of the host refuses it
sha256:*, * bytes, 1 module, 0 components
declares 'hook', version '1', without input schema: d

SECRET  OPERATIONS  OPTIONAL  DESTINATIONS                                                       REASON
key     reveal      yes       -                                                                  r
token   seal        no        https://*.example.com https://a.example/b in header:x-key,query:k  

KIND           IMPORT                            PURPOSE
reveal         tinkerbell:skill/reveal@0.1.0     reads the bytes of secrets
outgoing-http  wasi:http/outgoing-handler@0.2.6  sends requests over HTTP
sockets        wasi:sockets/tcp@0.2.6            inert here: there is no network
unknown        acme:backdoor/open@1.0.0          unknown: this version of the host refuses it

SIZE *

SEVERITY  FINDING             ABOUT                             DETAILS
high      reveal-with-egress  the component                     reads the bytes of secrets and sends requests: only its code decides about their content
high      unknown-import      acme:backdoor/open@1.0.0          this version of the host does not implement the import, and refuses it
medium    reveal              key                               the skill reads its bytes, and can do anything with them
medium    wildcard-host       token                             may be sent to any host of https://*.example.com
medium    missing-import      token                             'seal' is declared, but its interface is not imported
low       wasi-sockets        wasi:sockets/tcp@0.2.6            inert here; strict WASI refuses it
low       no-reason           token                             declared without a reason
info      outgoing-http       wasi:http/outgoing-handler@0.2.6  sends requests over HTTP
info      any-path            token                             may be sent to every path of https://*.example.com
info      any-method          token                             may be sent to https://*.example.com with every method
info      any-method          token                             may be sent to https://a.example/b with every method
info      optional-secret     key                               optional: a grant may omit it
";
    let imports = [REVEAL, "wasi:http/outgoing-handler@0.2.6", "wasi:sockets/tcp@0.2.6", "acme:backdoor/open@1.0.0"];
    inspect(skill(&imports, secrets)).stdout(stdout.replace("  \n", "\n")).code(0);
}

#[test]
fn component_without_declaration_is_summarized() {
    let stdout = "\
skill.wasm: world 'other', not a skill: this version of the host refuses it
sha256:*, * bytes, 0 modules, 0 components
no declaration: the skill gets no secrets

KIND  IMPORT  PURPOSE

SIZE *

SEVERITY  FINDING        ABOUT  DETAILS
high      no-run-export  run    not exported as a function from bytes to bytes or an error
";
    inspect(component(&[], "")).stdout(stdout).code(0);
    let stdout = stdout
        .replace(
            "'other', not a skill: this version of the host refuses it",
            "'skill', uses secrets without seeing them",
        )
        .replace("0 modules", "1 module");
    let (stdout, _) = stdout.split_once("SEVERITY").unwrap();
    inspect(component(&[], RUN)).stdout(format!("{stdout}no findings\n")).code(0);
    let quiet = declared(&[], r#"{"name":"quiet","version":"","description":"","input-schema":{"type":"object"}}"#);
    let stdout = stdout.replace(
        "no declaration: the skill gets no secrets\n",
        "declares 'quiet', version '', with input schema: \nno secrets declared\n",
    );
    inspect(quiet).stdout(format!("{stdout}no findings\n")).code(0);
}

#[test]
fn hostile_text_is_escaped_and_reported() {
    let document = r#"{"name":"hook","version":"1\u202e","description":"\u001b[2Ja\nb",
        "secrets":[{"name":"key","operations":["sign"],"reason":"\u2066LONG"}]}"#;
    let component = declared(&[SECRETS, SIGNING], &document.replace("LONG", &"x".repeat(600)));
    let long = "x".repeat(199);
    let stdout = SIGNS
        .replace(
            "version '1', without input schema: d",
            "version '1\\u{202e}', without input schema: \\u{1b}[2Ja\\u{a}b",
        )
        .replace("-             r\n", &format!("-             \\u{{2066}}{long}…\n"));
    let findings = "\
SIZE *

SEVERITY  FINDING       ABOUT                DETAILS
medium    hostile-text  the version          has invisible characters
medium    hostile-text  the description      has invisible characters
medium    hostile-text  the reason of 'key'  has invisible characters
low       long-text     the reason of 'key'  has 603 bytes; at most 500 are recommended
";
    inspect(component).stdout(format!("{stdout}{findings}")).code(0);
}

#[test]
fn long_tables_are_cut() {
    let names: Vec<_> = (0..150).map(|number| format!("acme:a/a{number}@1.0.0")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let output = inspect(component(&names, RUN)).command().output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.matches("and 50 more (see --json)\n").count(), 2, "{stdout}");
    let output = inspect(component(&names, RUN)).words("--json").command().output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("acme:a/a149@1.0.0"));
}

#[test]
fn json_prints_one_object() {
    let object = concat!(
        r#"{"command":"inspect","components":0,"declaration":{"description":"d","input_schema":null,"name":"hook","#,
        r#""secrets":[{"destinations":[],"name":"key","operations":["sign"],"optional":false,"placements":[],"reason":"r","signing":"hmac"}],"#,
        r#""version":"1"},"digest":"sha256:*","error":null,"exit_code":0,"exports":["run"],"findings":[],"#,
        r#""imports":[{"kind":"secrets","name":"tinkerbell:skill/secrets@0.1.0","served":true},"#,
        r#"{"kind":"signing","name":"tinkerbell:skill/signing@0.1.0","served":true}],"modules":1,"ok":true,"#,
        r#""policy":null,"shape":*,"size":*,"skill":"skill.wasm","world":"skill"}"#,
        "\n"
    );
    inspect(skill(&[SECRETS, SIGNING], KEY)).words("--json").stdout(object).code(0);
    let met = object.replace(r#""policy":null"#, r#""policy":{"excesses":[],"file":"policy.toml","met":true}"#);
    policy("operations = ['sign']\n").words("--json").stdout(met).code(0);
    let exceeded = object
        .replace(
            r#""policy":null"#,
            concat!(
                r#""policy":{"excesses":[{"about":"key","message":"declares 'sign'","rule":"operations"}],"#,
                r#""file":"policy.toml","met":false}"#
            ),
        )
        .replace(
            r#""error":null,"exit_code":0"#,
            concat!(
                r#""error":{"causes":[],"help":"change the component or the policy: add findings to 'accept', or extend "#,
                r#"the rule","kind":"policy-exceeded","message":"the component violates 'policy.toml' "#,
                r#"(1 violation)"},"exit_code":3"#
            ),
        )
        .replace(r#""ok":true"#, r#""ok":false"#);
    policy("operations = ['seal']\n").words("--json").stdout(exceeded).code(3);
}

#[test]
fn satisfied_policy_exits_zero() {
    let all = "max-severity = 'info'\nworlds = ['skill']\noperations = ['sign']\nsecrets = ['k*']\ndestinations = []\n";
    policy(all).stdout(format!("{SIGNS}SIZE *\n\nno findings\n\npolicy.toml: met\n")).code(0);
}

#[test]
fn violated_policy_lists_rules() {
    let text = "worlds = ['skill-revealing']\noperations = ['seal']\nsecrets = ['other', 'ke']\n";
    let stdout = format!(
        "{SIGNS}SIZE *\n\nno findings\n\npolicy.toml: violated\n\
         RULE        ABOUT          DETAILS\n\
         worlds      the component  is of the world 'skill'\n\
         secrets     key            is not among the secrets of the policy\n\
         operations  key            declares 'sign'\n"
    );
    let stderr = "\
error: the component violates 'policy.toml' (3 violations)
  help: change the component or the policy: add findings to 'accept', or extend the rule
";
    policy(text).stdout(stdout).stderr(stderr).code(3);
}

#[test]
fn findings_above_max_severity_violate_policy() {
    let sealing =
        r#"{"name":"key","operations":["sign","seal"],"destinations":["https://*.example.com"],"reason":"r"}"#;
    let run = |policy: &str| {
        let far = inspect(skill(&[SECRETS, SIGNING], sealing)).words("--policy policy.toml");
        let output = far.file("policy.toml", policy).command().output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, stdout) = run("max-severity = 'low'\n");
    assert_eq!(code, Some(3));
    let excess =
        "max-severity  key    medium finding 'wildcard-host': may be sent to any host of https://*.example.com\n";
    assert!(stdout.contains(excess), "{stdout}");
    assert_eq!(run("max-severity = 'medium'\n").0, Some(0));
    assert_eq!(run("max-severity = 'low'\naccept = ['wildcard-host', 'missing-import']\n").0, Some(0));
    assert_eq!(run("destinations = ['https://a.example.com']\n").0, Some(3));
    assert_eq!(run("destinations = ['https://*.example.com']\n").0, Some(0));
}

#[test]
fn policy_errors_have_positions() {
    refused("max-severty = 'low'\n", "1:1: unknown key 'max-severty'\n  help: did you mean 'max-severity'?\n");
    refused("max-severity = 'grave'\n", "1:16: 'max-severity': a severity is one of 'info', 'low', 'medium', 'high'\n");
    refused(
        "max-severity = 'low'\naccept = ['wildcard']\n",
        "2:11: 'accept[0]': no finding has this id\n  help: run 'far inspect' for the ids of findings\n",
    );
    refused(
        "max-severity = 'low'\naccept = ['wildcard-hosts']\n",
        "2:11: 'accept[0]': no finding has this id\n  help: did you mean 'wildcard-host'?\n",
    );
    refused(
        "accept = ['reveal']\n",
        "1:10: 'accept': has no effect without 'max-severity'\n  help: set 'max-severity': 'accept' lists findings above it\n",
    );
    refused(
        "operations = 'sign'\n",
        "1:14: 'operations' is a string, expected a list\n  help: put the values in brackets, even a single one\n",
    );
    refused("", "1:1: the document: the policy has no rules: set at least one, such as 'max-severity'\n");
}

#[test]
fn unloadable_files_are_refused() {
    let build = "  help: build it for wasm32-wasip2 against the world 'skill' or 'skill-revealing'\n";
    let damaged = "error: cannot load 'skill.wasm': the file is not a WebAssembly component, or it is damaged\n";
    inspect(b"#!/bin/sh\n".to_vec()).stderr(format!("{damaged}{build}")).code(3);
    let module = "error: cannot load 'skill.wasm': the file is a core WebAssembly module, not a component\n";
    inspect(b"\0asm\x01\0\0\0".to_vec()).stderr(format!("{module}{build}")).code(3);
    let cut = "  cause: unexpected end-of-file (at offset 0xa)\n";
    inspect(b"\0asm\x0d\0\x01\0\0\x10".to_vec()).stderr(format!("{damaged}{cut}{build}")).code(3);
    let absent = "error: cannot read the skill 'skill.wasm'\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable\n";
    Far::new().words("inspect skill.wasm").stderr(absent).code(2);
    let two = declared(&[], r#"{"name":"a","version":"1","description":""}"#);
    let section = &two[component(&[], RUN).len()..];
    let stderr = "error: cannot load 'skill.wasm': the component has more than one declaration\n  help: embed exactly one declaration: a JSON document such as the project's skill.json\n";
    inspect([&two, section].concat()).stderr(stderr).code(3);
    let object = concat!(
        r#"{"outcome":"refused","exit_code":3,"task_id":null,"agent_id":null,"skill":null,"skill_digest":null,"#,
        r#""output":null,"output_encoding":null,"error":{"kind":"core-module","message":"cannot load 'skill.wasm': the file "#,
        r#"is a core WebAssembly module, not a component","causes":[],"help":"build it for wasm32-wasip2 against the "#,
        r#"world 'skill' or 'skill-revealing'"},"provider_calls":0,"duration_us":null,"log":[],"log_discarded":0}"#,
        "\n"
    );
    inspect(b"\0asm\x01\0\0\0".to_vec()).words("--json").stdout(object).code(3);
}

#[test]
fn invalid_arguments_are_usage_errors() {
    let form = "inspect [OPTIONS] <SKILL>";
    let missing = usage("the following required arguments were not provided:\n  <SKILL>", "", "inspect <SKILL>");
    Far::new().words("inspect").stderr(missing).code(2);
    let unknown = usage(
        "unexpected argument '--polcy' found",
        "a similar argument exists: '--policy'",
        "inspect --policy <FILE> <SKILL>",
    );
    Far::new().words("inspect skill.wasm --polcy p").stderr(unknown).code(2);
    let second = usage("unexpected argument 'b.wasm' found", "", form);
    Far::new().words("inspect a.wasm b.wasm").stderr(second).code(2);
}

#[test]
fn review_guide_lists_every_id() {
    let page = include_str!("../../../../docs/reference/findings.md");
    for (_, id, severity) in FindingId::TABLE {
        assert!(page.contains(&format!("| `{id}` | {severity} | ")), "{id}");
    }
    for (_, id, direction) in ChangeId::TABLE {
        assert!(page.contains(&format!("| `{id}` | {} | ", direction.as_str())), "{id}");
    }
}

#[test]
fn sizes_are_shown_with_limits() {
    let far = inspect(skill(&[SECRETS, SIGNING], KEY));
    let output = far.command().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for row in ["1 component instances 1000", "1 core instances 32", "1 memories 2"] {
        let is_row = |line: &str| line.split_whitespace().eq(row.split_whitespace());
        assert!(text.lines().any(is_row), "{row}: {text}");
    }
}
