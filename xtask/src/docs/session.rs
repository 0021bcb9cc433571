//! Execution of a page's commands in one shell.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::page::{Page, Step};
use super::{expect, row};
use crate::failure::{Failure, OrFailure};
use crate::proof::Row;
use crate::repository::Repository;

/// Precedes the exit code of each command. No command of a page prints it.
const MARK: &str = "\u{1}far-docs ";
/// The time limit of a page in seconds, with its downloads and builds.
const LONGEST: &str = "1200";
/// Variables that cargo or this machine sets, and that are absent in the shell of a reader.
const NOT_FOR_READERS: [&str; 8] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_TARGET_DIR",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUST_BACKTRACE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// The environment that all pages share.
pub(super) struct Session<'a> {
    pub(super) repository: &'a Repository,
    pub(super) far: &'a Path,
}

impl Session<'_> {
    /// Runs a page and prints its output. Returns a row for each command.
    pub(super) fn run(&self, name: &str, page: &Page) -> Result<Vec<Row>, Failure> {
        let folder = tempfile::tempdir().or_failure("create a temporary directory")?;
        let script = script(folder.path(), page)?;
        let work = folder.path().join("work");
        let mut shell = Command::new("timeout");
        shell
            .args([LONGEST, "bash"])
            .arg(script)
            .current_dir(&work)
            .env("FAR_FOLDER", self.far.parent().unwrap_or(self.far));
        shell.env("FAR", &self.repository.root).env("XDG_CACHE_HOME", folder.path().join("cache"));
        shell.env("XDG_STATE_HOME", folder.path().join("state"));
        shell.env("NO_COLOR", "1").env("CARGO_TERM_COLOR", "never").env("TERM", "dumb").process_group(0);
        for name in NOT_FOR_READERS {
            shell.env_remove(name);
        }
        let output = shell.output().or_failure("run a shell")?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut pieces = printed.split(MARK);
        // The output of a command lies between the previous exit code and its own mark.
        let mut before = pieces.next().unwrap_or_default();
        let mut rows = Vec::new();
        let commands = page.steps.iter().filter_map(|step| match step {
            Step::Command(command) => Some(command),
            Step::File { .. } => None,
        });
        for command in commands {
            let Some((exit, rest)) = pieces.next().and_then(|piece| piece.split_once('\n')) else {
                println!("$ {}\n{before}", command.text);
                rows.push(row(name, command.line, Err("the command did not end".to_owned())));
                break;
            };
            let seen = before.strip_suffix('\n').unwrap_or(before);
            println!("$ {}\n{seen}", command.text);
            let compared = expect::compare(&command.expected, seen);
            let ended = if exit == "0" { Ok(()) } else { Err(format!("exit code {exit}")) };
            rows.push(row(name, command.line, compared.and(ended)));
            before = rest;
        }
        Ok(rows)
    }
}

/// Writes the script for the shell, and creates its working directory.
fn script(folder: &Path, page: &Page) -> Result<std::path::PathBuf, Failure> {
    let files = folder.join("files");
    let path = folder.join("page.sh");
    let mut script = String::from("exec 2>&1 </dev/null\numask 022\nexport PATH=\"$FAR_FOLDER:$PATH\"\n");
    for made in [&files, &folder.join("work")] {
        std::fs::create_dir(made).or_failure("create a temporary directory")?;
    }
    for (step, at) in page.steps.iter().zip(1..) {
        // Writing to a string cannot fail.
        let _ = match step {
            Step::Command(command) => writeln!(script, "{}\nprintf '\\n{MARK}%s\\n' \"$?\"", command.text),
            Step::File { name, text } => {
                let file = files.join(at.to_string());
                std::fs::write(&file, text).or_failure("write a file of the page")?;
                writeln!(script, "cat '{}' > '{name}'", file.display())
            }
        };
    }
    std::fs::write(&path, script).or_failure("write the commands of the page")?;
    Ok(path)
}
