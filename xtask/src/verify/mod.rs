//! `cargo xtask verify SUITE`: what a release must pass, and takes too long for each change.

mod conformance;
pub(crate) mod languages;
pub(crate) mod residue;
mod soak;

use std::path::PathBuf;

use clap::Subcommand;

use self::languages::Absent;
use self::residue::Expected;
use crate::artifacts::Profile;
use crate::failure::Failure;
use crate::repository::Repository;

/// A suite, and how it is run.
#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// Ask every backend what each must answer, with its real server behind it, also while that goes wrong.
    Conformance {
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
    /// Run honest and hostile tasks at once, and see that the honest ones succeed and the host stays as it was.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(3..=600))]
        minutes: u64,
        /// Also write what was expected and seen to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

/// Runs a suite.
pub(crate) fn run(repository: &Repository, suite: &Suite) -> Result<(), Failure> {
    match suite {
        Suite::Conformance { json } => conformance::run(repository, json.as_deref()),
        Suite::Languages { json } => languages::run(repository, Absent::Fails, json.as_deref()),
        Suite::Residue { json, mutate, profile } => {
            let expected = if *mutate { Expected::Residue } else { Expected::Nothing };
            residue::run(repository, json.as_deref(), expected, *profile)
        }
        Suite::Soak { minutes, json } => soak::run(repository, *minutes, json.as_deref()),
    }
}
