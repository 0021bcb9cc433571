//! `far audit`.

mod line;
mod tail;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use far_audit::{Head, PublicKey};

use crate::output::Output;

/// Check and follow audit files.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Verify(Box<VerifyArgs>),
    Tail(TailArgs),
}

/// Check that nothing in an audit file was changed, moved or taken out.
///
/// What was cut off at its end shows only against a
/// head that was kept elsewhere; so does a file that the owner of its folder, who has the key, wrote anew.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 sound, 1 sound as far as it goes: no checkpoint, 2 usage, 3 tampered with")]
struct VerifyArgs {
    /// The audit file.
    file: PathBuf,

    /// The key that signed it: 'ed25519:' and 64 digits. Without it, the key that the file itself names is believed.
    #[arg(long)]
    key: Option<PublicKey>,

    /// A head that was kept elsewhere, as 'far run --audit' printed it.
    #[arg(long, value_name = "LINE:HASH")]
    head: Option<Head>,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Show an audit file's last events, and those that follow, until it is interrupted. It checks nothing.
#[derive(Args, Debug)]
struct TailArgs {
    /// The audit file.
    file: PathBuf,

    /// How many of the lines that are there are shown at first.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    lines: usize,

    /// Print the lines as they are in the file.
    #[arg(long)]
    json: bool,
}

/// Does what was asked for, and picks the exit code.
pub(crate) async fn run(args: AuditArgs) -> ExitCode {
    let (json, result) = match args.command {
        AuditCommand::Verify(args) => (args.json, verify::verify(&args)),
        AuditCommand::Tail(args) => (false, tail::tail(&args).await),
    };
    match result {
        Ok(code) => code,
        Err(failure) => Output { json }.finish(&Err(failure)),
    }
}
