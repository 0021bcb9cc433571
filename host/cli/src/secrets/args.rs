//! The arguments of `far secrets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
    pub(super) command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
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
pub(super) struct ListArgs {
    /// What the operator permits, and where secrets come from. Without it, the .env is listed.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Where secrets come from without --config; ./.env when left out. For development only.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(super) env_file: Option<PathBuf>,

    /// Read a .env although there is swap, to which values could be written.
    #[arg(long)]
    pub(super) allow_swap: bool,

    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct ChangeArgs {
    /// The secret, as the catalog calls it.
    pub(super) name: String,

    /// What the operator permits, and where secrets come from.
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,

    /// Also append every event to this file as a plain line of JSON; nothing is done unless its
    /// event was written. With '-', to stderr alone.
    #[arg(long, value_name = "FILE")]
    pub(super) pal: Option<PathBuf>,

    /// Keep every event in this audit file, chained and signed, in a folder of its own that only you may use; nothing is done
    /// unless its event was written.
    #[arg(long, value_name = "FILE")]
    pub(super) audit: Option<PathBuf>,

    /// Read a .env although there is swap, to which values could be written.
    #[arg(long)]
    pub(super) allow_swap: bool,

    /// Print one JSON object; events as lines of JSON.
    #[arg(long)]
    pub(super) json: bool,
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
