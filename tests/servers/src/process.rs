//! A server's process: its log, its end, and its folder.

use std::io::{BufRead, BufReader, PipeReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::failure::{Failure, OrFailure};

/// How long a server may take to do what is waited for.
const LONGEST: Duration = Duration::from_secs(90);
/// How long a server may take to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How many lines of a log are told.
const TOLD: usize = 20;

/// Becomes the program, beside a watcher that waits for the end of its input: that is when the process which started it is gone,
/// however it went. The watcher then ends the program, for which its pid is the shell's, and takes the folder away.
const WATCHED: &str = r#"
folder=$1 signal=$2; shift 2
exec 3<&0 </dev/null
(
  read -r _ <&3
  kill -s "$signal" $$
  i=0; while [ $i -lt 50 ] && kill -0 $$ 2>/dev/null; do i=$((i + 1)); sleep 0.1; done
  rm -rf "$folder"
  kill -s KILL 0
) >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// How a program is to be run.
pub(crate) struct Program {
    /// The program and its arguments, with what it finds in its environment.
    pub(crate) command: Command,
    /// The signal that has it end in an orderly way, by its name.
    pub(crate) stop: &'static str,
    /// The user and group that it runs as, if they are others.
    pub(crate) user: Option<(u32, u32)>,
    /// Its state.
    pub(crate) folder: Arc<TempDir>,
}

/// A program that runs until this is dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    is_over: bool,
    stop: &'static str,
    log: Arc<Log>,
    /// Its state, which goes after it.
    _folder: Arc<TempDir>,
}

impl Process {
    /// Starts it, and waits until it says this.
    pub(crate) fn start(program: Program, ready: &str) -> Result<Self, Failure> {
        let Program { command, stop, user, folder } = program;
        let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", WATCHED, "sh"]).arg(folder.path()).arg(stop);
        shell.arg(command.get_program()).args(command.get_args()).current_dir(folder.path());
        // Nothing of whoever runs the tests decides how a server behaves.
        shell.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", folder.path());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some((user, group)) = user {
            shell.uid(user).gid(group);
        }
        let (reader, writer) = std::io::pipe().or_failure("make a pipe")?;
        let errors = writer.try_clone().or_failure("make a pipe")?;
        shell.process_group(0).stdin(Stdio::piped()).stdout(writer).stderr(errors);
        let child = shell.spawn().or_failure(format!("run {}", command.get_program().display()))?;
        // With it goes this process's end of what the program writes to.
        drop(shell);
        let process = Self { name, child, is_over: false, stop, log: Log::of(reader), _folder: folder };
        process.wait_for(ready)?;
        Ok(process)
    }

    /// Waits until its log has this in a line, now or later.
    pub(crate) fn wait_for(&self, words: &str) -> Result<(), Failure> {
        self.wait_for_after(0, words).map(drop)
    }

    /// The same, in what follows this many lines; answers with how many lines there are up to that one.
    pub(crate) fn wait_for_after(&self, lines: usize, words: &str) -> Result<usize, Failure> {
        let failed = |how: &str| {
            let log = self.log.last();
            Failure::new(format!("{} {how} before it said '{words}'; the end of its log:\n{log}", self.name))
        };
        match self.log.wait(lines, |line| line.contains(words)) {
            Seen::Found(lines) => Ok(lines),
            Seen::Ended => Err(failed("ended")),
            Seen::Nothing => Err(failed("took too long")),
        }
    }

    /// How many lines its log has.
    pub(crate) fn lines(&self) -> usize {
        self.log.lock().lines.len()
    }

    /// All that it wrote so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().lines.join("\n")
    }

    /// Ends all of it at once.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.is_over = self.child.wait().is_ok();
    }

    /// Sends a signal to all of it. Until its end was asked for, its number is no other process's.
    fn signal(&self, signal: &str) {
        if !self.is_over {
            let mut kill = Command::new("/bin/sh");
            kill.args(["-c", "kill -s \"$0\" -- \"-$1\"", signal]).arg(self.child.id().to_string());
            let _ = kill.stderr(Stdio::null()).status();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.stop);
        // A program that ends closes its log.
        self.log.wait_for_end(LAST_WORDS);
        self.kill();
    }
}

/// What a program writes, line by line.
#[derive(Default)]
struct Log {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    ended: bool,
}

/// What waiting for a line came to.
enum Seen {
    Found(usize),
    Ended,
    Nothing,
}

impl Log {
    /// Reads until the end, on a thread of its own: a program whose log is full would stand still.
    fn of(reader: PipeReader) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let writing = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                writing.lock().lines.push(String::from_utf8_lossy(&line).into_owned());
                writing.changed.notify_all();
            }
            writing.lock().ended = true;
            writing.changed.notify_all();
        });
        log
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, mut read: usize, is_it: impl Fn(&str) -> bool) -> Seen {
        let mut seen = Seen::Nothing;
        self.wait_while(LONGEST, |written| {
            let found = written.lines.iter().skip(read).position(|line| is_it(line));
            seen = match found {
                Some(position) => Seen::Found(read + position + 1),
                None if written.ended => Seen::Ended,
                None => Seen::Nothing,
            };
            read = written.lines.len();
            matches!(seen, Seen::Nothing)
        });
        seen
    }

    fn wait_for_end(&self, longest: Duration) {
        self.wait_while(longest, |written| !written.ended);
    }

    fn wait_while(&self, longest: Duration, mut condition: impl FnMut(&Written) -> bool) {
        let until = Instant::now() + longest;
        let mut written = self.lock();
        while condition(&written) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            written = self.changed.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn last(&self) -> String {
        let written = self.lock();
        let told = written.lines.iter().skip(written.lines.len().saturating_sub(TOLD));
        told.map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Program { command, stop: "TERM", user: None, folder: tempfile::tempdir().unwrap().into() }
    }

    /// Whether all is gone that could write to a log; it may be about to go.
    fn is_gone(log: &Log) -> bool {
        log.wait_for_end(LONGEST);
        log.lock().ended
    }

    #[test]
    fn a_program_runs_until_it_is_dropped_with_all_that_it_started() {
        let process = Process::start(shell("sleep 8641 & echo ready; exec sleep 8642"), "ready").unwrap();
        let (folder, log) = (process._folder.path().to_owned(), process.log.clone());
        assert!(folder.exists() && !log.lock().ended);
        drop(process);
        assert!(is_gone(&log) && !folder.exists());
    }

    #[test]
    fn a_program_ends_when_whoever_started_it_is_gone() {
        let mut process = Process::start(shell("echo ready; exec sleep 8643"), "ready").unwrap();
        // As the system does it for a process that was killed.
        drop(process.child.stdin.take());
        assert!(!process.child.wait().unwrap().success());
        process.is_over = true;
    }

    #[test]
    fn a_program_that_ends_too_soon_is_told_with_its_log() {
        let failure = Process::start(shell("echo one; echo two >&2; exit 3"), "ready").err().unwrap();
        assert_eq!(failure.what(), "sh ended before it said 'ready'; the end of its log:\n    one\n    two");
    }

    #[test]
    fn a_panic_stops_it_too() {
        let (told, log) = std::sync::mpsc::channel();
        let panicked = thread::spawn(move || {
            let process = Process::start(shell("echo ready; exec sleep 8644"), "ready").unwrap();
            told.send(process.log.clone()).unwrap();
            panic!("a test that fails");
        });
        assert!(panicked.join().is_err() && is_gone(&log.recv().unwrap()));
    }
}
