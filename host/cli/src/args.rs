//! What the command line takes.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use far_core::capability::{Destination, Grant};

use crate::audit::AuditArgs;
use crate::check::CheckArgs;
use crate::config::environment;
use crate::diff::DiffArgs;
use crate::embed::EmbedArgs;
use crate::escape::escape_lines;
use crate::exit;
use crate::failure::Failure;
use crate::inspect::InspectArgs;
use crate::manual::{CompletionsArgs, ManArgs};
use crate::new::NewArgs;
use crate::output::{self, Output};
use crate::secrets::SecretsArgs;

const USAGE: &str = "far run [OPTIONS] <SKILL>\n       far run [OPTIONS] --task <FILE>";

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
    /// Whether one JSON object is wanted, also of a failure before the command itself.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Run(args) => args.json,
            Self::Check(args) => args.json,
            Self::Secrets(args) => args.json(),
            Self::Inspect(args) => args.json,
            Self::Diff(args) => args.json,
            Self::Audit(_) | Self::Completions(_) | Self::Embed(_) | Self::Man(_) | Self::New(_) => false,
        }
    }
}

/// Run one skill with the secrets that it is granted.
#[derive(Args, Debug)]
#[command(override_usage = USAGE, after_help = exit::HELP)]
pub(crate) struct RunArgs {
    /// The skill: a WebAssembly component.
    #[arg(value_name = "SKILL", required_unless_present = "task", conflicts_with = "task")]
    pub(crate) skill: Option<PathBuf>,

    /// What the task may use.
    #[arg(
        help = "Grant a secret: NAME:OPERATION[,OPERATION]...[@DESTINATION]; operations are seal, sign, reveal and refresh",
        long = "grant",
        value_name = "GRANT",
        conflicts_with = "task"
    )]
    pub(crate) grants: Vec<Grant>,

    /// Where it may send requests without a secret.
    #[arg(
        help = "Let it send requests without a secret there: SCHEME://HOST[:PORT][/PATH], perhaps with METHODS in front",
        long,
        value_name = "DESTINATION",
        conflicts_with = "task"
    )]
    pub(crate) egress: Vec<Destination>,

    /// Take skill, input, grants, egress and limits from a task file (TOML or JSON).
    #[arg(long, value_name = "FILE")]
    pub(crate) task: Option<PathBuf>,

    /// What the operator permits, and where secrets come from. Without it, what is granted is permitted, from the .env.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where secrets come from without --config; ./.env when left out. For development only.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) env_file: Option<PathBuf>,

    /// The skill's input: JSON, or @FILE, or @- for stdin; {} when left out.
    #[arg(long, value_name = "JSON|@FILE", conflicts_with = "task")]
    pub(crate) input: Option<String>,

    /// Also append every event to this file as a plain line of JSON; no value is released unless
    /// its event was written. With '-', to stderr alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) pal: Option<PathBuf>,

    /// Keep every event in this audit file, chained and signed, in a folder of its own that only you may use; no value is
    /// released unless its event was written. 'far audit verify' checks it.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,

    /// When the run ends, whichever way, replace this file with what was counted: OpenMetrics, for the textfile collector.
    /// That it cannot be written is a warning and no other exit code, since what the skill did is done.
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,

    /// Keep compiled skills in this folder, which only you may use; made if it is not there. Without it, in
    /// far/artifacts where your caches are.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,

    /// Compile the skill anew, and keep nothing of it.
    #[arg(long, conflicts_with = "cache")]
    pub(crate) no_cache: bool,

    /// Run although there is swap, to which values could be written.
    #[arg(long)]
    pub(crate) allow_swap: bool,

    /// Print one JSON object that says how it went, on success and failure alike; events as lines of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Says what is wrong with the command line, or shows help that was asked for.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    // Plain: this build of the parser has no colours. Arguments may come from anywhere, and are quoted.
    let text = escape_lines(&error.render().to_string());
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Where there is nobody to read it, there is nobody to tell.
        let _ = io::stdout().lock().write_all(text.as_bytes());
        return ExitCode::SUCCESS;
    }
    let json = std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json");
    if json {
        return Output { json }.finish(&Err(of_text(&text)));
    }
    output::stderr(&text);
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

/// Whether colours are wanted on stderr.
pub(crate) fn colours() -> bool {
    io::stderr().is_terminal() && !environment::no_colour()
}
