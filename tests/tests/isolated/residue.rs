//! The residue checks in the test build, for some ends. `cargo xtask verify residue` covers all
//! ends and the release build.

use std::process::Command;

use far_tests::guests;
use serde_json::Value;

use crate::{reported, run, stderr};

/// Runs the checks and returns the ids of the passed and failed ones.
fn checks(args: &[&str]) -> (Vec<String>, Vec<String>) {
    let residue = env!("CARGO_BIN_EXE_residue");
    let ends = ["--component", guests::PROBE_REVEALING, "--only", "completed,trap,sealed.completed,fetched-by-tls"];
    let output = run(Command::new(residue).args(ends).args(args));
    let (passed, failed): (Vec<_>, Vec<_>) = reported(&output).into_iter().partition(|row| row["ok"] == true);
    let expected = if failed.is_empty() { Some(0) } else { Some(1) };
    assert_eq!(output.status.code(), expected, "{failed:?}\n{}", stderr(&output));
    let ids = |rows: Vec<Value>| rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    (ids(passed), ids(failed))
}

#[test]
fn no_residue_and_controls_are_found() {
    let (passed, failed) = checks(&[]);
    assert!(failed.is_empty(), "{failed:?}");
    let controls = ["control.locked-memory", "control.guest-memory", "control.host-stack"];
    for id in
        ["completed", "trap", "freed-heap", "sealed.completed", "fetched-by-tls.vault"].into_iter().chain(controls)
    {
        assert!(passed.iter().any(|passed| passed == id), "{id} is among {passed:?}");
    }
}

#[test]
fn system_allocator_leaves_residue() {
    let (_, failed) = checks(&["--allocator", "system"]);
    let found = |ids: &[&str]| ids.iter().any(|id| failed.iter().any(|failed| failed == id));
    // The next owner of a freed block may overwrite it after one end, but not after all.
    assert!(found(&["freed-heap"]) && found(&["completed", "trap"]), "{failed:?}");
    assert!(found(&["sealed.completed", "fetched-by-tls.vault"]), "{failed:?}");
}
