//! What a task may use of the host, besides secrets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;
use wasmtime::ResourceLimiter;

use crate::engine::{STACK_MAX, TABLE_ELEMENTS};

/// How many handles of secrets a task may have at once.
pub(crate) const HANDLES_MAX: usize = 1024;
/// How many handles of other kinds, such as those of WASI's streams, a task may have besides those
/// of secrets.
pub(crate) const OTHER_HANDLES: usize = 1024;
/// The most random bytes that a guest gets in one call.
pub(crate) const RANDOM_MAX: usize = 64 << 10;
/// The maximum size of the headers of one message, in bytes of the host's memory. A guest may build
/// as many headers at once as it has handles for.
pub(crate) const HEADERS_MAX: usize = 32 << 10;
/// The most bytes of a write that waits until they are taken: the interface's own limit.
const BLOCKING_WRITE_MAX: usize = 4 << 10;
/// The longest argument of any interface, in bytes.
const ARGUMENT_MAX: usize = 1 << 20;
/// The most that a guest passes in one call besides its longest argument, in bytes.
const ARGUMENT_SLACK: usize = 64 << 10;

/// The limits of one task. None can be without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From admission to the end, waiting included. 30 s by default.
    pub timeout: Duration,
    /// Linear memory of all the component's modules together, in bytes. 64 MiB by default.
    pub memory: usize,
    /// The input, in bytes. 1 MiB by default.
    pub input: usize,
    /// The output, in bytes. 1 MiB by default.
    pub output: usize,
    /// What is kept of the task log, in bytes. 256 KiB by default.
    pub log: usize,
    /// Calls of this host's interfaces. 100,000 by default.
    pub host_calls: u64,
    /// Events that may be recorded for the task, except for its end and for events that happened
    /// already. 10,000 by default: more than an honest task ever has, and some 4 MB of an audit
    /// file.
    pub records: u64,
    /// Requests over HTTP. 100 by default.
    pub requests: usize,
    /// The body of one request, in bytes. 10 MiB by default.
    pub request_body: usize,
    /// The body of one response, in bytes. 10 MiB by default.
    pub response_body: usize,
}

impl Limits {
    /// The largest limits that a task may have, where
    /// [`RuntimeBuilder::max_memory`](crate::RuntimeBuilder::max_memory) sets no others for sizes.
    /// Code that reads limits from a file compares them with these.
    pub const MAX: Self = Self {
        timeout: Duration::from_secs(24 * 60 * 60),
        memory: 1 << 30,
        input: 1 << 30,
        output: 1 << 30,
        log: 1 << 30,
        // More than a task makes in the longest time that it may have.
        host_calls: 1_000_000_000_000,
        records: 1_000_000_000_000,
        // More than a task sends in the longest time that it may have, one after the other.
        requests: 1_000_000,
        request_body: 1 << 30,
        response_body: 1 << 30,
    };

    /// Returns [`Limits::MAX`] with another bound for every size, in bytes.
    pub(crate) const fn max_with_memory(bytes: usize) -> Self {
        Self {
            memory: bytes,
            input: bytes,
            output: bytes,
            log: bytes,
            request_body: bytes,
            response_body: bytes,
            ..Self::MAX
        }
    }

    /// Returns the name of the first limit that is zero, or above its maximum.
    pub(crate) fn out_of_bounds(&self, max: &Self) -> Option<&'static str> {
        // Every field is named, so that a new one cannot be left out.
        let Self { timeout, memory, input, output, log, host_calls, records, requests, request_body, response_body } =
            *self;
        let out = |value: usize, max: usize| value == 0 || value > max;
        let all = [
            ("timeout", timeout.is_zero() || timeout > max.timeout),
            ("memory", out(memory, max.memory)),
            ("input", out(input, max.input)),
            ("output", out(output, max.output)),
            ("log", out(log, max.log)),
            ("host-calls", host_calls == 0 || host_calls > max.host_calls),
            ("records", records == 0 || records > max.records),
            ("requests", out(requests, max.requests)),
            ("request-body", out(request_body, max.request_body)),
            ("response-body", out(response_body, max.response_body)),
        ];
        all.into_iter().find(|(_, out)| *out).map(|(name, _)| name)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            memory: 64 << 20,
            input: 1 << 20,
            output: 1 << 20,
            log: 256 << 10,
            host_calls: 100_000,
            records: 10_000,
            requests: 100,
            request_body: 10 << 20,
            response_body: 10 << 20,
        }
    }
}

