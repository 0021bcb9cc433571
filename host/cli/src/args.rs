//! The arguments of the command line.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::audit::AuditArgs;
use crate::check::CheckArgs;
use crate::diff::DiffArgs;
use crate::embed::EmbedArgs;
use crate::escape::escape_lines;
use crate::exit;
use crate::explain::ExplainArgs;
use crate::inspect::InspectArgs;
use crate::manual::{CompletionsArgs, ManArgs};
use crate::messages::failure::Failure;
use crate::new::NewArgs;
use crate::output::printer::{Format, Printer};
use crate::run::RunArgs;
use crate::secrets::SecretsArgs;

/// Run AI agent skills with capability-scoped secrets.
#[derive(Debug, Parser)]
#[command(name = "far", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(NewArgs),
    Run(RunArgs),
    Check(CheckArgs),
    Secrets(SecretsArgs),
    Embed(EmbedArgs),
    Inspect(InspectArgs),
    Diff(DiffArgs),
    Audit(AuditArgs),
    Explain(ExplainArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

impl Command {
    /// Returns the output format that the arguments ask for.
    pub(crate) fn format(&self) -> Format {
        let json = match self {
            Self::Run(args) => args.json,
            Self::Check(args) => args.json,
            Self::Secrets(args) => args.json(),
            Self::Inspect(args) => args.json,
            Self::Diff(args) => args.json,
            Self::Audit(args) => args.json(),
            Self::Explain(args) => args.json,
            Self::Completions(_) | Self::Embed(_) | Self::Man(_) | Self::New(_) => false,
        };
        if json { Format::Json } else { Format::Human }
    }
}

/// Reports a usage error, or prints the requested help.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json");
    let printer = Printer::new(if json { Format::Json } else { Format::Human });
    // The text has no colors in this build of clap. It quotes arguments, which may be hostile.
    let text = escape_lines(&error.render().to_string());
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A closed stdout leaves no place to report an error.
        let _ = printer.print(&text);
        return ExitCode::SUCCESS;
    }
    if json {
        return printer.finish(Err(usage_failure(&text)));
    }
    printer.note(&text);
    ExitCode::from(exit::USAGE)
}

/// Converts clap's error text: paragraphs of message, optional tips, and usage.
fn usage_failure(text: &str) -> Failure {
    let on_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.split("\n\n").map(str::trim);
    let message = paragraphs.next().unwrap_or_default();
    let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: "));
    Failure::Arguments {
        message: on_one_line(message.strip_prefix("error: ").unwrap_or(message)),
        tip: Some(tip.map_or_else(|| format!("see '{} --help'", requested_command()), on_one_line)),
    }
}

/// Returns the command for the hint, or `far` if the arguments name no subcommand.
fn requested_command() -> String {
    let first = std::env::args_os().nth(1).unwrap_or_default();
    let known = Cli::command().get_subcommands().any(|command| first == command.get_name());
    if known { format!("far {}", first.display()) } else { "far".to_owned() }
}
