//! `far secrets`: what an agent has of the secrets of its catalog, and what the operator has done with them, here, in processes that
//! run, and in backends. References, versions and times; never a value.

mod list;
mod operator;
mod refresh;
mod report;
mod revoke;
mod rotate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::output::{self, Output};

use self::operator::Operator;
use self::report::Report;

const CODES: &str = "\
Exit codes:
  0  done, as far as the backend can
  2  usage or configuration, or no such secret
  3  denied by the backend
  5  a backend, a process or the audit log is unavailable";

/// List, refresh, rotate and revoke secrets; no value is shown.
#[derive(Args, Debug)]
pub(crate) struct SecretsArgs {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// Show every secret of the catalog, what its backend says of it, and what processes that run keep of it.
    #[command(after_help = CODES)]
    List(ListArgs),

    /// Have every process that keeps a secret read it again.
    ///
    /// What a backend made for a process stays; 'far secrets rotate' has it replaced.
    #[command(after_help = CODES)]
    Refresh(ChangeArgs),

    /// Have the backend make a new version, and every process that keeps the secret read it.
    ///
    /// Where a backend makes no versions, processes read again what there is; what was made for a process is made anew.
    #[command(after_help = CODES)]
    Rotate(ChangeArgs),

    /// Have every process wipe a secret, and the backend revoke its current version.
    ///
    /// Handles to it answer 'revoked' at once. Whoever asks for it afterwards is answered by the backend: where that does not
    /// revoke, the secret itself is still good, and this says so.
    #[command(after_help = CODES)]
    Revoke(ChangeArgs),
}

#[derive(Args, Debug)]
struct ListArgs {
    /// What the operator permits, and where secrets come from. Without it, the .env is listed.
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
    json: bool,
}

#[derive(Args, Debug)]
struct ChangeArgs {
    /// The secret, as the catalog calls it.
    name: String,

    /// What the operator permits, and where secrets come from.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Also append every event to this file as a plain line of JSON; nothing is done unless its
    /// event was written. With '-', to stderr alone.
    #[arg(long, value_name = "FILE")]
    pal: Option<PathBuf>,

    /// Keep every event in this audit file, chained and signed, in a folder of its own that only you may use; nothing is done
    /// unless its event was written.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,

    /// Read a .env although there is swap, to which values could be written.
    #[arg(long)]
    allow_swap: bool,

    /// Print one JSON object; events as lines of JSON.
    #[arg(long)]
    json: bool,
}

impl SecretsArgs {
    /// Whether one JSON object is wanted.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            SecretsCommand::List(args) => args.json,
            SecretsCommand::Refresh(args) | SecretsCommand::Rotate(args) | SecretsCommand::Revoke(args) => args.json,
        }
    }
}

/// Does what was asked for, and picks the exit code.
pub(crate) async fn run(args: &SecretsArgs) -> ExitCode {
    let done = match &args.command {
        SecretsCommand::List(args) => list::run(args).await,
        SecretsCommand::Refresh(args) => change(args, async |operator| refresh::run(operator).await).await,
        SecretsCommand::Rotate(args) => change(args, async |operator| rotate::run(operator).await).await,
        SecretsCommand::Revoke(args) => change(args, async |operator| revoke::run(operator).await).await,
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => Output { json: args.json() }.finish(&Err(failure)),
    }
}

async fn change(args: &ChangeArgs, act: impl AsyncFnOnce(&Operator) -> Result<Report, Failure>) -> Result<u8, Failure> {
    let operator = Operator::open(args)?;
    let report = act(&operator).await;
    // What is printed comes after what happened.
    operator.events.end();
    let report = report?;
    let code = report.code();
    if args.json {
        output::print_object(&report.object())?;
    } else {
        output::print(&report.text())?;
        output::stderr(&report.problems());
    }
    Ok(code)
}
