//! Runs every check of every backend and prints one line of JSON for each, for `cargo xtask verify
//! conformance`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line of tests")]

use std::process::ExitCode;

use far_tests::conformance;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    // A panicking provider is an outcome, reported on one line.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    match conformance::all(|row| println!("{}", row.json())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            if failure.is_absent() { ExitCode::from(conformance::ABSENT) } else { ExitCode::FAILURE }
        }
    }
}
