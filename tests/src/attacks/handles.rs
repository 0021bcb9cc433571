//! Forged handles. These components are written by hand, because toolchains cannot produce them.

use std::sync::Arc;

use far_core::pal::EventKind;
use far_runtime::{Skill, Task};

use super::Case;
use super::summary::summarize;
use super::trial::Trial;
use crate::TestHost;

/// These attacks have no mutation: the engine owns the handle table.
pub(super) fn cases() -> Vec<Case> {
    let twin = || Trial::new("completed, 1 call", || run("(call $get) (call $name (call $handle))"));
    let case = |id, description, steps: &'static str| Case {
        id,
        description,
        attack: Trial::new("trapped, 1 call", move || run(steps)),
        twin: twin(),
    };
    vec![
        case("08-guessed-handle", "a guessed handle", "(call $get) (call $name (i32.const 77))"),
        case(
            "08-dropped-handle",
            "a dropped handle",
            "(call $get) (call $drop (call $handle)) (call $name (call $handle))",
        ),
        case(
            "08-twice-dropped-handle",
            "a handle dropped twice",
            "(call $get) (call $drop (call $handle)) (call $drop (call $handle))",
        ),
        Case {
            id: "08-another-tasks-handle",
            description: "the number of a handle that another task of the skill holds",
            attack: Trial::new("trapped, 1 call", || beside("(call $name (i32.const 1))")),
            twin: Trial::new("completed, 2 calls", || beside("(call $get) (call $name (i32.const 1))")),
        },
    ]
}

async fn run(steps: &str) -> String {
    let host = TestHost::new();
    let report = host.runtime.run(task(&load(&host, steps).await)).await;
    summarize(&host, &report)
}

/// Runs these steps while another task holds handle 1.
async fn beside(steps: &str) -> String {
    let host = TestHost::new();
    let holding = load(&host, "(call $get) (loop $forever (br $forever))").await;
    let other = host.spawn_until(task(&holding), EventKind::SecretInjected).await;
    let report = host.runtime.run(task(&load(&host, steps).await)).await;
    other.abort();
    summarize(&host, &report)
}

async fn load(host: &TestHost, steps: &str) -> Arc<Skill> {
    host.runtime.load(wat::parse_str(COMPONENT.replace("STEPS", steps)).unwrap()).await.unwrap()
}

fn task(skill: &Arc<Skill>) -> Task {
    Task::new(skill).with_input("{}").with_grant("alpha:sign".parse().unwrap())
}

/// Runs steps with handles as numbers. `get` writes its result at 64: the error flag, and at 72 the
/// handle.
const COMPONENT: &str = r#"(component
    (@custom "tinkerbell:skill" "{\"name\":\"forger\",\"version\":\"1\",\"description\":\"\",\"secrets\":[{\"name\":\"alpha\",\"operations\":[\"sign\"],\"reason\":\"\"}]}")
    (import "tinkerbell:skill/secrets@0.1.0" (instance $secrets
        (export "secret" (type $secret (sub resource)))
        (type $error'' (variant (case "not-found") (case "version-gone") (case "expired") (case "revoked")
            (case "exhausted") (case "unavailable" (option u64)) (case "too-large")))
        (export "error" (type $error (eq $error'')))
        (export "get" (func (param "name" string) (result (result (own $secret) (error $error)))))
        (export "[method]secret.name" (func (param "self" (borrow $secret)) (result string)))))
    (alias export $secrets "secret" (type $secret))
    (core module $memory
        (memory (export "memory") 1)
        (data (i32.const 16) "alpha")
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $memory (instantiate $memory))
    (core func $get (canon lower (func $secrets "get") (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core func $name (canon lower (func $secrets "[method]secret.name")
        (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core func $drop (canon resource.drop $secret))
    (core module $guest
        (import "host" "get" (func $host-get (param i32 i32 i32)))
        (import "host" "name" (func $host-name (param i32 i32)))
        (import "host" "drop" (func $drop (param i32)))
        (import "memory" "memory" (memory 1))
        (func $get (call $host-get (i32.const 16) (i32.const 5) (i32.const 64)))
        (func $handle (result i32) (i32.load (i32.const 72)))
        (func $name (param i32) (call $host-name (local.get 0) (i32.const 96)))
        (func (export "run") (param i32 i32) (result i32) STEPS (i32.const 128)))
    (core instance $guest (instantiate $guest
        (with "memory" (instance $memory))
        (with "host" (instance (export "get" (func $get)) (export "name" (func $name)) (export "drop" (func $drop))))))
    (func $run (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $guest "run") (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (export "run" (func $run)))"#;
