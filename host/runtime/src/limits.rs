//! Limits on a task's use of the host.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;
use wasmtime::ResourceLimiter;

use crate::engine::{STACK_MAX, TABLE_ELEMENTS};

/// The maximum number of handles of secrets that a task owns at a time.
pub(crate) const HANDLES_MAX: usize = 1024;
/// The maximum number of other handles, such as those of WASI streams.
pub(crate) const OTHER_HANDLES: usize = 1024;
/// The maximum number of random bytes per call.
pub(crate) const RANDOM_MAX: usize = 64 << 10;
/// The maximum size of the headers of one message, in bytes of host memory. A guest may build as
/// many headers as it has handles.
pub(crate) const HEADERS_MAX: usize = 32 << 10;
/// The maximum size of a blocking write, in bytes, which the interface defines.
const BLOCKING_WRITE_MAX: usize = 4 << 10;
/// The maximum size of an argument of any interface, in bytes.
const ARGUMENT_MAX: usize = 1 << 20;
/// The maximum size of the other arguments of a call, in bytes.
const ARGUMENT_SLACK: usize = 64 << 10;

/// The limits of one task. Every limit is finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time from admission to the end, including waits. 30 s by default.
    pub timeout: Duration,
    /// Linear memory of all modules of the component, in bytes. 64 MiB by default.
    pub memory: usize,
    /// Size of the input, in bytes. 1 MiB by default.
    pub input: usize,
    /// Size of the output, in bytes. 1 MiB by default.
    pub output: usize,
    /// Size of the task log, in bytes. 256 KiB by default.
    pub log: usize,
    /// Number of calls of this host's interfaces. 100,000 by default.
    pub host_calls: u64,
    /// Number of events that are recorded for the task, except for its end and for completed
    /// actions. 10,000 by default, which are about 4 MB of an audit file.
    pub records: u64,
    /// Number of HTTP requests. 100 by default.
    pub requests: usize,
    /// Size of the body of a request, in bytes. 10 MiB by default.
    pub request_body: usize,
    /// Size of the body of a response, in bytes. 10 MiB by default.
    pub response_body: usize,
}

impl Limits {
    /// The maximum of each limit. [`RuntimeBuilder::max_memory`](crate::RuntimeBuilder::max_memory)
    /// can set other maxima for sizes. Code that reads limits from a file checks them against
    /// these.
    pub const MAX: Self = Self {
        timeout: Duration::from_secs(24 * 60 * 60),
        memory: 1 << 30,
        input: 1 << 30,
        output: 1 << 30,
        log: 1 << 30,
        // More than a task can make within the maximum timeout.
        host_calls: 1_000_000_000_000,
        records: 1_000_000_000_000,
        // More than a task can send sequentially within the maximum timeout.
        requests: 1_000_000,
        request_body: 1 << 30,
        response_body: 1 << 30,
    };

    /// Returns [`Limits::MAX`] with another maximum for every size, in bytes.
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

    /// Returns the name of the first limit that is zero or above its maximum.
    pub(crate) fn out_of_bounds(&self, max: &Self) -> Option<&'static str> {
        // Destructured, so that a new field cannot be forgotten.
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
    /// Returns the maximum size of the arguments of a host call, in bytes.
    pub(crate) fn argument(&self) -> usize {
        self.output.max(ARGUMENT_MAX).saturating_add(ARGUMENT_SLACK)
    }
}

/// A limit that a task exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task exceeded its limit on '{}'", self.as_str())]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::memory`].
    Memory,
    /// Elements of all tables.
    Tables,
    /// [`Limits::output`].
    Output,
    /// [`Limits::host_calls`].
    HostCalls,
    /// [`Limits::records`].
    Records,
    /// Size of the arguments of a host call.
    Argument,
    /// Number of handles of secrets, or of handles of all kinds, at a time.
    Handles,
    /// Depth of the guest's call stack.
    Stack,
    /// Random bytes of one call.
    RandomBytes,
    /// Size of the headers of one message.
    Headers,
    /// Size of a blocking write.
    BlockingWrite,
    /// Size of a non-blocking write: the number of bytes that the stream permitted.
    StreamWrite,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 12] = [
        Self::Memory,
        Self::Tables,
        Self::Output,
        Self::HostCalls,
        Self::Records,
        Self::Argument,
        Self::Handles,
        Self::Stack,
        Self::RandomBytes,
        Self::Headers,
        Self::BlockingWrite,
        Self::StreamWrite,
    ];

    /// Returns the meaning of the limit: one sentence for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Memory => "The linear memories of the component are too large.",
            Self::Tables => "The tables of the component have too many elements.",
            Self::Output => "The output of the task is too large.",
            Self::HostCalls => "The task called interfaces of the host too often.",
            Self::Records => "The task caused too many events.",
            Self::Argument => "The arguments of a host call are too large.",
            Self::Handles => "The task owns too many handles at a time.",
            Self::Stack => "The call stack of the skill is too deep.",
            Self::RandomBytes => "One call requested too many random bytes.",
            Self::Headers => "The headers of one HTTP message are too large.",
            Self::BlockingWrite => "One blocking write is too large.",
            Self::StreamWrite => "A write is larger than the stream permitted.",
        }
    }

    /// Returns the next step: the key that sets the limit, or a change to the skill.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::Memory => "set 'memory' under [limits] in a task file",
            Self::Output => "set 'output' under [limits] in a task file",
            Self::HostCalls => "set 'host-calls' under [limits] in a task file",
            Self::Records => "set 'records' under [limits] in a task file",
            Self::Argument => "pass less data in one call, or raise 'output' under [limits] in a task file",
            Self::Handles => "the limit is fixed: drop unused handles in the skill",
            Self::Stack => "the limit is fixed: bound the recursion of the skill",
            Self::RandomBytes => "the limit is fixed: request random bytes in several calls",
            Self::Headers => "the limit is fixed: send fewer or shorter headers",
            Self::BlockingWrite => "the limit is fixed: write in smaller pieces",
            Self::StreamWrite => "call 'check-write' before each write",
            Self::Tables => "the limit is fixed: build a smaller skill",
        }
    }

    /// Returns the name of the limit, which is its key in `task.toml` if it has one.
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

    /// Returns the value of the limit for messages, such as `64 MiB` or `100000 calls`.
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

    /// Returns the key of the limit under `[limits]` in `task.toml`; none if the limit is fixed.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::Memory | Self::Output | Self::HostCalls | Self::Records => Some(self.as_str()),
            _ => None,
        }
    }
}

