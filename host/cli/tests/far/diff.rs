//! `far diff`.

use crate::component::{KEY, REVEAL, RUN, SECRETS, SIGNING, component, declared, skill};
use crate::fixture::{Far, usage};

const HEAD: &str = "old.wasm: 'hook', version '1', sha256:*\nnew.wasm: 'hook', version '1', sha256:*\n\n";

fn diff(old: Vec<u8>, new: Vec<u8>) -> Far {
    Far::new().words("diff old.wasm new.wasm").file("old.wasm", old).file("new.wasm", new)
}

fn wider(ways: &str) -> String {
    format!(
        "error: 'new.wasm' has capabilities that the old version lacks ({ways})\n  help: review the changes marked 'widening' before you replace the old version\n"
    )
}

fn signing() -> Vec<u8> {
    skill(&[SECRETS, SIGNING], KEY)
}

#[test]
fn equal_components_have_no_changes() {
    diff(signing(), signing()).stdout(format!("{HEAD}identical components\n")).code(0);
    let other = declared(
        &[SECRETS, SIGNING],
        &format!(r#"{{"name":"hook","version":"1","description":"d", "secrets":[{KEY}]}}"#),
    );
    let stdout = format!("{HEAD}same capabilities; the code differs\n");
    diff(signing(), with_custom_section(&other)).stdout(stdout).code(0);
}

/// Adds an unused custom section to a component.
fn with_custom_section(component: &[u8]) -> Vec<u8> {
    [component, b"\0\x02\x01x"].concat()
}

#[test]
fn every_widening_is_named() {
    let old = r#"{"name":"key","operations":["sign"],"reason":"r"},
        {"name":"token","operations":["seal"],"destinations":["https://api.example.com/a"],"reason":"r"}"#;
    let new = r#"{"name":"key","operations":["sign","reveal"],"reason":"r"},
        {"name":"token","operations":["seal"],"destinations":["https://api.example.com"],"reason":"r"},
        {"name":"other","operations":["sign"],"reason":"r"}"#;
    let stdout = format!(
        "{HEAD}\
DIRECTION  CHANGE             ABOUT                          DETAILS
widening   reveal-gained      tinkerbell:skill/reveal@0.1.0  can now read the bytes of secrets
widening   new-import         wasi:random/random@0.2.6       reads clocks and random bytes
widening   new-secret         other                          declared for sign
widening   new-operation      key                            now declares 'reveal'
widening   wider-destination  token                          may now be sent to https://api.example.com
"
    );
    let imports = [SECRETS, SIGNING, REVEAL, "wasi:random/random@0.2.6"];
    let far = diff(skill(&[SECRETS, SIGNING], old), skill(&imports, new));
    far.stdout(stdout).stderr(wider("5 widening changes")).code(3);
}

#[test]
fn narrowings_and_notes_are_listed() {
    let old = r#"{"name":"key","operations":["sign","reveal"],"reason":"r"},{"name":"other","operations":["sign"],"reason":"r"}"#;
    let new = r#"{"name":"crook","version":"2\u202e","description":"e","secrets":[
        {"name":"key","operations":["sign"],"reason":"\u001b[2J","optional":true}]}"#;
    let stdout = "\
old.wasm: 'hook', version '1', sha256:*
new.wasm: 'crook', version '2\\u{202e}', sha256:*

DIRECTION  CHANGE               ABOUT                          DETAILS
narrowing  reveal-lost          tinkerbell:skill/reveal@0.1.0  can no longer read the bytes of secrets
narrowing  secret-gone          other                          is no longer declared
narrowing  operation-gone       key                            no longer declares 'reveal'
note       name-changed         crook                          was 'hook'
note       version-changed      crook                          was '1', is now '2\\u{202e}'
note       description-changed  crook                          was 'd'
note       reason-changed       key                            was 'r', is now '\\u{1b}[2J'
note       now-optional         key                            is now optional
";
    let far = diff(skill(&[SECRETS, SIGNING, REVEAL], old), declared(&[SECRETS, SIGNING], new));
    far.stdout(stdout).code(0);
}

