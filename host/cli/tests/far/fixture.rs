//! One run of `far` in its own folder. All output is compared, by default with no output, and is
//! searched for secret values.

use std::fmt::Display;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::canary::Canaries;
use crate::masks;

/// The default `.env`.
const SECRETS: &str = "\
GITHUB_WEBHOOK_SECRET=\"It's a Secret to Everybody\"
ALPHA=alpha-canary-7f3a91
BETA=beta-canary-c05e22
PAYROLL_DB_PASSWORD=payroll-canary-1d88b4
";

/// Longer than any run takes. A run that hangs is killed and fails its test.
const RUN_LIMIT: Duration = Duration::from_secs(90);

/// A `far` command, its files and its expected output.
pub(crate) struct Far {
    folder: TempDir,
    /// The folder of caches and state.
    caches: TempDir,
    args: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
    stdin: String,
    secrets: Vec<String>,
    stdout: String,
    stderr: String,
    meanwhile: Box<dyn FnOnce(&Path) + Send>,
}

/// A finished run with the expected output.
pub(crate) struct FinishedRun {
    pub(crate) folder: TempDir,
    pub(crate) duration: Duration,
}

impl Far {
    /// Creates a `far` command without arguments, in a folder with a `.env`.
    pub(crate) fn new() -> Self {
        let far = Self {
            folder: tempfile::tempdir().unwrap(),
            caches: tempfile::tempdir().unwrap(),
            args: Vec::new(),
            variables: Vec::new(),
            stdin: String::new(),
            secrets: Vec::new(),
            stdout: String::new(),
            stderr: String::new(),
            meanwhile: Box::new(|_| {}),
        };
        far.env_file(SECRETS)
    }

    /// Creates a `far run` with a skill and whitespace-separated arguments.
    pub(crate) fn run(skill: &str, words: &str) -> Self {
        Self::new().args(["run", skill]).words(words)
    }

    /// Adds arguments.
    pub(crate) fn args<A: Display>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.to_string()));
        self
    }

    /// Adds whitespace-separated arguments.
    pub(crate) fn words(self, words: &str) -> Self {
        self.args(words.split_whitespace())
    }

    /// Adds an `--input` with these steps of a probe, each a JSON object.
    pub(crate) fn steps(self, steps: &str) -> Self {
        self.args(["--input".to_owned(), format!("{{\"steps\":[{steps}]}}")])
    }

    /// Sets a variable. The environment is empty otherwise, except for the folders of caches and
    /// state.
    pub(crate) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Sets stdin.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    /// Replaces the `.env`.
    pub(crate) fn env_file(self, text: &str) -> Self {
        self.secrets_file(".env", text)
    }

    /// Adds an owner-only file with secrets. Its name ends in `.env`.
    pub(crate) fn secrets_file(mut self, name: &str, text: &str) -> Self {
        self.secrets.push(text.to_owned());
        self.file(name, text).mode(name, 0o600)
    }

    /// Adds a world-readable file.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).unwrap();
        self.mode(name, 0o644)
    }

    /// Adds a folder.
    pub(crate) fn folder(self, name: &str) -> Self {
        fs::create_dir(self.path(name)).unwrap();
        self
    }

    /// Sets the mode of a file.
    pub(crate) fn mode(self, name: &str, mode: u32) -> Self {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
        self
    }

    /// Adds a symbolic link.
    pub(crate) fn link(self, name: &str, target: &str) -> Self {
        symlink(target, self.path(name)).unwrap();
        self
    }

    /// Adds a named pipe.
    pub(crate) fn pipe(self, name: &str) -> Self {
        rustix::fs::mkfifoat(rustix::fs::CWD, self.path(name), 0o600.into()).unwrap();
        self
    }

    /// Sets an action on the folder while `far` runs.
    pub(crate) fn meanwhile(mut self, act: impl FnOnce(&Path) + Send + 'static) -> Self {
        self.meanwhile = Box::new(act);
        self
    }

    /// Sets the expected stdout.
    pub(crate) fn stdout(mut self, text: impl Into<String>) -> Self {
        self.stdout = text.into();
        self
    }

    /// Sets the expected stderr.
    pub(crate) fn stderr(mut self, text: impl Into<String>) -> Self {
        self.stderr = text.into();
        self
    }

    /// Runs the command and asserts the exit code and the output.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> FinishedRun {
        let start = Instant::now();
        let mut far = self.command();
        let mut child = far.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // `far` may end without reading stdin.
        let _ = child.stdin.take().unwrap().write_all(self.stdin.as_bytes());
        let (meanwhile, folder) = (self.meanwhile, self.folder.path().to_owned());
        thread::spawn(move || meanwhile(&folder));
        let output = wait_with_limit(child);
        let duration = start.elapsed();

        let canaries = Canaries::of(&self.secrets);
        canaries.assert_none_in("stdout", &output.stdout);
        canaries.assert_none_in("stderr", &output.stderr);
        canaries.assert_none_in_files(self.folder.path());
        let printed = |bytes| masks::mask(&String::from_utf8(bytes).unwrap());
        let (stdout, stderr) = (printed(output.stdout), Self::without_explanation(&printed(output.stderr)));
        assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "an escape sequence without a terminal");
        let expected = (Some(code), self.stdout.as_str(), self.stderr.as_str());
        assert!(
            expected == (output.status.code(), &stdout, &stderr),
            "far {:?}\nexpected exit code {code}, seen {:?}\n{}{}",
            self.args,
            output.status.code(),
            difference("stdout", &self.stdout, &stdout),
            difference("stderr", &self.stderr, &stderr)
        );
        FinishedRun { folder: self.folder, duration }
    }

    /// Returns the command in its folder, with an environment of only the set variables and the
    /// folders of caches and state.
    /// Removes the line that names an explanation. It ends the report of an error, and names a
    /// reason that `far explain` knows: that of the violation or refusal, if there is one.
    fn without_explanation(stderr: &str) -> String {
        let Some((report, line)) = stderr.trim_end_matches('\n').rsplit_once('\n') else { return stderr.to_owned() };
        let Some(token) = line.strip_prefix(masks::EXPLANATION) else {
            assert!(!stderr.contains(masks::EXPLANATION), "the explanation does not end an error: {stderr}");
            return stderr.to_owned();
        };
        let last = report.lines().next_back().unwrap_or_default();
        let is_error = ["error: ", "  help: ", "  cause: "].iter().any(|start| last.starts_with(start));
        assert!(is_error && !report.contains(masks::EXPLANATION), "the explanation does not end an error: {stderr}");
        let explain = Command::new(env!("CARGO_BIN_EXE_far")).args(["explain", token]).output().unwrap();
        assert!(explain.status.success(), "unknown reason: {stderr}");
        let is_decision = |line: &&str| line.contains(" secret.denied ") || line.contains(" task.refused ");
        let reason = report.lines().find(is_decision).and_then(|line| line.split(" reason=").nth(1));
        let reason = reason.and_then(|rest| rest.split_whitespace().next());
        assert!(reason.is_none_or(|reason| reason == token), "another reason than the event's: {stderr}");
        format!("{report}\n")
    }

    pub(crate) fn command(&self) -> Command {
        self.command_of(&self.args)
    }

    fn command_of(&self, args: &[String]) -> Command {
        let mut far = Command::new(env!("CARGO_BIN_EXE_far"));
        // The test machine may have swap.
        let words = match args.first().map(String::as_str) {
            Some("run" | "check") => 1,
            Some("secrets") => 2,
            _ => 0,
        };
        let (command, rest) = args.split_at(words);
        far.args(command).args((words > 0).then_some("--allow-swap")).args(rest).current_dir(&self.folder).env_clear();
        far.env("XDG_CACHE_HOME", self.caches.path()).env("XDG_STATE_HOME", self.caches.path().join("state"));
        far.envs(self.variables.iter().copied());
        far
    }

    /// Returns the command after a shell command.
    pub(crate) fn command_after(&self, first: &str) -> Command {
        let far = self.command();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{first} && exec \"$0\" \"$@\"")]).arg(far.get_program()).args(far.get_args());
        shell.current_dir(self.folder.path()).env_clear();
        shell.envs(far.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell
    }

    /// Returns the folder of compiled skills.
    pub(crate) fn cache(&self) -> std::path::PathBuf {
        self.caches.path().join("far/artifacts")
    }

    /// Returns the control folder of the default agent.
    pub(crate) fn control(&self) -> std::path::PathBuf {
        self.caches.path().join("state/far/control/local")
    }

    /// Returns another `far` command in the same folder and with the same state.
    pub(crate) fn also(&self, words: &str) -> Command {
        let args: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        let mut command = self.command_of(&args);
        command.stdin(Stdio::null());
        command
    }

    /// Returns the path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

