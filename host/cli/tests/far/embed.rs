//! `far embed`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use far_component::read;

use crate::fixture::{Far, usage};

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const DECLARATION: &str = r#"{
  "name": "hook", "version": "1.0.0", "description": "d",
  "secrets": [{ "name": "alpha", "operations": ["sign"], "reason": "r" }, { "name": "beta", "operations": ["sign"], "reason": "r" }]
}"#;

/// `far embed skill.wasm skill.json`, of an empty component.
fn embed(words: &str) -> Far {
    Far::new()
        .words("embed skill.wasm skill.json")
        .words(words)
        .file("skill.wasm", COMPONENT)
        .file("skill.json", DECLARATION)
}

fn declares(file: &str) -> String {
    format!("{file}: declares 'hook', version 1.0.0: alpha, beta\n")
}

/// A component that has this declaration.
fn declared(name: &str) -> Vec<u8> {
    let document = format!(r#"{{"name":"{name}","version":"1","description":""}}"#);
    let section = [&[16], b"tinkerbell:skill" as &[u8], document.as_bytes()].concat();
    [COMPONENT, &[0, section.len() as u8], &section].concat()
}

#[test]
fn a_component_gets_a_declaration() {
    let far = embed("").mode("skill.wasm", 0o640);
    let ran = far.stderr(declares("skill.wasm")).code(0);
    let path = ran.folder.path().join("skill.wasm");
    let written = fs::read(&path).unwrap();
    assert!(written.starts_with(COMPONENT));
    assert_eq!(read(&written).unwrap().unwrap().secrets.len(), 2);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    // Nothing is left of how it was made.
    assert_eq!(fs::read_dir(ran.folder.path()).unwrap().count(), 3);
}

#[test]
fn into_another_file() {
    let ran = embed("--output made.wasm").stderr(declares("made.wasm")).code(0);
    assert_eq!(fs::read(ran.folder.path().join("skill.wasm")).unwrap(), COMPONENT);
    assert!(read(&fs::read(ran.folder.path().join("made.wasm")).unwrap()).unwrap().is_some());
}

#[test]
fn a_declaration_is_replaced_only_where_that_is_wanted() {
    let there = "error: cannot give skill.wasm a declaration\n  cause: the component has a declaration already: 'old', \
                 version 1\n  help: if the new one is meant to stand in its place: --replace\n";
    let ran = embed("").file("skill.wasm", declared("old")).stderr(there).code(2);
    assert_eq!(fs::read(ran.folder.path().join("skill.wasm")).unwrap(), declared("old"));
    let ran = embed("--replace").file("skill.wasm", declared("old")).stderr(declares("skill.wasm")).code(0);
    let written = fs::read(ran.folder.path().join("skill.wasm")).unwrap();
    assert_eq!(read(&written).unwrap().unwrap().name.as_str(), "hook");
}

#[test]
fn a_skill_without_secrets_and_hostile_text() {
    let document = "{\"name\":\"quiet\",\"version\":\"1\\u202e\\u001b[2J\",\"description\":\"\"}";
    let told = "skill.wasm: declares 'quiet', version 1\\u{202e}\\u{1b}[2J: no secret\n";
    embed("").file("skill.json", document).stderr(told).code(0);
}

#[test]
fn documents_that_are_no_declaration() {
    let refused = |document: &str, cause: &str| {
        let stderr = format!(
            "error: cannot give skill.wasm a declaration\n  cause: {cause}\n  help: a declaration is one JSON object with \
             'name', 'version', 'description' and 'secrets'\n"
        );
        let ran = embed("").file("skill.json", document).stderr(stderr).code(2);
        assert_eq!(fs::read(ran.folder.path().join("skill.wasm")).unwrap(), COMPONENT);
    };
    refused("not JSON", "the declaration is not valid\n  cause: expected ident at line 1 column 2");
    refused(
        &DECLARATION.replace("\"reason\"", "\"why\""),
        "the declaration is not valid\n  cause: unknown field `why`, expected one of `name`, `operations`, `destinations`, \
         `placements`, `signing`, `reason`, `optional` at line 3 column 62",
    );
    refused(
        &DECLARATION.replace("\"description\": \"d\"", "\"name\": \"again\""),
        "the declaration is not valid\n  cause: a key is there twice at line 2 column 53",
    );
    refused(&DECLARATION.replace("beta", "alpha"), "the secret 'alpha' is declared twice");
    refused(
        &DECLARATION.replace("sign\"], \"reason\": \"r\" }]", "seal\"], \"reason\": \"r\" }]"),
        "the declared secret 'beta' has the operation 'seal' without a destination: name where the secret may be sent",
    );
    refused(&" ".repeat(64 * 1024 + 1), "the declaration has more than 65536 bytes");
}

#[test]
fn files_that_are_no_component() {
    let refused = |component: &[u8], cause: &str| {
        let stderr = format!(
            "error: cannot give skill.wasm a declaration\n  cause: {cause}\n  help: name a component, as a toolchain for \
             wasm32-wasip2 or a componentizer makes it\n"
        );
        embed("").file("skill.wasm", component).stderr(stderr).code(2);
    };
    refused(MODULE, "the file is a core WebAssembly module, not a component");
    let damaged = "the file is not a WebAssembly component, or it is damaged";
    refused(b"#!/bin/sh\n", damaged);
    refused(b"\0asm\x0d\0\x01\0\0\x10", &format!("{damaged}\n  cause: unexpected end-of-file (at offset 0xa)"));
}

#[test]
fn places_that_take_no_file() {
    embed("--output absent/made.wasm")
        .stderr(
            "error: cannot write the skill to absent/made.wasm\n  cause: No such file or directory (os error 2)\n  help: \
             check that the folder is there and that you may write to it\n",
        )
        .code(2);
    let not_a_file = |name: &str| {
        format!("error: {name} is no regular file\n  help: name a file, not a folder, a link, a pipe or a device\n")
    };
    embed("--output there").folder("there").stderr(not_a_file("there")).code(2);
    embed("--output link").link("link", "elsewhere").stderr(not_a_file("link")).code(2);
    embed("--output pipe").pipe("pipe").stderr(not_a_file("pipe")).code(2);
}

#[test]
fn mistakes_on_the_command_line() {
    let both = "the following required arguments were not provided:\n  <SKILL>\n  <DECLARATION>";
    let one = "the following required arguments were not provided:\n  <DECLARATION>";
    let cases = [
        ("embed", both, "", "embed <SKILL> <DECLARATION>"),
        ("embed skill.wasm", one, "", "embed <SKILL> <DECLARATION>"),
        ("embed a b c", "unexpected argument 'c' found", "", "embed [OPTIONS] <SKILL> <DECLARATION>"),
    ];
    for (words, problem, tip, form) in cases {
        Far::new().words(words).stderr(usage(problem, tip, form)).code(2);
    }
    let unread = |what: &str| {
        format!(
            "error: cannot read {what}\n  cause: No such file or directory (os error 2)\n  help: check that the file is there \
             and that you may read it\n"
        )
    };
    Far::new().words("embed skill.wasm absent.json").stderr(unread("the declaration absent.json")).code(2);
    let far = Far::new().words("embed absent.wasm skill.json").file("skill.json", DECLARATION);
    far.stderr(unread("the skill absent.wasm")).code(2);
}
