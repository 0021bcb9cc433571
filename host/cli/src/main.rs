//! The `far` command.
//!
//! This is the one place that prints an error and picks the exit code; a file per subcommand does the rest.

mod args;
mod audit;
mod cache;
mod config;
mod escape;
mod exit;
mod explanation;
mod failure;
mod input;
mod object;
mod output;
mod pal;
mod protection;
mod run;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use far_core::memory::WipingAllocator;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;

/// Overwrites what libraries leave in memory that they free.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

fn main() -> ExitCode {
    let protected = protection::protect();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return args::refuse(&error),
    };
    let json = matches!(&cli.command, Command::Run(run) if run.json);
    let output = Output { json };
    // What holds no secrets runs without protection too.
    if let (Command::Run(_), Err(failure)) = (&cli.command, protected) {
        return output.finish(&Err(failure));
    }
    match tokio::runtime::Builder::new_multi_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime.block_on(async {
            match cli.command {
                Command::Run(args) => output.finish(&run::run(args).await),
                Command::Audit(args) => audit::run(args).await,
            }
        }),
        Err(error) => output.finish(&Err(Failure::Host { what: "start its threads", source: error })),
    }
}
