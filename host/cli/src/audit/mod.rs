//! `far audit`.

mod args;
mod line;
mod tail;
mod verify;

pub(crate) use self::args::AuditArgs;
use self::args::AuditCommand;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

/// Runs the subcommand, and returns the exit code.
pub(crate) async fn run(args: &AuditArgs, printer: &Printer) -> Result<u8, Failure> {
    match &args.command {
        AuditCommand::Verify(args) => verify::verify(args, printer),
        AuditCommand::Tail(args) => tail::tail(args, printer).await,
    }
}