impl Limits {
    /// Returns the most that a guest may pass in one call, in bytes.
    pub(crate) fn argument(&self) -> usize {
        self.output.max(ARGUMENT_MAX).saturating_add(ARGUMENT_SLACK)
    }
}

/// Which limit a task went beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task went beyond its limit on '{}'", self.as_str())]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::memory`].
    Memory,
    /// Elements of tables.
    Tables,
    /// [`Limits::output`].
    Output,
    /// [`Limits::host_calls`].
    HostCalls,
    /// [`Limits::records`].
    Records,
    /// The size of what a guest passed in one call.
    Argument,
    /// How many handles of secrets, or of all kinds together, a task holds at once.
    Handles,
    /// The depth of calls.
    Stack,
    /// The random bytes of one call.
    RandomBytes,
    /// The headers of one message.
    Headers,
    /// The bytes of one write that waits until they are taken.
    BlockingWrite,
    /// The bytes of one write that does not wait: as many as the stream allowed.
    StreamWrite,
}

impl Limit {
    /// The limit's name, as in `task.toml` where it can be set there.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Tables => "tables",
            Self::Output => "output",
            Self::HostCalls => "host-calls",
            Self::Records => "records",
            Self::Argument => "argument",
            Self::Handles => "handles",
            Self::Stack => "stack",
            Self::RandomBytes => "random-bytes",
            Self::Headers => "headers",
            Self::BlockingWrite => "blocking-write",
            Self::StreamWrite => "stream-write",
        }
    }

    /// Returns the limit's value for a task of these limits, for people: `64 MiB`, or `100000
    /// calls`.
    pub fn value(self, limits: &Limits) -> String {
        match self {
            Self::Memory => size(limits.memory),
            Self::Tables => format!("{TABLE_ELEMENTS} elements"),
            Self::Output => size(limits.output),
            Self::HostCalls => format!("{} calls", limits.host_calls),
            Self::Records => format!("{} events", limits.records),
            Self::Argument => size(limits.argument()),
            Self::Handles => {
                format!("{HANDLES_MAX} handles of secrets, or {} of all kinds", HANDLES_MAX + OTHER_HANDLES)
            }
            Self::Stack => size(STACK_MAX),
            Self::RandomBytes => size(RANDOM_MAX),
            Self::Headers => size(HEADERS_MAX),
            Self::BlockingWrite => size(BLOCKING_WRITE_MAX),
            Self::StreamWrite => "as many bytes as 'check-write' allowed".to_owned(),
        }
    }

    /// Returns the key of `[limits]` in `task.toml` that sets it; none if it is fixed.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::Memory | Self::Output | Self::HostCalls | Self::Records => Some(self.as_str()),
            _ => None,
        }
    }
}

/// A size in the largest unit that divides it.
fn size(bytes: usize) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// Counts a store's linear memories and tables.
///
/// Growing beyond the limit fails as WebAssembly says it may, and the guest can deal with it; that it happened is kept,
/// to tell a task that then crashed from one that crashed by itself.
#[derive(Debug)]
pub(crate) struct Usage {
    memory_left: usize,
    tables_left: usize,
    pub(crate) refused: Option<Limit>,
    /// What was last allowed of memory, until it is known to be there.
    allowed: usize,
    /// Whether the machine had no memory for what the task was allowed.
    pub(crate) starved: bool,
}

impl Usage {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { memory_left: limits.memory, tables_left: TABLE_ELEMENTS, refused: None, allowed: 0, starved: false }
    }

    fn grow(&mut self, limit: Limit, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        // Beyond what the module itself declares is the module's own affair.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let left = match limit {
            Limit::Memory => &mut self.memory_left,
            _ => &mut self.tables_left,
        };
        let wanted = desired.saturating_sub(current);
        match left.checked_sub(wanted) {
            Some(rest) => {
                *left = rest;
                if limit == Limit::Memory {
                    self.allowed = wanted;
                }
                true
            }
            None => {
                self.refused = Some(limit);
                false
            }
        }
    }
}

