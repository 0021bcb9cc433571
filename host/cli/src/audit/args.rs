//! The arguments of `far audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use far_audit::{Head, PublicKey};

/// Verify and follow audit files.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(super) command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    Verify(Box<VerifyArgs>),
    Tail(TailArgs),
}

/// Verify that no line of an audit file was changed, moved or removed.
///
/// Lines removed from the end are only detected with a head that was saved elsewhere. The same is
/// true of a file that the owner of the folder rewrote with its key.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 sound, 1 sound but unsigned (no checkpoint), 2 usage, 3 tampered with")]
pub(super) struct VerifyArgs {
    /// The audit file.
    pub(super) file: PathBuf,

    /// Public key of the signer: 'ed25519:' and 64 digits. Without it, the key named in the file is
    /// trusted.
    #[arg(long)]
    pub(super) key: Option<PublicKey>,

    /// Head of the chain, saved from the output of 'far run --audit'.
    #[arg(long, value_name = "LINE:HASH")]
    pub(super) head: Option<Head>,

    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// Show the last events of an audit file, and follow it until interrupted. Nothing is verified.
#[derive(Args, Debug)]
pub(super) struct TailArgs {
    /// The audit file.
    pub(super) file: PathBuf,

    /// Number of existing lines to show first.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(super) lines: usize,

    /// Print the lines unchanged.
    #[arg(long)]
    pub(super) json: bool,
}

impl AuditArgs {
    /// Returns true if the output is one JSON object. `tail --json` prints lines of the file.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            AuditCommand::Verify(args) => args.json,
            AuditCommand::Tail(_) => false,
        }
    }
}
