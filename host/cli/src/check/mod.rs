//! `far check`: validates a configuration, and shows the permitted secrets.

mod overview;
mod print;

use std::path::{Path, PathBuf};

use clap::Args;
use far_core::capability::Catalog;

use self::overview::Overview;
use self::print::CheckOutput;
use crate::config::FarToml;
use crate::local;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;
use crate::protection;

const HELP: &str = "\
Providers are asked for the names of their secrets, never for values. A .env file is read
completely.

Exit codes:
  0  valid
  2  usage, an invalid configuration, or a permitted secret that its provider does not have
  5  a provider is unreachable

Example:
  far check --config far.toml";

/// Check a configuration, contact every provider, and show the permitted secrets.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct CheckArgs {
    /// Configuration of the operator. Without it, the .env file is checked.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// File of secrets without --config, for development only; default: ./.env.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    env_file: Option<PathBuf>,

    /// Read a .env file even if swap is enabled: values could be written to it.
    #[arg(long)]
    allow_swap: bool,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Checks the configuration, and returns the exit code.
pub(crate) async fn run(args: &CheckArgs, printer: &Printer) -> Result<u8, Failure> {
    let config = match &args.config {
        Some(path) => FarToml::read(path)?,
        None => without_config(args.env_file.as_deref())?,
    };
    protection::refuse_swap(args.allow_swap || config.swap_allowed)?;
    let overview = Overview::of(&config).await;
    printer.output(&CheckOutput { config: args.config.as_deref(), overview })
}

/// Returns the configuration of a run without `--config`: the `.env` file, and no permitted
/// secrets.
fn without_config(env_file: Option<&Path>) -> Result<FarToml, Failure> {
    Ok(FarToml::local(local::provider(env_file)?, Catalog::new()))
}
