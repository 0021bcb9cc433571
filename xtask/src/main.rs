//! `cargo xtask …`: the repository's own commands.
//!
//! Each shows the commands that it runs, so that they can be run by hand, and exits with 1 on any shortfall. None
//! changes anything outside the target folder and the temporary folders that it makes, except that a missing
//! compilation target is added with rustup, and servers for tests are installed in a folder of the user's caches.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

mod artifacts;
mod attacks;
mod bench;
mod ci;
mod demo;
mod docs;
mod failure;
mod fuzz;
mod invocation;
mod mutants;
mod proof;
mod repository;
mod rules;
mod servers;
mod setup;
mod test;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::ci::Part;
use crate::failure::Failure;
use crate::mutants::Choice;
use crate::repository::Repository;
use crate::servers::Then;
use crate::verify::Suite;
use crate::verify::languages::{self, Absent};

/// The repository's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build an example skill, run it with a .env, then watch a violation being stopped.
    Demo {
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Run every command in the documentation, and compare what is printed with what stands there.
    Docs {
        /// Only pages whose names have this in them.
        #[arg(default_value = "")]
        page: String,
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Run every test.
    Test {
        /// Passed on to the workspace's `cargo test`.
        #[arg(last = true, value_name = "ARGS")]
        args: Vec<OsString>,
    },
    /// Run every attack against the host, each with a twin that may do the same.
    Attacks {
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Remove one guard at a time from a copy of the source, and expect the attacks on it to succeed.
    Mutants {
        #[command(flatten)]
        choice: Choice,
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Measure what the host costs over raw wasmtime, in optimised builds.
    Bench {
        /// Also write all figures to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Fewer rounds: sooner done, and less sure.
        #[arg(long)]
        quick: bool,
    },
    /// Run one of the suites that a release must pass, and that take too long for each change.
    Verify {
        #[command(subcommand)]
        suite: Suite,
    },
    /// Run fuzz targets over their corpus and mutations of it, and print the seed.
    Fuzz {
        /// One target; all of them, one after the other, if none is named.
        target: Option<String>,
        /// How long each target takes.
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u64,
        /// The seed of an earlier run.
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
        /// Run this input only.
        #[arg(long, value_name = "FILE", requires = "target", conflicts_with_all = ["seconds", "seed", "coverage"])]
        input: Option<PathBuf>,
        /// Look for inputs that reach new code, by cargo-fuzz.
        #[arg(long, requires = "target")]
        coverage: bool,
    },
    /// Install the real servers that tests run against, and start each once.
    Servers {
        /// Leave them running until Ctrl-C.
        #[arg(long)]
        keep: bool,
    },
    /// Check the rules on dependencies and on who may call what.
    Rules,
    /// Everything that a change must pass, in order, up to the first failure.
    Ci {
        /// Only format, rules, lints, documentation, tests and demo.
        #[arg(long)]
        fast: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    let repository = Repository::find()?;
    match command {
        Command::Demo { json } => demo::run(&repository, json.as_deref()),
        Command::Docs { page, json } => docs::run(&repository, page, json.as_deref()),
        Command::Test { args } => {
            test::run(&repository, args).and_then(test::Summary::conclude)?;
            languages::run(&repository, Absent::Told, None)
        }
        Command::Attacks { json } => attacks::run(&repository, json.as_deref()),
        Command::Mutants { choice, json } => mutants::run(&repository, choice, json.as_deref()),
        Command::Bench { json, quick } => bench::run(&repository, json.as_deref(), *quick),
        Command::Verify { suite } => verify::run(&repository, suite),
        Command::Fuzz { target: Some(target), input: Some(input), .. } => fuzz::reproduce(&repository, target, input),
        Command::Fuzz { target, seconds, seed, coverage, .. } => {
            let options = fuzz::Options { target: target.as_deref(), seconds: *seconds, seed: *seed };
            if *coverage { fuzz::coverage(&repository, options) } else { fuzz::run(&repository, options) }
        }
        Command::Servers { keep } => servers::run(if *keep { Then::Keep } else { Then::Stop }),
        Command::Rules => rules::run(&repository),
        Command::Ci { fast } => ci::run(&repository, if *fast { Part::Fast } else { Part::Full }),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_for_cargo_test_come_after_two_dashes() {
        let cli = Cli::try_parse_from(["cargo xtask", "test", "--", "-p", "far-core", "--", "--nocapture"]).unwrap();
        let Command::Test { args } = cli.command else { panic!("another command") };
        assert_eq!(args, ["-p", "far-core", "--", "--nocapture"]);
    }
}
