//! Runs attacks, and prints one line of JSON for each: for `cargo xtask attacks`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

use std::process::ExitCode;
use std::time::Duration;

use far_core::guard::Guard;
use far_core::memory::WipingAllocator;
use far_runtime::Compiler;
use far_tests::attacks::{self, Case, Outcome};
use far_tests::child;
use serde_json::json;

far_tests::settable_wall_clock!();

/// As `far` has it.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

const USAGE: &str = "usage: attacks            runs every attack
       attacks --only ROW    runs those whose name begins so
       attacks --guards   lists the guards, and the attacks that each stands against
       attacks --off GUARD   turns a guard off, and runs the attacks that it stands against";

/// How long a trial may take without a guard: some never end then.
const WITHOUT: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    if let Some(code) = Compiler::child_main() {
        return code;
    }
    child::set_program("/proc/self/exe");
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(attack()),
        Err(error) => {
            eprintln!("no threads: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn attack() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(attacks::LONGEST, |_| true).await,
        ["--only", row] => run(attacks::LONGEST, |case| case.id.starts_with(row)).await,
        ["--guards"] => list(),
        ["--off", id] => match Guard::ALL.iter().find(|guard| guard.id() == id) {
            Some(guard) if turn_off(*guard) => run(WITHOUT, |case| case.guards.contains(guard)).await,
            Some(_) => {
                eprintln!("guards stand in this build: it was not made with --cfg far_mutate");
                return ExitCode::from(2);
            }
            None => {
                eprintln!("there is no guard '{id}'");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

#[cfg(far_mutate)]
fn turn_off(guard: Guard) -> bool {
    guard.turn_off()
}

#[cfg(not(far_mutate))]
fn turn_off(_: Guard) -> bool {
    false
}

fn list() {
    let cases = attacks::cases();
    for guard in Guard::ALL {
        let named: Vec<_> = cases.iter().filter(|case| case.guards.contains(guard)).map(|case| case.id).collect();
        println!("{}", json!({ "guard": guard.id(), "attacks": named }));
    }
}

async fn run(within: Duration, wanted: impl Fn(&Case) -> bool) {
    // What a panicking host says is seen by whoever waits for it.
    std::panic::set_hook(Box::new(|_| {}));
    for case in attacks::cases().iter().filter(|case| wanted(case)) {
        let attack = case.attack.run(within).await;
        let twin = case.twin.run(within).await;
        let told =
            |outcome: &Outcome| json!({ "expected": outcome.expected, "seen": outcome.seen, "ok": outcome.ok() });
        println!("{}", json!({ "id": case.id, "what": case.what, "attack": told(&attack), "twin": told(&twin) }));
    }
}
