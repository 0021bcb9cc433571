//! Host calls outside 'run'.

use far_runtime::Task;
use serde_json::json;

use super::Case;
use super::summary::summarize;
use super::trial::Trial;
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "09-start-function",
            description: "a secret during instantiation",
            attack: Trial::new("scope-violation outside-run, 0 calls", || run(guests::EARLY)),
            twin: Trial::new("completed, 2 calls", || run(guests::REQUIRED)),
        },
        Case {
            id: "09-realloc",
            description: "a host call while the input is passed",
            attack: Trial::new("scope-violation outside-run, 0 calls", || component("(drop (call $time-left))", "")),
            twin: Trial::new("completed, 0 calls", || component("", "")),
        },
        Case {
            id: "09-post-return",
            description: "a host call after the output is read",
            attack: Trial::new("scope-violation outside-run, 0 calls", || component("", "(drop (call $time-left))")),
            twin: Trial::new("completed, 0 calls", || component("", "")),
        },
    ]
}

async fn run(guest: &str) -> String {
    let host = TestHost::new();
    let report = host.run(guest, &["alpha:sign", "beta:sign"], &json!({})).await;
    summarize(&host, &report)
}

async fn component(realloc: &str, post_return: &str) -> String {
    let host = TestHost::new();
    let text = COMPONENT.replace("IN_REALLOC", realloc).replace("IN_POST_RETURN", post_return);
    let skill = host.runtime.load(wat::parse_str(text).unwrap()).await.unwrap();
    let report = host.runtime.run(Task::new(&skill).with_input("{}")).await;
    summarize(&host, &report)
}

/// A component with hooks: the engine calls `realloc` to pass the input, and `post-return` after it
/// has read the output.
const COMPONENT: &str = r#"(component
    (import "tinkerbell:skill/task@0.1.0" (instance $task (export "time-left" (func (result u64)))))
    (core func $time-left (canon lower (func $task "time-left")))
    (core module $m
        (import "task" "time-left" (func $time-left (result i64)))
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) IN_REALLOC (i32.const 8))
        (func (export "post-return") (param i32) IN_POST_RETURN)
        (func (export "run") (param i32 i32) (result i32) (i32.const 0)))
    (core instance $i (instantiate $m (with "task" (instance (export "time-left" (func $time-left))))))
    (func $run (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
            (post-return (core func $i "post-return"))))
    (export "run" (func $run)))"#;
