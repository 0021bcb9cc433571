//! The arguments of `far secrets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const CODES: &str = "\
Exit codes:
  0  done, as far as the backend supports it
  2  usage, configuration, or unknown secret
  3  denied by the backend
  5  backend, process or audit log unavailable";

/// List, refresh, rotate and revoke secrets; values are never shown.
#[derive(Args, Debug)]
pub(crate) struct SecretsArgs {
    #[command(subcommand)]
    pub(super) command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
    /// Show every configured secret, its state in the backend, and cached values in running
    /// processes.
    #[command(after_help = CODES)]
    List(ListArgs),

    /// Make every process that caches a secret read it again.
    ///
    /// Dynamic secrets are unchanged; 'far secrets rotate' reissues them.
    #[command(after_help = CODES)]
    Refresh(ChangeArgs),

    /// Create a new version in the backend, and make every process that caches the secret read it.
    ///
    /// If the backend does not create versions, processes read the current one again. Dynamic
    /// secrets are reissued.
    #[command(after_help = CODES)]
    Rotate(ChangeArgs),

    /// Wipe a secret in every process, and revoke its current version in the backend.
    ///
    /// Handles to the secret report 'revoked' at once. Later requests go to the backend. If the
    /// backend does not support revocation, the secret is still valid, and the output says so.
    #[command(after_help = CODES)]
    Revoke(ChangeArgs),
}

#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// Configuration of the operator. Without it, the .env file is listed.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// File of secrets without --config, for development only; default: ./.env.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(super) env_file: Option<PathBuf>,

    /// Read a .env file even if swap is enabled: values could be written to it.
    #[arg(long)]
    pub(super) allow_swap: bool,

    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct ChangeArgs {
    /// Name of the secret in the configuration.
    pub(super) name: String,

    /// Configuration of the operator.
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,

    /// Append every event to this file as a JSON line; nothing is done before its event is written.
    /// '-' means stderr.
    #[arg(long, value_name = "FILE")]
    pub(super) pal: Option<PathBuf>,

    /// Write every event to this audit file, hash-chained and signed, in a separate owner-only
    /// folder; nothing is done before its event is written.
    #[arg(long, value_name = "FILE")]
    pub(super) audit: Option<PathBuf>,

    /// Read a .env file even if swap is enabled: values could be written to it.
    #[arg(long)]
    pub(super) allow_swap: bool,

    /// Print one JSON object; events are JSON lines.
    #[arg(long)]
    pub(super) json: bool,
}

impl SecretsArgs {
    /// Returns true if the output is one JSON object.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            SecretsCommand::List(args) => args.json,
            SecretsCommand::Refresh(args) | SecretsCommand::Rotate(args) | SecretsCommand::Revoke(args) => args.json,
        }
    }
}