#[test]
fn added_or_removed_declaration_is_listed() {
    let stdout = "\
old.wasm: no declaration, sha256:*
new.wasm: 'hook', version '1', sha256:*

DIRECTION  CHANGE             ABOUT  DETAILS
widening   new-secret         key    declared for sign
note       declaration-added  hook   had no declaration
";
    let bare = component(&[SECRETS, SIGNING], RUN);
    diff(bare.clone(), signing()).stdout(stdout).stderr(wider("1 widening change")).code(3);
    let stdout = "\
old.wasm: 'hook', version '1', sha256:*
new.wasm: no declaration, sha256:*

DIRECTION  CHANGE            ABOUT  DETAILS
narrowing  secret-gone       key    is no longer declared
note       declaration-gone  hook   no longer has a declaration, so it gets no secret
";
    diff(signing(), bare).stdout(stdout).code(0);
}

#[test]
fn json_prints_one_object() {
    let object = concat!(
        r#"{"changes":[{"about":"key","direction":"widening","id":"new-operation","message":"now declares 'refresh'"}],"#,
        r#""command":"diff","error":{"causes":[],"help":"review the changes marked 'widening' before you replace the old "#,
        r#"version","kind":"widened","message":"'new.wasm' has capabilities that the old version lacks (1 widening change)"},"exit_code":3,"#,
        r#""new":{"digest":"sha256:*","name":"hook","skill":"new.wasm","version":"1"},"ok":false,"#,
        r#""old":{"digest":"sha256:*","name":"hook","skill":"old.wasm","version":"1"}}"#,
        "\n"
    );
    let new = skill(&[SECRETS, SIGNING], &KEY.replace(r#"["sign"]"#, r#"["sign","refresh"]"#));
    diff(signing(), new.clone()).words("--json").stdout(object).code(3);
    let same = concat!(
        r#"{"changes":[],"command":"diff","error":null,"exit_code":0,"#,
        r#""new":{"digest":"sha256:*","name":"hook","skill":"new.wasm","version":"1"},"ok":true,"#,
        r#""old":{"digest":"sha256:*","name":"hook","skill":"old.wasm","version":"1"}}"#,
        "\n"
    );
    diff(new.clone(), new).words("--json").stdout(same).code(0);
}

#[test]
fn unloadable_files_are_refused() {
    let build = "  help: build it for wasm32-wasip2 against the world 'skill' or 'skill-revealing'\n";
    let module = "the file is a core WebAssembly module, not a component\n";
    diff(b"\0asm\x01\0\0\0".to_vec(), signing())
        .stderr(format!("error: cannot load 'old.wasm': {module}{build}"))
        .code(3);
    diff(signing(), b"\0asm\x01\0\0\0".to_vec())
        .stderr(format!("error: cannot load 'new.wasm': {module}{build}"))
        .code(3);
    let damaged = "error: cannot load 'new.wasm': the file is not a WebAssembly component, or it is damaged\n";
    diff(signing(), b"no component".to_vec()).stderr(format!("{damaged}{build}")).code(3);
    let absent = "error: cannot read the skill 'other.wasm'\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable\n";
    Far::new().words("diff other.wasm new.wasm").file("new.wasm", signing()).stderr(absent).code(2);
}

#[test]
fn invalid_arguments_are_usage_errors() {
    let missing = usage("the following required arguments were not provided:\n  <NEW>", "", "diff <OLD> <NEW>");
    Far::new().words("diff old.wasm").stderr(missing).code(2);
    let third = usage("unexpected argument 'c.wasm' found", "", "diff [OPTIONS] <OLD> <NEW>");
    Far::new().words("diff a.wasm b.wasm c.wasm").stderr(third).code(2);
    let unknown = usage(
        "unexpected argument '--policy' found",
        "to pass '--policy' as a value, use '-- --policy'",
        "diff <OLD> <NEW>",
    );
    Far::new().words("diff a.wasm b.wasm --policy p").stderr(unknown).code(2);
}
