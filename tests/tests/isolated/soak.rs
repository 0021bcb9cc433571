//! A short soak: `cargo xtask verify soak` runs a long one, and measures.

use std::process::Command;

use serde_json::json;

use crate::{reported, run, stderr};

#[test]
fn honest_tasks_succeed_among_hostile_ones() {
    let output = run(Command::new(env!("CARGO_BIN_EXE_soak")).arg("5"));
    assert!(output.status.success(), "{}: {}", output.status, stderr(&output));
    let soaked = reported(&output).remove(0);
    assert!(soaked["honest"].as_u64() > Some(0) && soaked["hostile"].as_u64() > Some(0), "{soaked}");
    let bad = json!([soaked["failed"], soaked["escaped"], soaked["panics"]]);
    assert_eq!(bad, json!([0, 0, 0]), "{soaked}");
}
