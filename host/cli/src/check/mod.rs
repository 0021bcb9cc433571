//! `far check`: whether a configuration is one that an agent could work with, and what it permits to whom.

mod overview;
mod print;

use std::path::{Path, PathBuf};

use clap::Args;
use far_core::capability::Catalog;

use self::overview::Overview;
use self::print::Check;
use crate::config::FarToml;
use crate::local;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;
use crate::protection;

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

/// Does it, and returns the exit code.
pub(crate) async fn run(args: &CheckArgs, printer: &Printer) -> Result<u8, Failure> {
    let config = match &args.config {
        Some(path) => FarToml::read(path)?,
        None => without_config(args.env_file.as_deref())?,
    };
    protection::refuse_swap(args.allow_swap || config.swap_allowed)?;
    let overview = Overview::of(&config).await;
    printer.answer(&Check { config: args.config.as_deref(), overview })
}

/// What `far run` takes without a configuration: the `.env`, and nothing but what is granted.
fn without_config(env_file: Option<&Path>) -> Result<FarToml, Failure> {
    Ok(FarToml::local(local::provider(env_file)?, Catalog::new()))
}
