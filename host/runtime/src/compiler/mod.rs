//! Compiling components, within bounds that hold whatever their shape.
//!
//! A compiler's time and memory depend on its input in ways that no check of the input predicts, and
//! a thread that compiles cannot be ended. So [`Compiler::child`] compiles in a child process, which
//! the kernel ends: by a deadline, by CPU time, by memory. The child holds no secret, opens nothing
//! and reaches nobody; it takes a component on its standard input and writes machine code.
//!
//! # Security
//!
//! The host runs the machine code that the child writes, as it runs that of a compiler in its own
//! process. The child keeps a compiler's crash, and its use of time and memory, out of the process
//! that holds secrets. It does not keep out wrong code: a component that takes the compiler over
//! decides what the code does.

mod child;
mod job;
mod order;
mod pool;
mod process;
mod sandbox;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use wasmtime::Engine;

pub(crate) use job::{Job, Places};

use crate::load_error::{LoadError, of_engine};

/// Bounds on loading one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Time for compiling, once it has begun. 60 s by default. While more components are compiled
    /// than there are processors, the clock runs proportionally slower, so that no load fails
    /// because of its neighbors.
    pub timeout: Duration,
    /// Memory of the compiler, in bytes. 1 GiB by default. Holds in a child process only.
    pub memory: u64,
}

impl LoadLimits {
    /// The most memory of the compiler, in bytes.
    pub const MEMORY_MAX: u64 = 16 << 30;
    /// The most time for compiling.
    pub const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

    /// Returns the limits, each at its maximum at most.
    pub(crate) fn clamped(self) -> Self {
        Self { timeout: self.timeout.min(Self::TIMEOUT_MAX), memory: self.memory.min(Self::MEMORY_MAX) }
    }
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), memory: 1 << 30 }
    }
}

/// Where components are compiled.
#[derive(Clone, Debug, Default)]
pub struct Compiler(Place);

#[derive(Clone, Debug, Default)]
enum Place {
    #[default]
    Here,
    Child(Program),
}

/// A program whose `main` calls [`Compiler::child_main`].
#[derive(Clone, Debug)]
struct Program(PathBuf);

impl Compiler {
    /// Compiles in this process, on a thread.
    ///
    /// At the deadline of [`LoadLimits`] the wait ends with an error, but the thread goes on, and
    /// memory is not bounded: for components that are trusted not to attack their compiler.
    pub fn in_process() -> Self {
        Self(Place::Here)
    }

    /// Compiles in a child process, started anew for each component.
    ///
    /// The program's `main` must call [`Compiler::child_main`] first, and must be built with the
    /// same version of this library. `/proc/self/exe` names the running program.
    pub fn child(program: impl Into<PathBuf>) -> Self {
        Self(Place::Child(Program(program.into())))
    }

    /// Compiles the component on the standard input, if this process was started by a host's
    /// [`Compiler::child`]. Returns how the process then ends.
    ///
    /// Bounds the process first, for good: time, memory and system calls. Must be called before the
    /// process has a second thread.
    ///
    /// ```no_run
    /// use std::process::ExitCode;
    ///
    /// use far_runtime::Compiler;
    ///
    /// fn main() -> ExitCode {
    ///     if let Some(end) = Compiler::child_main() {
    ///         return end;
    ///     }
    ///     // The rest of the program, which loads skills with `Compiler::child("/proc/self/exe")`.
    ///     ExitCode::SUCCESS
    /// }
    /// ```
    pub fn child_main() -> Option<ExitCode> {
        order::Order::parse(std::env::args_os().skip(1)).map(|order| child::compile_stdin(&order))
    }

    /// How many components are compiled at once. Children share the processors fairly, whatever
    /// they compile; in this process, compiling must leave room for tasks.
    pub(crate) fn at_once(&self) -> usize {
        match self.0 {
            Place::Here => 2,
            Place::Child(_) => 8,
        }
    }

    /// The time after which nobody waits for a compilation that cannot be ended.
    pub(crate) fn deadline(&self, limits: &LoadLimits) -> Option<Duration> {
        matches!(self.0, Place::Here).then_some(limits.timeout)
    }

    /// Compiles a component, and returns machine code. Blocks the thread; ends a child once the job
    /// is abandoned.
    pub(crate) fn compile(&self, engine: &Engine, component: &[u8], job: &Job) -> Result<Vec<u8>, LoadError> {
        match &self.0 {
            Place::Here => {
                let compiled = pool::install(pool::threads_within(u64::MAX), || engine.precompile_component(component));
                compiled.map_err(|error| LoadError::Host(error.into()))?.map_err(of_engine)
            }
            Place::Child(program) => process::compile(program, component, job),
        }
    }
}
