//! Runs the conformance suite of the backends.

use std::process::Command;

use far_servers::{Failure, or_skip};
use far_tests::conformance::ABSENT;

use crate::{reported, run, stderr};

#[test]
fn every_backend_conforms() {
    let output = run(&mut Command::new(env!("CARGO_BIN_EXE_conformance")));
    let mut wrong = Vec::new();
    for row in reported(&output) {
        if row["ok"] != true {
            wrong.push(format!("{}: expected {}, seen {}", row["id"], row["expected"], row["seen"]));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    if output.status.code() == Some(ABSENT.into()) {
        or_skip::<()>(Err(Failure::new(stderr(&output)).absent()));
        return;
    }
    assert!(output.status.success(), "{}: {}", output.status, stderr(&output));
}
