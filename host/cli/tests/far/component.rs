//! Small components for the commands that read components without running them.

use far_component::embed;

/// The content of a skill: a `run` that traps.
pub(crate) const RUN: &str = r#"
    (core module $m
        (memory (export "memory") 1)
        (func (export "run") (param i32 i32) (result i32) unreachable)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
    (core instance $i (instantiate $m))
    (func (export "run") (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))"#;

pub(crate) const SECRETS: &str = "tinkerbell:skill/secrets@0.1.0";
pub(crate) const SIGNING: &str = "tinkerbell:skill/signing@0.1.0";
pub(crate) const REVEAL: &str = "tinkerbell:skill/reveal@0.1.0";

/// Returns a component with these imports and this content.
pub(crate) fn component(imports: &[&str], rest: &str) -> Vec<u8> {
    let imports: String = imports.iter().map(|name| format!("(import {name:?} (instance))")).collect();
    wat::parse_str(format!("(component {imports} {rest})")).unwrap()
}

/// Returns a skill 'hook' with these imports that declares these secrets.
pub(crate) fn skill(imports: &[&str], secrets: &str) -> Vec<u8> {
    let document = format!(r#"{{"name":"hook","version":"1","description":"d","secrets":[{secrets}]}}"#);
    declared(imports, &document)
}

/// Returns a skill with these imports and this declaration.
pub(crate) fn declared(imports: &[&str], document: &str) -> Vec<u8> {
    embed(&component(imports, RUN), document.as_bytes(), false).unwrap().component
}

/// The secret 'key', declared for signatures.
pub(crate) const KEY: &str = r#"{"name":"key","operations":["sign"],"reason":"r"}"#;
