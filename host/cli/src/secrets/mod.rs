//! `far secrets`: what an agent has of the secrets of its catalog, and what the operator has done with them, here, in processes that
//! run, and in backends. References, versions and times; never a value.

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
use self::report::Report;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

/// Does what was asked for, and returns the exit code.
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
    act: impl AsyncFnOnce(&Operator<'_>) -> Result<Report, Failure>,
) -> Result<u8, Failure> {
    let operator = Operator::open(args, printer)?;
    let report = act(&operator).await;
    // What is printed comes after what happened.
    operator.events.end();
    printer.answer(&report?)
}
