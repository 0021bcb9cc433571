//! Runs other programs without standard input, and prints their command lines for a shell.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use crate::failure::Failure;

/// A program with its arguments and environment.
pub(crate) struct Invocation {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
}

impl Invocation {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self { program: program.as_ref().to_owned(), args: Vec::new(), env: Vec::new() }
    }

    /// Invokes the cargo of the toolchain in use.
    pub(crate) fn cargo(args: &str) -> Self {
        Self::new("cargo").words(args)
    }

    /// Adds arguments, separated by spaces.
    pub(crate) fn words(mut self, words: &str) -> Self {
        self.args.extend(words.split_whitespace().map(OsString::from));
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args(mut self, args: &[OsString]) -> Self {
        self.args.extend_from_slice(args);
        self
    }

    /// Sets an environment variable; the others are inherited.
    pub(crate) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    /// Runs the program with inherited stdout and stderr.
    pub(crate) fn run(&self, directory: &Path) -> Result<(), Failure> {
        println!("$ {self}");
        let status = self.command(directory).status().map_err(|error| self.start_failure(&error))?;
        self.succeeded(status)
    }

    /// Runs the program and passes each line of its stdout to `read`; stderr is inherited.
    pub(crate) fn for_each_line(&self, directory: &Path, mut read: impl FnMut(&str)) -> Result<ExitStatus, Failure> {
        println!("$ {self}");
        let failed = |error| self.start_failure(&error);
        let mut child = self.command(directory).stdout(Stdio::piped()).spawn().map_err(failed)?;
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                read(&String::from_utf8_lossy(&line.map_err(failed)?));
            }
        }
        child.wait().map_err(failed)
    }

    /// Runs the program without printing anything.
    pub(crate) fn output(&self, directory: &Path) -> Result<Output, Failure> {
        self.command(directory).output().map_err(|error| self.start_failure(&error))
    }

    /// Returns the program's stdout, trimmed, or `None` if the program fails or does not start.
    pub(crate) fn stdout(&self, directory: &Path) -> Option<String> {
        let output = self.output(directory).ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Checks the exit status.
    pub(crate) fn succeeded(&self, status: ExitStatus) -> Result<(), Failure> {
        if status.success() { Ok(()) } else { Err(Failure::new(format!("{status} from: {self}"))) }
    }

    fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(directory)
            .stdin(Stdio::null());
        command
    }

    fn start_failure(&self, error: &std::io::Error) -> Failure {
        let program = self.program.to_string_lossy();
        match error.kind() {
            ErrorKind::NotFound => Failure::new(format!("program '{program}' not found"))
                .or_next(format!("install '{program}', or add its folder to PATH")),
            _ => Failure::new(format!("cannot run '{program}': {error}")),
        }
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quoted(&value.to_string_lossy()))?;
        }
        f.write_str(&quoted(&self.program.to_string_lossy()))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(&arg.to_string_lossy())))
    }
}

/// Quotes an argument for a shell.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) { arg.to_owned() } else { format!("'{}'", arg.replace('\'', r"'\''")) }
}

/// Formats a duration for people.
pub(crate) fn elapsed(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocation_is_shown_for_a_shell() {
        let shown = Invocation::new("/x/far").env("A", "-D b").words("run  --json").arg("it's {}").arg("");
        assert_eq!(shown.to_string(), r"A='-D b' /x/far run --json 'it'\''s {}' ''");
    }

    #[test]
    fn duration_is_shown_in_seconds_or_minutes() {
        assert_eq!(elapsed(Duration::from_millis(1_290)), "1.2 s");
        assert_eq!(elapsed(Duration::from_secs(59)), "59.0 s");
        assert_eq!(elapsed(Duration::from_secs(365)), "6 min 05 s");
    }

    #[test]
    fn lines_are_read_and_failure_names_command() {
        let mut lines = Vec::new();
        let invocation = Invocation::new("sh").arg("-c").arg("echo one; echo two; exit 3");
        let status = invocation.for_each_line(Path::new("."), |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["one", "two"]);
        let failure = invocation.succeeded(status).unwrap_err();
        assert_eq!(failure.message(), "exit status: 3 from: sh -c 'echo one; echo two; exit 3'");
    }

    #[test]
    fn missing_program_is_named() {
        let failure = Invocation::new("no-such-program").run(Path::new(".")).unwrap_err();
        assert_eq!(failure.message(), "program 'no-such-program' not found");
        assert_eq!(Invocation::new("no-such-program").stdout(Path::new(".")), None);
    }
}
