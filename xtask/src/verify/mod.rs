//! `cargo xtask verify SUITE`: suites that a release must pass and that are too slow for each
//! change.

mod conformance;
pub(crate) mod languages;
pub(crate) mod residue;
mod soak;

use std::path::PathBuf;

use clap::Subcommand;

use self::languages::MissingTools;
use self::residue::Expectation;
use crate::artifacts::Profile;
use crate::failure::Failure;
use crate::repository::Repository;

/// A suite with its options.
#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// Test every backend with its real server, also with injected faults.
    Conformance {
        /// Also write the rows to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Run the same skills in Rust, Python and JavaScript, and hostile skills in each language.
    Languages {
        /// Also write the rows to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Search the memory of a process for remains of secrets after every end of a task.
    Residue {
        /// Also write the rows to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Do not overwrite freed memory; the command succeeds if the checks fail.
        #[arg(long)]
        mutate: bool,
        /// The profile of the examined build.
        #[arg(long, value_enum, default_value = "release")]
        profile: Profile,
    },
    /// Run honest and hostile tasks concurrently; the honest tasks must succeed in time.
    Soak {
        /// The time of the run, in minutes.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(3..=600))]
        minutes: u64,
        /// Also write the rows to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

/// Runs a suite.
pub(crate) fn run(repository: &Repository, suite: &Suite) -> Result<(), Failure> {
    match suite {
        Suite::Conformance { json } => conformance::run(repository, json.as_deref()),
        Suite::Languages { json } => languages::run(repository, MissingTools::Fail, json.as_deref()),
        Suite::Residue { json, mutate, profile } => {
            let expected = if *mutate { Expectation::Residue } else { Expectation::Clean };
            residue::run(repository, json.as_deref(), expected, *profile)
        }
        Suite::Soak { minutes, json } => soak::run(repository, *minutes, json.as_deref()),
    }
}
