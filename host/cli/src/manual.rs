//! `far man` and `far completions`, generated from the definition of the command line.

use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::messages::failure::Failure;
use crate::output::printer::Printer;

const COMPLETIONS_HELP: &str = "\
Examples:
  far completions bash > ~/.local/share/bash-completion/completions/far
  far completions zsh > ~/.zfunc/_far                        (with ~/.zfunc in $fpath)
  far completions fish > ~/.config/fish/completions/far.fish";

const MAN_HELP: &str = "\
Examples:
  far man run | man -l -
  far man --dir ~/.local/share/man/man1";

/// Print the completion script of a shell.
#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS_HELP)]
pub(crate) struct CompletionsArgs {
    /// Shell to complete for.
    #[arg(value_enum)]
    shell: Shell,
}

/// Print a manual page, or write all pages to a folder.
#[derive(Args, Debug)]
#[command(after_help = MAN_HELP)]
pub(crate) struct ManArgs {
    /// Command of the page, such as 'run' or 'audit verify'; default: far.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Write all pages to this existing folder instead.
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

/// Runs `far completions`.
pub(crate) fn completions(args: &CompletionsArgs, mut far: Command, printer: &Printer) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut far, "far", &mut script);
    printer.print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Runs `far man`.
pub(crate) fn man(args: &ManArgs, mut far: Command, printer: &Printer) -> Result<u8, Failure> {
    // Gives every subcommand its full name, such as `far-run`.
    far.build();
    match &args.dir {
        Some(folder) => write_all(folder, far)?,
        None => printer.print(&page(&args.command, far)?)?,
    }
    Ok(0)
}

fn page(words: &[String], mut command: Command) -> Result<String, Failure> {
    for word in words {
        let found = command.find_subcommand(word).cloned();
        command = found.ok_or_else(|| Failure::NoPage(words.join(" ")))?;
    }
    let mut page = Vec::new();
    manual(command).render(&mut page).map_err(Failure::Stdout)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write_all(folder: &Path, far: Command) -> Result<(), Failure> {
    let mut rest = vec![far];
    while let Some(command) = rest.pop() {
        rest.extend(command.get_subcommands().cloned());
        let written = manual(command).generate_to(folder);
        written.map_err(|source| Failure::Write { what: "the pages to", path: folder.to_owned(), source })?;
    }
    Ok(())
}

fn manual(command: Command) -> Man {
    Man::new(command).source(concat!("far ", env!("CARGO_PKG_VERSION"))).manual("far")
}
