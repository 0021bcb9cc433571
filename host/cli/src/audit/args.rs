//! The arguments of `far audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use far_audit::{Head, PublicKey};

/// Check and follow audit files.
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

/// Check that nothing in an audit file was changed, moved or taken out.
///
/// What was cut off at its end shows only against a
/// head that was kept elsewhere; so does a file that the owner of its folder, who has the key, wrote anew.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 sound, 1 sound as far as it goes: no checkpoint, 2 usage, 3 tampered with")]
pub(super) struct VerifyArgs {
    /// The audit file.
    pub(super) file: PathBuf,

    /// The key that signed it: 'ed25519:' and 64 digits. Without it, the key that the file itself names is believed.
    #[arg(long)]
    pub(super) key: Option<PublicKey>,

    /// A head that was kept elsewhere, as 'far run --audit' printed it.
    #[arg(long, value_name = "LINE:HASH")]
    pub(super) head: Option<Head>,

    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// Show an audit file's last events, and those that follow, until it is interrupted. It checks nothing.
#[derive(Args, Debug)]
pub(super) struct TailArgs {
    /// The audit file.
    pub(super) file: PathBuf,

    /// How many of the lines that are there are shown at first.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(super) lines: usize,

    /// Print the lines as they are in the file.
    #[arg(long)]
    pub(super) json: bool,
}

impl AuditArgs {
    /// Returns whether one JSON object is wanted. `tail --json` shows lines of the file.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            AuditCommand::Verify(args) => args.json,
            AuditCommand::Tail(_) => false,
        }
    }
}
