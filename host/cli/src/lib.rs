//! The `far` command, as a library: the binary is a call of [`main`], and fuzz targets reach the
//! parsers of configuration files by `internal`.
//!
//! This is the one place that prints an error and picks the exit code. Each subcommand has a file
//! for the rest.

#![forbid(unsafe_code)]

mod advice;
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
mod explanation;
mod failure;
mod input;
mod inspect;
mod manual;
mod metrics;
mod new;
mod object;
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

use clap::Parser;
use far_runtime::Compiler;

#[doc(hidden)]
pub use crate::config::internal;

use crate::args::{Cli, Command};
use crate::output::Output;

/// Runs the command that the process's arguments name, and returns its exit code.
pub fn main() -> ExitCode {
    if let Some(code) = Compiler::child_main() {
        return code;
    }
    executor::run(far)
}

fn far() -> ExitCode {
    let protected = protection::protect();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return args::refuse(&error),
    };
    let output = Output { json: cli.command.json() };
    // Commands that hold no secrets run without protection too.
    if let (Command::Run(_) | Command::Check(_) | Command::Secrets(_), Err(failure)) = (&cli.command, protected) {
        return output.finish(&Err(failure));
    }
    match executor::start() {
        Ok(runtime) => runtime.block_on(async {
            match cli.command {
                Command::Run(args) => output.finish(&run::run(args).await),
                Command::Audit(args) => audit::run(args).await,
                Command::Completions(args) => manual::completions(&args),
                Command::Inspect(args) => inspect::run(&args),
                Command::Diff(args) => diff::run(&args),
                Command::Embed(args) => embed::run(&args),
                Command::New(args) => new::run(&args),
                Command::Man(args) => manual::man(&args),
                Command::Check(args) => check::run(&args).await,
                Command::Secrets(args) => secrets::run(&args).await,
            }
        }),
        Err(failure) => output.finish(&Err(failure)),
    }
}
