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
mod conformance;
mod demo;
mod docs;
mod failure;
mod fuzz;
mod invocation;
mod languages;
mod mutants;
mod proof;
mod repository;
mod residue;
mod rules;
mod servers;
mod setup;
mod soak;
mod test;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::artifacts::Profile;
use crate::failure::Failure;
use crate::languages::Absent;
use crate::mutants::Choice;
use crate::repository::Repository;
use crate::residue::Expected;
use crate::servers::Then;

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
    /// Run the same skills in Rust, Python and JavaScript, and hostile ones beside them.
    Languages {
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Search the memory of a process for what is left of secrets after every end of a task.
    Residue {
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Have freed memory stay as it is: the command succeeds if the checks notice.
        #[arg(long)]
        mutate: bool,
        /// The build that is examined.
        #[arg(long, value_enum, default_value = "release")]
        profile: Profile,
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
    /// Run honest and hostile tasks at once, and see that the honest ones succeed and the host stays as it was.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(3..=600))]
        minutes: u64,
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Ask every backend what each must answer, with its real server behind it, also while that goes wrong.
    Conformance {
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
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
    Ci,
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
        Command::Languages { json } => languages::run(&repository, Absent::Fails, json.as_deref()),
        Command::Residue { json, mutate, profile } => residue::run(
            &repository,
            json.as_deref(),
            if *mutate { Expected::Residue } else { Expected::Nothing },
            *profile,
        ),
        Command::Test { args } => {
            test::run(&repository, args).and_then(test::Summary::conclude)?;
            languages::run(&repository, Absent::Told, None)
        }
        Command::Attacks { json } => attacks::run(&repository, json.as_deref()),
        Command::Mutants { choice, json } => mutants::run(&repository, choice, json.as_deref()),
        Command::Soak { minutes, json } => soak::run(&repository, *minutes, json.as_deref()),
        Command::Bench { json, quick } => bench::run(&repository, json.as_deref(), *quick),
        Command::Conformance { json } => conformance::run(&repository, json.as_deref()),
        Command::Fuzz { target: Some(target), input: Some(input), .. } => fuzz::reproduce(&repository, target, input),
        Command::Fuzz { target, seconds, seed, coverage, .. } => {
            let options = fuzz::Options { target: target.as_deref(), seconds: *seconds, seed: *seed };
            if *coverage { fuzz::coverage(&repository, options) } else { fuzz::run(&repository, options) }
        }
        Command::Servers { keep } => servers::run(if *keep { Then::Keep } else { Then::Stop }),
        Command::Rules => rules::run(&repository),
        Command::Ci => ci::run(&repository),
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
