//! A server's process: its log, its shutdown and its folder.

use std::io::{BufRead, BufReader, PipeReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::failure::{Failure, OrFailure};

/// The timeout of waiting for a log line.
const LOG_TIMEOUT: Duration = Duration::from_secs(90);
/// The grace period of a shutdown.
const GRACE_PERIOD: Duration = Duration::from_secs(5);
/// The number of log lines in a failure.
const TAIL_LINES: usize = 20;

/// Starts a watcher and then becomes the program. The watcher reads the input pipe, which closes
/// when the parent process ends for any reason. The watcher then stops the program, whose pid is
/// the shell's, and removes the folder.
const WATCHER: &str = r#"
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

/// A program to run.
pub(crate) struct Program {
    /// The program with its arguments and environment.
    pub(crate) command: Command,
    /// The name of the signal for a clean shutdown.
    pub(crate) stop: &'static str,
    /// The user and group to run as, if they differ from the current ones.
    pub(crate) user: Option<(u32, u32)>,
    /// The folder of its state.
    pub(crate) folder: Arc<TempDir>,
}

/// A program that runs until it is dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    has_exited: bool,
    stop: &'static str,
    log: Arc<Log>,
    /// The folder of its state, removed after the program has ended.
    _folder: Arc<TempDir>,
}

impl Process {
    /// Starts a program and waits for this text in its log.
    pub(crate) fn start(program: Program, ready: &str) -> Result<Self, Failure> {
        let Program { command, stop, user, folder } = program;
        let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", WATCHER, "sh"]).arg(folder.path()).arg(stop);
        shell.arg(command.get_program()).args(command.get_args()).current_dir(folder.path());
        // The environment of the tests does not affect a server.
        shell.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", folder.path());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some((user, group)) = user {
            shell.uid(user).gid(group);
        }
        let (reader, writer) = std::io::pipe().or_failure("create a pipe")?;
        let errors = writer.try_clone().or_failure("create a pipe")?;
        shell.process_group(0).stdin(Stdio::piped()).stdout(writer).stderr(errors);
        let child = shell.spawn().or_failure(format!("run {}", command.get_program().display()))?;
        // Closes this process's end of the log pipe.
        drop(shell);
        let process = Self { name, child, has_exited: false, stop, log: Log::of(reader), _folder: folder };
        process.wait_for(ready)?;
        Ok(process)
    }

    /// Waits for a log line with this text, past or future.
    pub(crate) fn wait_for(&self, text: &str) -> Result<(), Failure> {
        self.wait_for_after(0, text).map(drop)
    }

    /// Waits for a log line after this many lines. Returns the number of lines up to the match.
    pub(crate) fn wait_for_after(&self, lines: usize, text: &str) -> Result<usize, Failure> {
        let failure = |how: &str| {
            let log = self.log.tail();
            Failure::new(format!("{} {how} before it logged '{text}'; the end of its log:\n{log}", self.name))
        };
        match self.log.wait(lines, |line| line.contains(text)) {
            WaitResult::Found(lines) => Ok(lines),
            WaitResult::Ended => Err(failure("ended")),
            WaitResult::TimedOut => Err(failure("took too long")),
        }
    }

    /// Returns the number of log lines.
    pub(crate) fn lines(&self) -> usize {
        self.log.lock().lines.len()
    }

    /// Returns the log.
    pub(crate) fn log(&self) -> String {
        self.log.lock().lines.join("\n")
    }

    /// Kills the whole process group.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.has_exited = self.child.wait().is_ok();
    }

    /// Sends a signal to the process group. The pid is not reused until the child has been waited
    /// for.
    fn signal(&self, signal: &str) {
        if !self.has_exited {
            let mut kill = Command::new("/bin/sh");
            kill.args(["-c", "kill -s \"$0\" -- \"-$1\"", signal]).arg(self.child.id().to_string());
            let _ = kill.stderr(Stdio::null()).status();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.stop);
        // A program closes its log when it ends.
        self.log.wait_for_end(GRACE_PERIOD);
        self.kill();
    }
}

/// The log of a program.
#[derive(Default)]
struct Log {
    state: Mutex<LogState>,
    changed: Condvar,
}

#[derive(Default)]
struct LogState {
    lines: Vec<String>,
    ended: bool,
}

/// The result of waiting for a line.
enum WaitResult {
    Found(usize),
    Ended,
    TimedOut,
}

impl Log {
    /// Reads the log on a separate thread: a program blocks if its log pipe is full.
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

    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, mut read: usize, matches_line: impl Fn(&str) -> bool) -> WaitResult {
        let mut result = WaitResult::TimedOut;
        self.wait_while(LOG_TIMEOUT, |written| {
            let found = written.lines.iter().skip(read).position(|line| matches_line(line));
            result = match found {
                Some(position) => WaitResult::Found(read + position + 1),
                None if written.ended => WaitResult::Ended,
                None => WaitResult::TimedOut,
            };
            read = written.lines.len();
            matches!(result, WaitResult::TimedOut)
        });
        result
    }

    fn wait_for_end(&self, timeout: Duration) {
        self.wait_while(timeout, |written| !written.ended);
    }

    fn wait_while(&self, timeout: Duration, mut condition: impl FnMut(&LogState) -> bool) {
        let deadline = Instant::now() + timeout;
        let mut written = self.lock();
        while condition(&written) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            written = self.changed.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn tail(&self) -> String {
        let written = self.lock();
        let tail = written.lines.iter().skip(written.lines.len().saturating_sub(TAIL_LINES));
        tail.map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
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

    /// Returns true once all processes that write to a log have ended.
    fn has_ended(log: &Log) -> bool {
        log.wait_for_end(LOG_TIMEOUT);
        log.lock().ended
    }

    #[test]
    fn drop_stops_whole_process_group() {
        let process = Process::start(shell("sleep 8641 & echo ready; exec sleep 8642"), "ready").unwrap();
        let (folder, log) = (process._folder.path().to_owned(), process.log.clone());
        assert!(folder.exists() && !log.lock().ended);
        drop(process);
        assert!(has_ended(&log) && !folder.exists());
    }

    #[test]
    fn program_ends_with_its_parent() {
        let mut process = Process::start(shell("echo ready; exec sleep 8643"), "ready").unwrap();
        // Closes the pipe like the end of a killed parent.
        drop(process.child.stdin.take());
        assert!(!process.child.wait().unwrap().success());
        process.has_exited = true;
    }

    #[test]
    fn early_exit_reports_log() {
        let failure = Process::start(shell("echo one; echo two >&2; exit 3"), "ready").err().unwrap();
        assert_eq!(failure.what(), "sh ended before it logged 'ready'; the end of its log:\n    one\n    two");
    }

    #[test]
    fn panic_stops_program() {
        let (sender, log) = std::sync::mpsc::channel();
        let panicked = thread::spawn(move || {
            let process = Process::start(shell("echo ready; exec sleep 8644"), "ready").unwrap();
            sender.send(process.log.clone()).unwrap();
            panic!("a failing test");
        });
        assert!(panicked.join().is_err() && has_ended(&log.recv().unwrap()));
    }
}
