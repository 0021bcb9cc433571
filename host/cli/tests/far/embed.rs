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

/// Returns `far embed skill.wasm skill.json` for an empty component.
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

/// Returns a component with a declaration of this name.
fn declared(name: &str) -> Vec<u8> {
    let document = format!(r#"{{"name":"{name}","version":"1","description":""}}"#);
    let section = [&[16], b"tinkerbell:skill" as &[u8], document.as_bytes()].concat();
    [COMPONENT, &[0, section.len() as u8], &section].concat()
}

#[test]
fn embed_writes_declaration_in_place() {
    let far = embed("").mode("skill.wasm", 0o640);
    let ran = far.stderr(declares("skill.wasm")).code(0);
    let path = ran.folder.path().join("skill.wasm");
    let written = fs::read(&path).unwrap();
    assert!(written.starts_with(COMPONENT));
    assert_eq!(read(&written).unwrap().unwrap().secrets.len(), 2);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    // No temporary files are left.
    assert_eq!(fs::read_dir(ran.folder.path()).unwrap().count(), 3);
}

#[test]
fn embed_writes_output_file() {
    let ran = embed("--output made.wasm").stderr(declares("made.wasm")).code(0);
    assert_eq!(fs::read(ran.folder.path().join("skill.wasm")).unwrap(), COMPONENT);
    assert!(read(&fs::read(ran.folder.path().join("made.wasm")).unwrap()).unwrap().is_some());
}

#[test]
fn existing_declaration_needs_replace_flag() {
    let there = "error: cannot embed the declaration in 'skill.wasm'\n  cause: the component already has a declaration: 'old', \
                 version 1\n  help: pass --replace to replace the existing declaration\n";
    let ran = embed("").file("skill.wasm", declared("old")).stderr(there).code(2);
    assert_eq!(fs::read(ran.folder.path().join("skill.wasm")).unwrap(), declared("old"));
    let ran = embed("--replace").file("skill.wasm", declared("old")).stderr(declares("skill.wasm")).code(0);
    let written = fs::read(ran.folder.path().join("skill.wasm")).unwrap();
    assert_eq!(read(&written).unwrap().unwrap().name.as_str(), "hook");
}

#[test]
fn hostile_declaration_text_is_escaped() {
    let document = "{\"name\":\"quiet\",\"version\":\"1\\u202e\\u001b[2J\",\"description\":\"\"}";
    let message = "skill.wasm: declares 'quiet', version 1\\u{202e}\\u{1b}[2J: no secrets\n";
    embed("").file("skill.json", document).stderr(message).code(0);
}

#[test]
fn invalid_declarations_are_refused() {
    let refused = |document: &str, cause: &str| {
        let stderr = format!(
            "error: cannot embed the declaration in 'skill.wasm'\n  cause: {cause}\n  help: a declaration is one JSON object with \
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
        "the declaration is not valid\n  cause: duplicate key at line 2 column 53",
    );
    refused(&DECLARATION.replace("beta", "alpha"), "the secret 'alpha' is declared twice");
    refused(
        &DECLARATION.replace("sign\"], \"reason\": \"r\" }]", "seal\"], \"reason\": \"r\" }]"),
        "the declared secret 'beta' has the operation 'seal' without a destination: name where the secret may be sent",
    );
    refused(&" ".repeat(64 * 1024 + 1), "the declaration has more than 65536 bytes");
}

#[test]
fn invalid_components_are_refused() {
    let refused = |component: &[u8], cause: &str| {
        let stderr = format!(
            "error: cannot embed the declaration in 'skill.wasm'\n  cause: {cause}\n  help: pass a component, built for wasm32-wasip2 or by a componentizer\n"
        );
        embed("").file("skill.wasm", component).stderr(stderr).code(2);
    };
    refused(MODULE, "the file is a core WebAssembly module, not a component");
    let damaged = "the file is not a WebAssembly component, or it is damaged";
    refused(b"#!/bin/sh\n", damaged);
    refused(b"\0asm\x0d\0\x01\0\0\x10", &format!("{damaged}\n  cause: unexpected end-of-file (at offset 0xa)"));
}

#[test]
fn unwritable_outputs_are_refused() {
    embed("--output absent/made.wasm")
        .stderr(
            "error: cannot write the skill to 'absent/made.wasm'\n  cause: No such file or directory (os error 2)\n  help: \
             check that the folder exists and is writable\n",
        )
        .code(2);
    let not_a_file = |name: &str| {
        format!(
            "error: '{name}' is not a regular file\n  help: pass a regular file, not a folder, link, pipe or device\n"
        )
    };
    embed("--output there").folder("there").stderr(not_a_file("there")).code(2);
    embed("--output link").link("link", "elsewhere").stderr(not_a_file("link")).code(2);
    embed("--output pipe").pipe("pipe").stderr(not_a_file("pipe")).code(2);
}

#[test]
fn invalid_arguments_are_usage_errors() {
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
            "error: cannot read {what}\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable\n"
        )
    };
    Far::new().words("embed skill.wasm absent.json").stderr(unread("the declaration 'absent.json'")).code(2);
    let far = Far::new().words("embed absent.wasm skill.json").file("skill.json", DECLARATION);
    far.stderr(unread("the skill 'absent.wasm'")).code(2);
}
