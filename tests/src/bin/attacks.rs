//! Runs attacks and prints one line of JSON for each, for `cargo xtask attacks`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

use std::process::ExitCode;
use std::time::Duration;

use far_core::memory::WipingAllocator;
use far_runtime::Compiler;
use far_tests::attacks::{self, Case, Outcome};
use far_tests::child;
use serde_json::json;

far_tests::settable_wall_clock!();

/// The allocator of `far`.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

const USAGE: &str = "usage: attacks            runs every attack
       attacks --only ROW    runs attacks whose name has this prefix
       attacks --mutant NAME...   runs these attacks, in a build without one guard";

/// The time limit of a trial without a guard, which may never end.
const MUTANT: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    if let Some(code) = Compiler::child_main() {
        return code;
    }
    child::set_program("/proc/self/exe");
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(attack()),
        Err(error) => {
            eprintln!("cannot start threads: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn attack() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(attacks::LONGEST, |_| true).await,
        ["--only", row] => run(attacks::LONGEST, |case| case.id.starts_with(row)).await,
        ["--mutant", ref names @ ..] => run(MUTANT, |case| names.contains(&case.id)).await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

async fn run(within: Duration, wanted: impl Fn(&Case) -> bool) {
    // The outcome of the trial reports the panic.
    std::panic::set_hook(Box::new(|_| {}));
    for case in attacks::cases().iter().filter(|case| wanted(case)) {
        let attack = case.attack.run(within).await;
        let twin = case.twin.run(within).await;
        let json =
            |outcome: &Outcome| json!({ "expected": outcome.expected, "seen": outcome.seen, "ok": outcome.ok() });
        println!(
            "{}",
            json!({ "id": case.id, "what": case.description, "attack": json(&attack), "twin": json(&twin) })
        );
    }
}