/// The usage of one task's store, which the task's end asks for when the store may be gone.
#[derive(Clone, Debug)]
pub(crate) struct SharedUsage(Arc<Mutex<Usage>>);

impl SharedUsage {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(Usage::new(limits))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Usage> {
        self.0.lock()
    }
}

impl ResourceLimiter for SharedUsage {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.lock().memory_growing(current, desired, maximum)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.lock().memory_grow_failed(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.lock().table_growing(current, desired, maximum)
    }
}

impl ResourceLimiter for Usage {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(Limit::Memory, current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // Not reached by what `memory_growing` refused; but by what the type refuses, without it having been asked.
        if is_the_machines(&error) {
            self.memory_left += std::mem::take(&mut self.allowed);
            self.starved = true;
        }
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(Limit::Tables, current, desired, maximum))
    }
}

/// Whether the operating system refused something, memory as a rule: nothing that a component did wrong.
pub(crate) fn is_the_machines(error: &wasmtime::Error) -> bool {
    let cause = error.root_cause();
    cause.is::<io::Error>() || cause.is::<Errno>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_names_its_unit() {
        let limits = Limits { output: 1000, host_calls: 7, ..Limits::default() };
        assert_eq!(Limit::Memory.value(&limits), "64 MiB");
        assert_eq!(Limit::Output.value(&limits), "1000 bytes");
        assert_eq!(Limit::HostCalls.value(&limits), "7 calls");
        assert_eq!(Limit::Argument.value(&limits), "1088 KiB");
        assert_eq!(Limit::RandomBytes.value(&limits), "64 KiB");
        assert_eq!((Limit::Output.key(), Limit::Stack.key()), (Some("output"), None));
    }

    #[test]
    fn memories_count_together() {
        let mut usage = Usage::new(&Limits { memory: 10 << 16, ..Limits::default() });
        assert!(usage.memory_growing(0, 6 << 16, None).unwrap());
        assert!(usage.memory_growing(0, 4 << 16, None).unwrap(), "a second memory");
        assert!(usage.refused.is_none());
        assert!(!usage.memory_growing(6 << 16, 7 << 16, None).unwrap());
        assert_eq!(usage.refused, Some(Limit::Memory));
    }

    #[test]
    fn what_the_machine_has_not_costs_nothing_and_is_not_the_tasks_doing() {
        let mut usage = Usage::new(&Limits { memory: 4 << 16, ..Limits::default() });
        for _ in 0..3 {
            assert!(usage.memory_growing(0, 3 << 16, None).unwrap());
            usage.memory_grow_failed(io::Error::from(io::ErrorKind::OutOfMemory).into()).unwrap();
        }
        assert_eq!((usage.refused, usage.starved), (None, true));
        usage.memory_grow_failed(wasmtime::Error::msg("the type's own limit")).unwrap();
        assert!(!usage.memory_growing(0, 5 << 16, None).unwrap(), "it got nothing for that");
    }

    #[test]
    fn limits_stay_within_bounds() {
        assert_eq!(Limits::default().out_of_bounds(&Limits::MAX), None);
        assert_eq!(Limits::MAX.out_of_bounds(&Limits::MAX), None);
        let beyond = |limits: Limits| limits.out_of_bounds(&Limits::MAX);
        assert_eq!(beyond(Limits { timeout: Duration::ZERO, ..Limits::MAX }), Some("timeout"));
        assert_eq!(beyond(Limits { timeout: Duration::MAX, ..Limits::MAX }), Some("timeout"));
        assert_eq!(beyond(Limits { log: 0, ..Limits::MAX }), Some("log"));
        assert_eq!(beyond(Limits { requests: usize::MAX, ..Limits::MAX }), Some("requests"));
        assert_eq!(beyond(Limits { host_calls: u64::MAX, ..Limits::MAX }), Some("host-calls"));
        assert_eq!(Limits::MAX.out_of_bounds(&Limits::max_with_memory((1 << 30) - 1)), Some("memory"));
    }

    #[test]
    fn a_refused_growth_costs_nothing() {
        let mut usage = Usage::new(&Limits { memory: 4 << 16, ..Limits::default() });
        assert!(!usage.memory_growing(0, 5 << 16, None).unwrap());
        assert!(!usage.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert!(usage.memory_growing(0, 4 << 16, None).unwrap());
    }
}
