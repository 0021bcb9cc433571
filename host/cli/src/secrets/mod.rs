//! `far secrets`: lists and changes the secrets of an agent, in running processes and in backends.
//! Handles names, versions and times, never a value.

mod args;
mod list;
mod operator;
mod refresh;
mod report;
mod revoke;
mod rotate;

pub(crate) use self::args::SecretsArgs;
use self::args::{ChangeArgs, SecretsCommand};
use self::operator::Operator;
use self::report::ChangeReport;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

/// Runs the subcommand, and returns the exit code.
pub(crate) async fn run(args: &SecretsArgs, printer: &Printer) -> Result<u8, Failure> {
    match &args.command {
        SecretsCommand::List(args) => list::run(args, printer).await,
        SecretsCommand::Refresh(args) => change(args, printer, async |operator| refresh::run(operator).await).await,
        SecretsCommand::Rotate(args) => change(args, printer, async |operator| rotate::run(operator).await).await,
        SecretsCommand::Revoke(args) => change(args, printer, async |operator| revoke::run(operator).await).await,
    }
}

async fn change(
    args: &ChangeArgs,
    printer: &Printer,
    act: impl AsyncFnOnce(&Operator<'_>) -> Result<ChangeReport, Failure>,
) -> Result<u8, Failure> {
    let operator = Operator::open(args, printer)?;
    let report = act(&operator).await;
    // Events come before the output.
    operator.events.end();
    printer.output(&report?)
}
