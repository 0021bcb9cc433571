//! The search of memory finds nothing after a task's end, and finds what is there otherwise; in the build that tests use.
//! All ends, and the release build: `cargo xtask verify residue`.

use std::process::Command;

use far_tests::guests;
use serde_json::Value;

use crate::{reported, run, stderr};

/// The checks that hold, and those that do not.
fn checks(args: &[&str]) -> (Vec<String>, Vec<String>) {
    let residue = env!("CARGO_BIN_EXE_residue");
    let ends = ["--component", guests::PROBE_REVEALING, "--only", "completed,trap,sealed.completed,fetched-by-tls"];
    let output = run(Command::new(residue).args(ends).args(args));
    let (held, broken): (Vec<_>, Vec<_>) = reported(&output).into_iter().partition(|row| row["ok"] == true);
    let expected = if broken.is_empty() { Some(0) } else { Some(1) };
    assert_eq!(output.status.code(), expected, "{broken:?}\n{}", stderr(&output));
    let ids = |rows: Vec<Value>| rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    (ids(held), ids(broken))
}

#[test]
fn nothing_is_left_and_the_search_finds_what_is_there() {
    let (held, broken) = checks(&[]);
    assert!(broken.is_empty(), "{broken:?}");
    let controls = ["control.locked-memory", "control.guest-memory", "control.host-stack"];
    for id in
        ["completed", "trap", "freed-heap", "sealed.completed", "fetched-by-tls.vault"].into_iter().chain(controls)
    {
        assert!(held.iter().any(|held| held == id), "{id} is among {held:?}");
    }
}

#[test]
fn without_the_wiping_allocator_the_search_finds_what_is_left() {
    let (_, broken) = checks(&["--allocator", "system"]);
    let found = |ids: &[&str]| ids.iter().any(|id| broken.iter().any(|broken| broken == id));
    // The next owner of a freed block may have overwritten it after one end, but not after every one.
    assert!(found(&["freed-heap"]) && found(&["completed", "trap"]), "{broken:?}");
    assert!(found(&["sealed.completed", "fetched-by-tls.vault"]), "{broken:?}");
}
