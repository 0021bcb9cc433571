//! `far man` and `far completions`: what there is to know of the command line, made from the command line itself.

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

/// Print what a shell needs to complete the arguments of far.
#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS_HELP)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Print a page of the manual, or write all of them to a folder.
#[derive(Args, Debug)]
#[command(after_help = MAN_HELP)]
pub(crate) struct ManArgs {
    /// The command that the page is about, such as 'run' or 'audit verify'; far as a whole when left out.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Write every page to this folder instead, which must be there.
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

/// `far completions`, of this command line.
pub(crate) fn completions(args: &CompletionsArgs, mut far: Command, printer: &Printer) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut far, "far", &mut script);
    printer.print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// `far man`, of this command line.
pub(crate) fn man(args: &ManArgs, mut far: Command, printer: &Printer) -> Result<u8, Failure> {
    // Every subcommand is then named as it is called, as in `far-run`.
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
