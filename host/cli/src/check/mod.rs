//! `far check`: whether a configuration is one that an agent could work with, and what it permits to whom.

mod overview;
mod print;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use far_core::capability::Catalog;

use self::overview::Overview;
use crate::config::FarToml;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::protection;
use crate::providers;

const HELP: &str = "\
Every provider is asked for the names of what it has, and no value is asked for. A .env is read as a whole.

Exit codes:
  0  sound
  2  usage, or something in the configuration, or a permitted secret that its provider does not have
  5  a provider cannot be reached

Example:
  far check --config far.toml";

/// Check a configuration, reach every provider, and show what is permitted to whom.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct CheckArgs {
    /// What the operator permits, and where secrets come from. Without it, the .env is checked.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where secrets come from without --config; ./.env when left out. For development only.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    env_file: Option<PathBuf>,

    /// Read a .env although there is swap, to which values could be written.
    #[arg(long)]
    allow_swap: bool,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Does it, and picks the exit code.
pub(crate) async fn run(args: &CheckArgs) -> ExitCode {
    match check(args).await {
        Ok(code) => ExitCode::from(code),
        Err(failure) => Output { json: args.json }.finish(&Err(failure)),
    }
}

async fn check(args: &CheckArgs) -> Result<u8, Failure> {
    let config = match &args.config {
        Some(path) => FarToml::read(path)?,
        None => local(args.env_file.as_deref())?,
    };
    protection::refuse_swap(args.allow_swap || config.swap_allowed)?;
    let overview = Overview::of(&config).await;
    let code = overview.code();
    if args.json {
        output::print_object(&overview.object(args.config.as_deref(), code))?;
    } else {
        output::print(&overview.text(args.config.as_deref()))?;
        output::stderr(&overview.problems());
    }
    Ok(code)
}

/// What `far run` takes without a configuration: the `.env`, and nothing but what is granted.
fn local(env_file: Option<&Path>) -> Result<FarToml, Failure> {
    Ok(FarToml::local(providers::local(env_file)?, Catalog::new()))
}
