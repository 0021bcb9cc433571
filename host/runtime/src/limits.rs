//! What a task may use of the host, besides secrets.

use std::time::Duration;

use far_core::guard::Guard;
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
    /// The size of what a guest passed in one call.
    Argument,
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
            Self::Argument => "argument",
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
}

impl Usage {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { memory_left: limits.memory, tables_left: TABLE_ELEMENTS, refused: None }
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
        match left.checked_sub(desired.saturating_sub(current)) {
            Some(rest) => {
                *left = rest;
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

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(Limit::Tables, current, desired, maximum))
    }
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
    fn a_refused_growth_costs_nothing() {
        let mut usage = Usage::new(&Limits { memory: 4 << 16, ..Limits::default() });
        assert!(!usage.memory_growing(0, 5 << 16, None).unwrap());
        assert!(!usage.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert!(usage.memory_growing(0, 4 << 16, None).unwrap());
    }
}
