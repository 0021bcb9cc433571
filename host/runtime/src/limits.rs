//! What a task may use of the host, besides secrets.

use std::io;
use std::time::Duration;

use far_core::guard::Guard;
use rustix::io::Errno;
use wasmtime::ResourceLimiter;

use crate::engine::TABLE_ELEMENTS;

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
    /// Events that the task may have recorded, but for those of its end and of what happened already. 10,000 by default: as
    /// many as an honest task never has, and some 4 MB of an audit file.
    pub records: u64,
    /// Requests over HTTP. 100 by default.
    pub requests: usize,
    /// The body of one request, in bytes. 10 MiB by default.
    pub request_body: usize,
    /// The body of one response, in bytes. 10 MiB by default.
    pub response_body: usize,
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

/// Which limit a task went beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task went beyond its limit on {self:?}")]
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
        }
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
        let (left, guard) = match limit {
            Limit::Memory => (&mut self.memory_left, Guard::Memory),
            _ => (&mut self.tables_left, Guard::Tables),
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
                !guard.stands()
            }
        }
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
    fn a_refused_growth_costs_nothing() {
        let mut usage = Usage::new(&Limits { memory: 4 << 16, ..Limits::default() });
        assert!(!usage.memory_growing(0, 5 << 16, None).unwrap());
        assert!(!usage.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert!(usage.memory_growing(0, 4 << 16, None).unwrap());
    }
}
