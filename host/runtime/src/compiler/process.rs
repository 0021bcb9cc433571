//! The host's side of a compiler process.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use super::args::ChildArgs;
use super::child::Exit;
use super::{Job, LoadLimits, Program};
use crate::load_error::LoadError;

/// The interval of checks for an abandoned job.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The maximum length of an error message that is read, in bytes.
const MESSAGE_MAX: u64 = 4096;
/// The maximum size of machine code, in bytes: ten times the largest code of a component.
const CODE_MAX: u64 = 512 << 20;
/// The message of Rust's allocator when it aborts for lack of memory.
const NO_MEMORY: &str = "memory allocation of ";

/// Kills a child process on drop.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Compiles a component in a child process, and returns the machine code.
pub(super) fn compile(program: &Program, component: &[u8], job: &Job) -> Result<Vec<u8>, LoadError> {
    let limits = &job.limits;
    let host = |error: io::Error| LoadError::Host(error.into());
    let mut input = anonymous_file("component").map_err(host)?;
    let mut output = anonymous_file("code").map_err(host)?;
    let mut message = anonymous_file("message").map_err(host)?;
    input.write_all(component).and_then(|()| input.rewind()).map_err(host)?;
    let mut command = Command::new(&program.0);
    command.args(ChildArgs { host: std::process::id(), limits: *limits }.arguments());
    // A separate process group: a signal of the terminal reaches only the host, which kills the
    // child.
    command.env_clear().current_dir("/").process_group(0);
    command.stdin(input).stdout(output.try_clone().map_err(host)?).stderr(message.try_clone().map_err(host)?);
    let child = KillOnDrop(command.spawn().map_err(host)?);
    let status = wait(child, job)?;
    let mut stderr = Vec::new();
    message.rewind().and_then(|()| message.take(MESSAGE_MAX).read_to_end(&mut stderr)).map_err(host)?;
    let stderr = String::from_utf8_lossy(&stderr);
    let error = || wasmtime::Error::msg(stderr.to_string());
    match status.code().and_then(Exit::of_code) {
        Some(Exit::Compiled) => {
            if output.metadata().map_err(host)?.len() > CODE_MAX {
                return Err(LoadError::Limits(wasmtime::Error::msg("the machine code exceeds 512 MiB")));
            }
            let mut code = Vec::new();
            output.rewind().and_then(|()| output.read_to_end(&mut code)).map_err(host)?;
            Ok(code)
        }
        Some(Exit::Invalid) => Err(LoadError::Invalid(error())),
        Some(Exit::Limits) => Err(LoadError::Limits(error())),
        Some(Exit::Memory) => Err(LoadError::Memory(limits.memory)),
        Some(Exit::Host) => Err(LoadError::Host(error())),
        None => Err(of_status(status, &stderr, limits)),
    }
}

/// Creates an anonymous file, which only this process and its child can open.
fn anonymous_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC)?.into())
}

/// Waits until a process exits, times out, or its job is abandoned.
fn wait(mut child: KillOnDrop, job: &Job) -> Result<ExitStatus, LoadError> {
    let host = |error: io::Error| LoadError::Host(error.into());
    let mut clock = job.start();
    let pid = i32::try_from(child.0.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| host(io::ErrorKind::InvalidData.into()))?;
    let ended = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| host(error.into()))?;
    loop {
        if let Some(status) = child.0.try_wait().map_err(host)? {
            return Ok(status);
        }
        let Some(left) = clock.left() else { return Err(LoadError::Timeout(job.limits.timeout)) };
        if job.is_abandoned() {
            return Err(LoadError::Interrupted);
        }
        let interval = Timespec::try_from(left.min(POLL_INTERVAL)).ok();
        match poll(&mut [PollFd::new(&ended, PollFlags::IN)], interval.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(host(error.into())),
        }
    }
}

/// Signals with which a user or the system asks a process to terminate.
const TERMINATION_SIGNALS: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];

/// Returns the error for a process that was killed by a signal.
fn of_status(status: ExitStatus, stderr: &str, limits: &LoadLimits) -> LoadError {
    let signal = status.signal();
    let is = |known: Signal| signal == Some(known.as_raw());
    if TERMINATION_SIGNALS.into_iter().any(is) {
        LoadError::Interrupted
    } else if is(Signal::XCPU) {
        LoadError::Timeout(limits.timeout)
    } else if is(Signal::ABORT) && stderr.contains(NO_MEMORY) || is(Signal::XFSZ) {
        LoadError::Memory(limits.memory)
    } else if is(Signal::KILL) {
        // Not killed by this host: by the kernel, for lack of memory, or by a user.
        LoadError::Host(wasmtime::Error::msg("the compiler process was killed"))
    } else {
        LoadError::Compiler(status.to_string())
    }
}
