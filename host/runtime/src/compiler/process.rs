//! The host's side of a compiling process.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use super::child::Exit;
use super::order::Order;
use super::{Job, LoadLimits, Program};
use crate::load_error::LoadError;

/// The interval between checks for an abandoned job.
const LOOK: Duration = Duration::from_millis(50);
/// The longest message of a compiling process that is read, in bytes.
const MESSAGE_MAX: u64 = 4096;
/// The most machine code that the host takes, in bytes: ten times the largest code of a component.
const CODE_MAX: u64 = 512 << 20;
/// The words of Rust's allocator as it ends a process that gets no memory.
const NO_MEMORY: &str = "memory allocation of ";

/// Ends a process that is still there.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // It may have ended by itself.
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
    command.args(Order { host: std::process::id(), limits: *limits }.arguments());
    // In a group of its own: a signal of the terminal is for the host, which then ends its child.
    command.env_clear().current_dir("/").process_group(0);
    command.stdin(input).stdout(output.try_clone().map_err(host)?).stderr(message.try_clone().map_err(host)?);
    let child = KillOnDrop(command.spawn().map_err(host)?);
    let status = wait(child, job)?;
    let mut words = Vec::new();
    message.rewind().and_then(|()| message.take(MESSAGE_MAX).read_to_end(&mut words)).map_err(host)?;
    let words = String::from_utf8_lossy(&words);
    let ended = || wasmtime::Error::msg(words.to_string());
    match status.code().and_then(Exit::of_code) {
        Some(Exit::Compiled) => {
            if output.metadata().map_err(host)?.len() > CODE_MAX {
                return Err(LoadError::Limits(wasmtime::Error::msg("its machine code has more than 512 MiB")));
            }
            let mut code = Vec::new();
            output.rewind().and_then(|()| output.read_to_end(&mut code)).map_err(host)?;
            Ok(code)
        }
        Some(Exit::Invalid) => Err(LoadError::Invalid(ended())),
        Some(Exit::Limits) => Err(LoadError::Limits(ended())),
        Some(Exit::Memory) => Err(LoadError::Memory(limits.memory)),
        Some(Exit::Host) => Err(LoadError::Host(ended())),
        None => Err(of_status(status, &words, limits)),
    }
}

/// A file without a name, which only this process and its child can open.
fn anonymous_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC)?.into())
}

/// Waits until a process ends, its deadline passes, or its job is abandoned.
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
        let look = Timespec::try_from(left.min(LOOK)).ok();
        match poll(&mut [PollFd::new(&ended, PollFlags::IN)], look.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(host(error.into())),
        }
    }
}

/// Signals by which somebody else ends a process.
const ASKING: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];

/// Returns the cause of the end of a process that did not end by itself.
fn of_status(status: ExitStatus, words: &str, limits: &LoadLimits) -> LoadError {
    let signal = status.signal();
    let is = |known: Signal| signal == Some(known.as_raw());
    if ASKING.into_iter().any(is) {
        LoadError::Interrupted
    } else if is(Signal::XCPU) {
        LoadError::Timeout(limits.timeout)
    } else if is(Signal::ABORT) && words.contains(NO_MEMORY) || is(Signal::XFSZ) {
        LoadError::Memory(limits.memory)
    } else if is(Signal::KILL) {
        // Not by this host, which knows when it does: by the kernel, for want of memory, or by somebody.
        LoadError::Host(wasmtime::Error::msg("its compiler was killed"))
    } else {
        LoadError::Compiler(status.to_string())
    }
}
