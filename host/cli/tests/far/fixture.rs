//! One run of `far` in a folder of its own. What it prints is compared as a whole, and nothing is expected by default;
//! every run is searched for the values of its secrets.

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

/// The `.env` of every run that does not have another.
const SECRETS: &str = "\
GITHUB_WEBHOOK_SECRET=\"It's a Secret to Everybody\"
ALPHA=alpha-canary-7f3a91
BETA=beta-canary-c05e22
PAYROLL_DB_PASSWORD=payroll-canary-1d88b4
";

/// Longer than any run takes, deadlines included: a run that hangs is killed, and not as expected.
const LONGEST: Duration = Duration::from_secs(90);

/// A run to be.
pub(crate) struct Far {
    folder: TempDir,
    /// Where its caches are, and what its next run must know; nobody's own.
    caches: TempDir,
    args: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
    stdin: String,
    secrets: Vec<String>,
    stdout: String,
    stderr: String,
    meanwhile: Box<dyn FnOnce(&Path) + Send>,
}

/// A run that was as expected.
pub(crate) struct Ran {
    pub(crate) folder: TempDir,
    pub(crate) duration: Duration,
}

impl Far {
    /// `far` without arguments, beside a `.env`.
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

    /// `far run` with a skill and the words of a text as arguments.
    pub(crate) fn run(skill: &str, words: &str) -> Self {
        Self::new().args(["run", skill]).words(words)
    }

    /// More arguments.
    pub(crate) fn args<A: Display>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.to_string()));
        self
    }

    /// More arguments: the words of a text.
    pub(crate) fn words(self, words: &str) -> Self {
        self.args(words.split_whitespace())
    }

    /// `--input` with these steps for a probe, each a JSON object.
    pub(crate) fn steps(self, steps: &str) -> Self {
        self.args(["--input".to_owned(), format!("{{\"steps\":[{steps}]}}")])
    }

    /// A variable in the environment, which has nothing else but the places for caches and for what the next run must know.
    pub(crate) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// What stands on stdin.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    /// What the `.env` has instead.
    pub(crate) fn env_file(self, text: &str) -> Self {
        self.secrets_file(".env", text)
    }

    /// A file of secrets, which only its owner can read. Its name ends in `.env`.
    pub(crate) fn secrets_file(mut self, name: &str, text: &str) -> Self {
        self.secrets.push(text.to_owned());
        self.file(name, text).mode(name, 0o600)
    }

    /// A file in the folder, which others can read.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).unwrap();
        self.mode(name, 0o644)
    }

    /// A folder in the folder.
    pub(crate) fn folder(self, name: &str) -> Self {
        fs::create_dir(self.path(name)).unwrap();
        self
    }

    /// Another mode for a file.
    pub(crate) fn mode(self, name: &str, mode: u32) -> Self {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
        self
    }

    /// A symbolic link in the folder.
    pub(crate) fn link(self, name: &str, target: &str) -> Self {
        symlink(target, self.path(name)).unwrap();
        self
    }

    /// A named pipe in the folder.
    pub(crate) fn pipe(self, name: &str) -> Self {
        rustix::fs::mkfifoat(rustix::fs::CWD, self.path(name), 0o600.into()).unwrap();
        self
    }

    /// What is done, in the folder, while `far` runs.
    pub(crate) fn meanwhile(mut self, act: impl FnOnce(&Path) + Send + 'static) -> Self {
        self.meanwhile = Box::new(act);
        self
    }

    /// What is on stdout.
    pub(crate) fn stdout(mut self, text: impl Into<String>) -> Self {
        self.stdout = text.into();
        self
    }

    /// What is on stderr.
    pub(crate) fn stderr(mut self, text: impl Into<String>) -> Self {
        self.stderr = text.into();
        self
    }

    /// Runs it, and sees that all is as expected.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Ran {
        let start = Instant::now();
        let mut far = self.command();
        let mut child = far.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It may have ended without reading it.
        let _ = child.stdin.take().unwrap().write_all(self.stdin.as_bytes());
        let (meanwhile, folder) = (self.meanwhile, self.folder.path().to_owned());
        thread::spawn(move || meanwhile(&folder));
        let output = ended(child);
        let duration = start.elapsed();

        let canaries = Canaries::of(&self.secrets);
        canaries.assert_none_in("stdout", &output.stdout);
        canaries.assert_none_in("stderr", &output.stderr);
        canaries.assert_none_in_files(self.folder.path());
        let printed = |bytes| masks::mask(&String::from_utf8(bytes).unwrap());
        let (stdout, stderr) = (printed(output.stdout), printed(output.stderr));
        assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "an escape sequence, and no terminal");
        let expected = (Some(code), self.stdout.as_str(), self.stderr.as_str());
        assert!(
            expected == (output.status.code(), &stdout, &stderr),
            "far {:?}\nexpected exit code {code}, seen {:?}\n{}{}",
            self.args,
            output.status.code(),
            difference("stdout", &self.stdout, &stdout),
            difference("stderr", &self.stderr, &stderr)
        );
        Ran { folder: self.folder, duration }
    }

    /// The command, in its folder, with an environment that has what was set, those two places, and nothing else.
    pub(crate) fn command(&self) -> Command {
        self.command_of(&self.args)
    }

    fn command_of(&self, args: &[String]) -> Command {
        let mut far = Command::new(env!("CARGO_BIN_EXE_far"));
        // Whoever tests it may have swap.
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

    /// The same, after something that a shell does first.
    pub(crate) fn command_after(&self, first: &str) -> Command {
        let far = self.command();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{first} && exec \"$0\" \"$@\"")]).arg(far.get_program()).args(far.get_args());
        shell.current_dir(self.folder.path()).env_clear();
        shell.envs(far.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell
    }

    /// Where compiled skills are kept.
    pub(crate) fn cache(&self) -> std::path::PathBuf {
        self.caches.path().join("far/artifacts")
    }

    /// Where processes of its agent listen, if it has no id of its own.
    pub(crate) fn control(&self) -> std::path::PathBuf {
        self.caches.path().join("state/far/control/local")
    }

    /// Another command of the same folder, whose state is the same.
    pub(crate) fn also(&self, words: &str) -> Command {
        let args: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        let mut command = self.command_of(&args);
        command.stdin(Stdio::null());
        command
    }

    /// Where a file of the folder is.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