/// Formats a size in the largest unit that divides it.
fn size(bytes: usize) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// The use of linear memories and tables by a store.
///
/// Growth beyond a limit fails, as WebAssembly permits, and the guest can handle it. The refusal is
/// recorded, since a later trap most likely results from it.
#[derive(Debug)]
pub(crate) struct StoreUsage {
    memory_left: usize,
    tables_left: usize,
    pub(crate) refused: Option<Limit>,
    /// The last growth of a memory that was permitted, and may still fail.
    permitted: usize,
    /// True if the machine had no memory for a permitted growth.
    pub(crate) out_of_memory: bool,
}

impl StoreUsage {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_left: limits.memory,
            tables_left: TABLE_ELEMENTS,
            refused: None,
            permitted: 0,
            out_of_memory: false,
        }
    }

    fn grow(&mut self, limit: Limit, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        // The module's own maximum is not a limit of the host.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let left = match limit {
            Limit::Memory => &mut self.memory_left,
            _ => &mut self.tables_left,
        };
        let growth = desired.saturating_sub(current);
        match left.checked_sub(growth) {
            Some(rest) => {
                *left = rest;
                if limit == Limit::Memory {
                    self.permitted = growth;
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

/// The use of one task's store, shared so that it outlives the store.
#[derive(Clone, Debug)]
pub(crate) struct SharedStoreUsage(Arc<Mutex<StoreUsage>>);

impl SharedStoreUsage {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(StoreUsage::new(limits))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, StoreUsage> {
        self.0.lock()
    }
}

impl ResourceLimiter for SharedStoreUsage {
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

impl ResourceLimiter for StoreUsage {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(Limit::Memory, current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // The engine does not call this after a refusal of `memory_growing`, but it does after one
        // of the type's maximum.
        if is_os_error(&error) {
            self.memory_left += std::mem::take(&mut self.permitted);
            self.out_of_memory = true;
        }
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(Limit::Tables, current, desired, maximum))
    }
}

/// Returns true if the operating system caused the error, usually for lack of memory.
pub(crate) fn is_os_error(error: &wasmtime::Error) -> bool {
    let cause = error.root_cause();
    cause.is::<io::Error>() || cause.is::<Errno>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_has_every_limit() {
        assert!(Limit::ALL.into_iter().map(|limit| limit as usize).eq(0..=Limit::StreamWrite as usize));
        for limit in Limit::ALL {
            let names_key = limit.key().is_none_or(|key| limit.next_step().contains(&format!("'{key}'")));
            assert!(names_key, "{limit:?}");
        }
    }

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
    fn memories_share_one_limit() {
        let mut usage = StoreUsage::new(&Limits { memory: 10 << 16, ..Limits::default() });
        assert!(usage.memory_growing(0, 6 << 16, None).unwrap());
        assert!(usage.memory_growing(0, 4 << 16, None).unwrap(), "a second memory");
        assert!(usage.refused.is_none());
        assert!(!usage.memory_growing(6 << 16, 7 << 16, None).unwrap());
        assert_eq!(usage.refused, Some(Limit::Memory));
    }

    #[test]
    fn failed_growth_is_not_charged() {
        let mut usage = StoreUsage::new(&Limits { memory: 4 << 16, ..Limits::default() });
        for _ in 0..3 {
            assert!(usage.memory_growing(0, 3 << 16, None).unwrap());
            usage.memory_grow_failed(io::Error::from(io::ErrorKind::OutOfMemory).into()).unwrap();
        }
        assert_eq!((usage.refused, usage.out_of_memory), (None, true));
        usage.memory_grow_failed(wasmtime::Error::msg("the type's own limit")).unwrap();
        assert!(!usage.memory_growing(0, 5 << 16, None).unwrap(), "the limit is unchanged");
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
    fn refused_growth_is_not_charged() {
        let mut usage = StoreUsage::new(&Limits { memory: 4 << 16, ..Limits::default() });
        assert!(!usage.memory_growing(0, 5 << 16, None).unwrap());
        assert!(!usage.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert!(usage.memory_growing(0, 4 << 16, None).unwrap());
    }
}
