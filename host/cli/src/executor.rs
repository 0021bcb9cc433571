//! Starts the threads that run a command.
//!
//! Their number and their stacks depend on the machine, never on the environment. A missing
//! resource is an error before anything depends on it. The libraries below panic, abort or wait
//! forever if a resource is missing later.

use std::io;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use far_core::thread::STACK;
use rustix::process::{Resource, getrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::exit;
use crate::messages::failure::Failure;
use crate::messages::resource::MissingResource;
use crate::signals;

/// Stack of the thread that runs the command, in bytes. The main thread's depends on `ulimit -s`.
const COMMAND_STACK: usize = 8 << 20;
/// Pipes that must open at the start, two descriptors each: enough for a run with backends and
/// requests.
const PIPES: usize = 24;
/// Threads that must start at the start, in addition to one per processor: clock, compiler, log and
/// DNS look-ups.
const SPARE_THREADS: usize = 8;
/// Address space that must be left at the start, in bytes. A failed allocation aborts.
const HEADROOM: u64 = 512 << 20;

/// File size that the limit must allow, in bytes. The engine keeps the initial memory of a
/// component in files without a name.
const FILE_SIZE: u64 = 16 << 20;

/// The resources that a process needs at its start, with their limits and amounts.
pub(crate) fn needed_resources() -> [(&'static str, String); 5] {
    [
        ("file descriptors (`ulimit -n`)", format!("{} more than are open", 2 * PIPES)),
        ("threads (`ulimit -u`, `pids.max`)", format!("{SPARE_THREADS} more than the number of processors")),
        (
            "address space (`ulimit -v`, `ulimit -d`)",
            format!("{} MiB; `far run` reserves several GiB more for the memory of the task", HEADROOM >> 20),
        ),
        ("file size (`ulimit -f`)", format!("{} MiB", FILE_SIZE >> 20)),
        ("locked memory (`ulimit -l`)", "64 KiB".to_owned()),
    ]
}

/// Runs the command in a thread whose stack is as large as the command needs.
///
/// # Errors
///
/// [`Failure::MissingResource`] if the machine has no thread for it.
pub(crate) fn run(command: fn() -> ExitCode) -> Result<ExitCode, Failure> {
    let started = thread::Builder::new().name("far".into()).stack_size(COMMAND_STACK).spawn(command);
    match started.map(thread::JoinHandle::join) {
        Ok(Ok(code)) => Ok(code),
        // The panic handler has printed the message.
        Ok(Err(_)) => Ok(ExitCode::from(exit::PANICKED)),
        Err(source) => Err(Failure::MissingResource { what: MissingResource::Threads, source }),
    }
}

/// Starts the runtime that the command waits in.
///
/// # Errors
///
/// [`Failure::MissingResource`] if the machine lacks a resource; [`Failure::Host`] for any other
/// refusal by the operating system.
pub(crate) fn start() -> Result<Runtime, Failure> {
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    check_memory()?;
    check_file_size()?;
    check_descriptors()?;
    check_threads(workers + SPARE_THREADS)?;
    let failed = |source| Failure::Host { what: "start threads", source };
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(workers).thread_stack_size(STACK).enable_io().enable_time().build();
    let runtime = runtime.map_err(failed)?;
    let _within = runtime.enter();
    signals::survive_file_limit().map_err(|source| Failure::Host { what: "install signal handlers", source })?;
    drop(_within);
    Ok(runtime)
}

fn check_descriptors() -> Result<(), Failure> {
    let opened: io::Result<Vec<_>> = (0..PIPES).map(|_| io::pipe()).collect();
    opened.map(drop).map_err(|source| Failure::MissingResource { what: MissingResource::Descriptors, source })
}

/// Starts `count` threads at once, and ends them.
fn check_threads(count: usize) -> Result<(), Failure> {
    let start = || {
        let (hold, held) = mpsc::channel::<()>();
        let thread = far_core::thread::spawn("far-check", move || held.recv())?;
        Ok((hold, thread))
    };
    let mut started = Vec::with_capacity(count);
    let result = (0..count).try_for_each(|_| start().map(|thread| started.push(thread)));
    for (hold, thread) in started {
        drop(hold);
        // The closed channel ends the thread.
        let _ = thread.join();
    }
    result.map_err(|source: io::Error| Failure::MissingResource { what: MissingResource::Threads, source })
}

fn check_memory() -> Result<(), Failure> {
    let used = Usage::of_process().map_err(|source| Failure::Host { what: "read the memory usage", source })?;
    let left = |resource, used: u64| getrlimit(resource).current.is_none_or(|limit| limit >= used + HEADROOM);
    if left(Resource::As, used.all) && left(Resource::Data, used.data) {
        return Ok(());
    }
    Err(Failure::MissingResource { what: MissingResource::Memory, source: io::ErrorKind::OutOfMemory.into() })
}

fn check_file_size() -> Result<(), Failure> {
    if getrlimit(Resource::Fsize).current.is_none_or(|limit| limit >= FILE_SIZE) {
        return Ok(());
    }
    Err(Failure::MissingResource { what: MissingResource::FileSize, source: io::ErrorKind::FileTooLarge.into() })
}

/// The address space used by the process, in bytes.
struct Usage {
    all: u64,
    data: u64,
}

impl Usage {
    fn of_process() -> io::Result<Self> {
        Self::parse(&std::fs::read_to_string("/proc/self/statm")?)
    }

    /// Parses the first and the sixth of the numbers of `/proc/PID/statm`, which count pages.
    fn parse(statm: &str) -> io::Result<Self> {
        let page = u64::try_from(rustix::param::page_size()).map_err(io::Error::other)?;
        let mut pages = statm.split_whitespace().map(str::parse::<u64>);
        let mut next = |nth| pages.nth(nth).and_then(Result::ok).ok_or(io::ErrorKind::InvalidData);
        Ok(Self { all: next(0)?.saturating_mul(page), data: next(4)?.saturating_mul(page) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statm_yields_size_and_data() {
        let page = u64::try_from(rustix::param::page_size()).unwrap();
        let usage = Usage::parse("10 2 3 4 0 6 0\n").unwrap();
        assert_eq!((usage.all, usage.data), (10 * page, 6 * page));
        assert!(Usage::parse("10 2\n").is_err());
        assert!(Usage::of_process().unwrap().all >= page);
    }

    #[test]
    fn many_threads_start_at_once() {
        check_threads(16).unwrap();
    }
}