impl Ran {
    /// A file that was written, masked.
    pub(crate) fn written(&self, name: &str) -> String {
        masks::mask(&fs::read_to_string(self.folder.path().join(name)).unwrap())
    }
}

/// The lines of a task's events, masked, from `KIND PARTICULARS`.
pub(crate) fn events<const N: usize>(events: [&str; N]) -> String {
    let line = |event: &str| {
        let (kind, particulars) =
            event.split_once(' ').map_or((event, String::new()), |(kind, rest)| (kind, format!(" {rest}")));
        format!("* {kind:<16}{particulars} task=task-*\n")
    };
    events.map(line).concat()
}

/// What the parser of arguments says: what is wrong, a tip if it has one, and how the command is used if it says so.
pub(crate) fn usage(problem: &str, tip: &str, form: &str) -> String {
    let tip = if tip.is_empty() { String::new() } else { format!("  tip: {tip}\n\n") };
    let form = if form.is_empty() { String::new() } else { format!("Usage: far {form}\n\n") };
    format!("error: {problem}\n\n{tip}{form}For more information, try '--help'.\n")
}

/// Waits for a process, but not for ever.
fn ended(child: Child) -> Output {
    let pid = Pid::from_child(&child);
    let (waiting, end) = mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        if end.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
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
fn what_a_skill_reveals_is_found() {
    let config = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.alpha]\nprovider = 'dev'\n\
                  operations = ['reveal']\nwhen-leaked = 'ignore'\n";
    let revealing = Far::run(far_tests::guests::PROBE_REVEALING, "--grant alpha:reveal --config far.toml");
    revealing.file("far.toml", config).steps(r#"{"do":"get","name":"alpha"},{"do":"leak"}"#).code(0);
}

#[test]
#[should_panic(expected = "a value in the file notes.txt")]
fn what_is_left_in_a_file_is_found() {
    Far::new().args(["--version"]).file("notes.txt", "see alpha-canary-7f3a91").stdout("far 0.1.0\n").code(0);
}

#[test]
#[should_panic(expected = "expected exit code 0, seen Some(0)")]
fn more_output_than_expected_is_a_failure() {
    Far::new().args(["--version"]).code(0);
}
