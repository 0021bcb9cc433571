//! A running `far`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::Far;

/// A running `far`, whose stderr is read on demand.
pub(crate) struct RunningFar {
    child: Child,
    stderr: BufReader<ChildStderr>,
    seen: String,
}

impl RunningFar {
    pub(crate) fn start(far: &Far) -> Self {
        Self::spawn(&mut far.command())
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, seen: String::new() }
    }

    /// Waits until this many lines contain `event`.
    pub(crate) fn until(&mut self, times: usize, event: &str) {
        while self.seen.lines().filter(|line| line.contains(event)).count() < times {
            assert_ne!(self.stderr.read_line(&mut self.seen).unwrap(), 0, "far ended early: {}", self.seen);
        }
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and returns the exit code, stdout and stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        self.stderr.read_to_string(&mut self.seen).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), self.seen)
    }
}
