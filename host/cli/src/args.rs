//! What the command line takes.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::audit::AuditArgs;
use crate::check::CheckArgs;
use crate::diff::DiffArgs;
use crate::embed::EmbedArgs;
use crate::escape::escape_lines;
use crate::exit;
use crate::inspect::InspectArgs;
use crate::manual::{CompletionsArgs, ManArgs};
use crate::messages::failure::Failure;
use crate::new::NewArgs;
use crate::output::printer::{Format, Printer};
use crate::run::RunArgs;
use crate::secrets::SecretsArgs;

/// Runs AI-agent skills that use secrets which they cannot steal.
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
    Completions(CompletionsArgs),
    Man(ManArgs),
}

impl Command {
    /// Returns the readers that the output is for.
    pub(crate) fn format(&self) -> Format {
        let json = match self {
            Self::Run(args) => args.json,
            Self::Check(args) => args.json,
            Self::Secrets(args) => args.json(),
            Self::Inspect(args) => args.json,
            Self::Diff(args) => args.json,
            Self::Audit(args) => args.json(),
            Self::Completions(_) | Self::Embed(_) | Self::Man(_) | Self::New(_) => false,
        };
        if json { Format::Json } else { Format::Human }
    }
}

/// Says what is wrong with the command line, or shows help that was asked for.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json");
    let printer = Printer::new(if json { Format::Json } else { Format::Human });
    // Plain: this build of the parser has no colors. Arguments may come from anywhere, and are quoted.
    let text = escape_lines(&error.render().to_string());
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Where there is nobody to read it, there is nobody to tell.
        let _ = printer.print(&text);
        return ExitCode::SUCCESS;
    }
    if json {
        return printer.finish(Err(of_text(&text)));
    }
    printer.note(&text);
    ExitCode::from(exit::USAGE)
}

/// The parser's text, which is paragraphs: what is wrong, perhaps tips, the usage.
fn of_text(text: &str) -> Failure {
    let on_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.split("\n\n").map(str::trim);
    let message = paragraphs.next().unwrap_or_default();
    let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: "));
    Failure::Arguments {
        message: on_one_line(message.strip_prefix("error: ").unwrap_or(message)),
        tip: Some(tip.map_or_else(|| format!("see '{} --help'", asked_for()), on_one_line)),
    }
}

/// The command that was meant, as far as that can be told of arguments that are wrong.
fn asked_for() -> String {
    let first = std::env::args_os().nth(1).unwrap_or_default();
    let known = Cli::command().get_subcommands().any(|command| first == command.get_name());
    if known { format!("far {}", first.display()) } else { "far".to_owned() }
}