impl FinishedRun {
    /// Returns the masked content of a written file.
    pub(crate) fn written(&self, name: &str) -> String {
        masks::mask(&fs::read_to_string(self.folder.path().join(name)).unwrap())
    }
}

/// Returns the masked lines of a task's events, from `KIND PARTICULARS`.
pub(crate) fn events<const N: usize>(events: [&str; N]) -> String {
    let line = |event: &str| {
        let (kind, particulars) =
            event.split_once(' ').map_or((event, String::new()), |(kind, rest)| (kind, format!(" {rest}")));
        format!("* {kind:<16}{particulars} task=task-*\n")
    };
    events.map(line).concat()
}

/// Returns the error of the argument parser: the problem, a tip and the usage, if any.
pub(crate) fn usage(problem: &str, tip: &str, form: &str) -> String {
    let tip = if tip.is_empty() { String::new() } else { format!("  tip: {tip}\n\n") };
    let form = if form.is_empty() { String::new() } else { format!("Usage: far {form}\n\n") };
    format!("error: {problem}\n\n{tip}{form}For more information, try '--help'.\n")
}

/// Waits for a process, and kills it at the time limit.
fn wait_with_limit(child: Child) -> Output {
    let pid = Pid::from_child(&child);
    let (waiting, end) = mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        if end.recv_timeout(RUN_LIMIT) == Err(RecvTimeoutError::Timeout) {
            kill_process(pid, Signal::KILL).unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(waiting);
    guard.join().unwrap();
    output
}

fn difference(stream: &str, expected: &str, seen: &str) -> String {
    if expected == seen { String::new() } else { format!("{stream} expected:\n{expected}\n{stream} seen:\n{seen}\n") }
}

#[test]
#[should_panic(expected = "a value in stdout")]
fn leaked_value_fails_run_check() {
    let config = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.alpha]\nprovider = 'dev'\n\
                  operations = ['reveal']\nwhen-leaked = 'ignore'\n";
    let revealing = Far::run(far_tests::guests::PROBE_REVEALING, "--grant alpha:reveal --config far.toml");
    revealing.file("far.toml", config).steps(r#"{"do":"get","name":"alpha"},{"do":"leak"}"#).code(0);
}

#[test]
#[should_panic(expected = "a value in the file notes.txt")]
fn leaked_file_fails_run_check() {
    Far::new().args(["--version"]).file("notes.txt", "see alpha-canary-7f3a91").stdout("far 0.1.0\n").code(0);
}

#[test]
#[should_panic(expected = "expected exit code 0, seen Some(0)")]
fn unexpected_output_fails_run_check() {
    Far::new().args(["--version"]).code(0);
}
