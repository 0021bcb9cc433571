//! Runs all attacks and their twins.

use std::process::Command;

use crate::{reported, run, stderr};

#[test]
fn attacks_fail_and_twins_succeed() {
    let output = run(&mut Command::new(env!("CARGO_BIN_EXE_attacks")));
    assert!(output.status.success(), "{}: {}", output.status, stderr(&output));
    let cases = reported(&output);
    assert_eq!(cases.len(), far_tests::attacks::cases().len());
    let mut wrong = Vec::new();
    for case in cases {
        for which in ["attack", "twin"] {
            let outcome = &case[which];
            if outcome["ok"] != true {
                wrong.push(format!(
                    "{} {which}: expected {}, seen {}",
                    case["id"], outcome["expected"], outcome["seen"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
