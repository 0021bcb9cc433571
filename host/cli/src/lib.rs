//! The `far` command, as a library: the binary is a call of [`main`], and fuzz targets reach the
//! parsers of configuration files by `internal`.
//!
//! Each subcommand returns its exit code or a failure. The printer prints all output.

#![forbid(unsafe_code)]

mod args;
mod audit;
mod authorities;
mod cache;
mod check;
mod config;
mod control;
mod diff;
mod duration;
mod egress;
mod embed;
mod escape;
mod executor;
mod exit;
mod explain;
mod input;
mod inspect;
mod local;
mod manual;
mod messages;
mod metrics;
mod new;
mod output;
mod pal;
mod protection;
mod providers;
mod run;
mod secrets;
mod signals;
mod state;
mod table;
mod terms;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use far_runtime::Compiler;

#[doc(hidden)]
pub use crate::config::internal;

use crate::args::{Cli, Command};
use crate::messages::failure::Failure;
use crate::output::printer::{Format, Printer};

/// Runs the command that the process's arguments name, and returns its exit code.
pub fn main() -> ExitCode {
    if let Some(code) = Compiler::child_main() {
        return code;
    }
    executor::run(far).unwrap_or_else(|failure| Printer::new(Format::Human).finish(Err(failure)))
}

fn far() -> ExitCode {
    let protected = protection::protect();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return args::refuse(&error),
    };
    let printer = Printer::new(cli.command.format());
    // Other commands hold no secrets, and run without protection.
    if let (Command::Run(_) | Command::Check(_) | Command::Secrets(_), Err(failure)) = (&cli.command, protected) {
        return printer.finish(Err(failure));
    }
    match executor::start() {
        Ok(runtime) => runtime.block_on(async { printer.finish(run(&cli.command, &printer).await) }),
        Err(failure) => printer.finish(Err(failure)),
    }
}

async fn run(command: &Command, printer: &Printer) -> Result<u8, Failure> {
    match command {
        Command::Run(args) => run::run(args, printer).await,
        Command::Audit(args) => audit::run(args, printer).await,
        Command::Completions(args) => manual::completions(args, Cli::command(), printer),
        Command::Inspect(args) => inspect::run(args, printer),
        Command::Diff(args) => diff::run(args, printer),
        Command::Explain(args) => explain::run(args, Cli::command(), printer),
        Command::Embed(args) => embed::run(args, printer),
        Command::New(args) => new::run(args, printer),
        Command::Man(args) => manual::man(args, Cli::command(), printer),
        Command::Check(args) => check::run(args, printer).await,
        Command::Secrets(args) => secrets::run(args, printer).await,
    }
}
