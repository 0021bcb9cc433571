//! The search of memory finds nothing after a task's end, and finds what is there otherwise; in the build that tests use.
//! All ends, and the release build: `cargo xtask residue`.

#![expect(clippy::unwrap_used, reason = "a search that cannot be run is a failed test")]

use std::process::Command;

use far_tests::guests;
use serde_json::Value;

/// The checks that hold, and those that do not.
fn checks(args: &[&str]) -> (Vec<String>, Vec<String>) {
    let residue = env!("CARGO_BIN_EXE_residue");
    let ends = ["--component", guests::PROBE_REVEALING, "--only", "completed,trap,sealed.completed,fetched-by-tls"];
    let output = Command::new(residue).args(ends).args(args).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (held, broken): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row["ok"] == true);
    let expected = if broken.is_empty() { Some(0) } else { Some(1) };
    assert_eq!(output.status.code(), expected, "{broken:?}\n{}", String::from_utf8_lossy(&output.stderr));
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
