//! Checks of whole processes, one at a time: some examine all of a process, and others measure the
//! machine.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that does not run, or reports an unexpected result, is a failed test"
)]

mod attacks;
mod conformance;
mod residue;
mod soak;
mod traces;

use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs a program after the other running ones have ended.
fn run(program: &mut Command) -> Output {
    // The lock guards no data, so a failed test does no harm.
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    program.output().unwrap()
}

/// Returns the objects that a program printed, one on each line.
fn reported(output: &Output) -> Vec<Value> {
    let stdout = str::from_utf8(&output.stdout).unwrap();
    let object =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{}", stderr(output)));
    stdout.lines().map(object).collect()
}

/// Returns the program's stderr.
fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
