//! A short soak test. `cargo xtask verify soak` runs a long one and measures.

use std::process::Command;

use serde_json::json;

use crate::{reported, run, stderr};

#[test]
fn honest_tasks_succeed_among_hostile_ones() {
    let output = run(Command::new(env!("CARGO_BIN_EXE_soak")).arg("5"));
    assert!(output.status.success(), "{}: {}", output.status, stderr(&output));
    let report = reported(&output).remove(0);
    assert!(report["honest"].as_u64() > Some(0) && report["hostile"].as_u64() > Some(0), "{report}");
    let failures = json!([report["failed"], report["escaped"], report["panics"]]);
    assert_eq!(failures, json!([0, 0, 0]), "{report}");
}
