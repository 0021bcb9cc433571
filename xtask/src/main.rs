//! `cargo xtask …`: commands for the development of far.
//!
//! Each command prints the programs that it runs, and exits with 1 on any failure. The commands
//! write only to the target folder and to temporary folders, with three exceptions. Rustup may add
//! a missing compilation target, and test servers are installed below the user's cache directory.
//! `reference` and `recording` write pages and a picture below `docs/`.

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
mod language;
mod line;
mod mutants;
mod proof;
mod recording;
mod reference;
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
use crate::servers::AfterStart;
use crate::verify::Suite;
use crate::verify::languages::{self, MissingTools};

/// Commands for the development of far.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run an example skill with secrets from a .env, and a hostile skill.
    Demo {
        /// Also write the rows to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Run every command in docs/, and compare its output with the page.
    Docs {
        /// Run only pages whose path contains this text.
        #[arg(default_value = "")]
        page: String,
        /// Also write the rows to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Run all tests.
    Test {
        /// Arguments for `cargo test` of the workspace.
        #[arg(last = true, value_name = "ARGS")]
        args: Vec<OsString>,
    },
    /// Run every attack on the host, with a twin that has the right grants.
    Attacks {
        /// Also write the rows to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Remove one guard at a time from a copy of the source; its attacks must then succeed.
    Mutants {
        #[command(flatten)]
        choice: Choice,
        /// Also write the rows to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Measure the cost of the host over raw wasmtime, in a release build.
    Bench {
        /// Also write the figures to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Run fewer rounds, for a faster but less precise result.
        #[arg(long)]
        quick: bool,
    },
    /// Run a suite that a release must pass, and that is too slow for each change.
    Verify {
        #[command(subcommand)]
        suite: Suite,
    },
    /// Run fuzz targets on their corpus and mutations of it, and print the seed.
    Fuzz {
        /// The target, or `loading`; all targets by default.
        target: Option<String>,
        /// The time of each target, in seconds.
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u64,
        /// The seed of an earlier run.
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
        /// Run only this input.
        #[arg(long, value_name = "FILE", requires = "target", conflicts_with_all = ["seconds", "seed", "coverage"])]
        input: Option<PathBuf>,
        /// Search for inputs that reach new code, with cargo-fuzz.
        #[arg(long, requires = "target")]
        coverage: bool,
    },
    /// Install the test servers, and start each once.
    Servers {
        /// Keep the servers running until Ctrl-C.
        #[arg(long)]
        keep: bool,
    },
    /// Write the generated pages below docs/reference.
    Reference {
        /// Write nothing, and fail if a page differs.
        #[arg(long)]
        check: bool,
    },
    /// Record the terminal session on the front page.
    Recording,
    /// Check the language of comments, documents and messages, and measure it.
    Language {
        #[command(flatten)]
        options: language::Options,
    },
    /// Check the rules on dependencies, on calls and on language.
    Rules,
    /// Run all checks for a change, up to the first failure.
    Ci {
        /// Run only format, rules, lints, documentation, tests and demo.
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
            languages::run(&repository, MissingTools::Skip, None)
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
        Command::Servers { keep } => servers::run(if *keep { AfterStart::Keep } else { AfterStart::Stop }),
        Command::Reference { check } => reference::run(&repository, *check),
        Command::Recording => recording::run(&repository),
        Command::Language { options } => language::run(&repository, options),
        Command::Rules => rules::run(&repository),
        Command::Ci { fast } => ci::run(&repository, if *fast { Part::Fast } else { Part::Full }),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn cargo_test_arguments_follow_two_dashes() {
        let cli = Cli::try_parse_from(["cargo xtask", "test", "--", "-p", "far-core", "--", "--nocapture"]).unwrap();
        let Command::Test { args } = cli.command else { panic!("another command") };
        assert_eq!(args, ["-p", "far-core", "--", "--nocapture"]);
    }
}
