//! Checks of whole processes: each program of this package runs in a process of its own, and one program at a time, since
//! some look at everything that a process has, and some measure what the machine leaves them.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that cannot be run, or does not report what it must, is a failed test"
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

/// Runs a program to its end, after those that run already.
fn run(program: &mut Command) -> Output {
    // A test that failed holds nothing that another one needs.
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    program.output().unwrap()
}

/// The objects that a program reported, one on each line.
fn reported(output: &Output) -> Vec<Value> {
    let stdout = str::from_utf8(&output.stdout).unwrap();
    let object =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{}", stderr(output)));
    stdout.lines().map(object).collect()
}

/// What a program wrote for people.
fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
