//! `cargo xtask …`: the repository's own commands.
//!
//! Each shows the commands that it runs, so that they can be run by hand, and exits with 1 on any shortfall. None
//! changes anything outside the target folder and the temporary folders that it makes, except that a missing
//! compilation target is added with rustup.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

mod artifacts;
mod bench;
mod ci;
mod demo;
mod failure;
mod invocation;
mod proof;
mod repository;
mod rules;
mod setup;
mod test;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::repository::Repository;

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
    /// Run every test.
    Test {
        /// Passed on to the workspace's `cargo test`.
        #[arg(last = true, value_name = "ARGS")]
        args: Vec<OsString>,
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
        Command::Test { args } => test::run(&repository, args).and_then(test::Summary::conclude),
        Command::Bench { json, quick } => bench::run(&repository, json.as_deref(), *quick),
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
