//! Every attack fails, and every twin succeeds.

far_tests::settable_wall_clock!();

/// One after the other: some look at what the whole process has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_fails_and_every_twin_succeeds() {
    far_tests::child::set_program(env!("CARGO_BIN_EXE_attacks"));
    let mut wrong = Vec::new();
    for case in far_tests::attacks::cases() {
        for (which, trial) in [("attack", &case.attack), ("twin", &case.twin)] {
            let outcome = trial.run(far_tests::attacks::LONGEST).await;
            if !outcome.ok() {
                wrong.push(format!("{} {which}: expected '{}', seen '{}'", case.id, outcome.expected, outcome.seen));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
