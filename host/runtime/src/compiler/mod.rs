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
mod pool;
mod process;
mod sandbox;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use wasmtime::Engine;

pub use child::compile_stdin;
pub(crate) use job::{Job, Places};

use crate::skill::{LoadError, of_engine};

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

/// The command that runs [`compile_stdin`].
#[derive(Clone, Debug)]
struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Compiler {
    /// Compiles in this process, on a thread.
    ///
    /// At the deadline of [`LoadLimits`] the wait ends with an error, but the thread goes on, and
    /// memory is not bounded: for components that are trusted not to attack their compiler.
    pub fn in_process() -> Self {
        Self(Place::Here)
    }

    /// Compiles in a child process, started anew for each component: this command, and after its
    /// arguments the limits as `MILLISECONDS BYTES`. The command must call [`compile_stdin`] with
    /// them before it starts a thread, and must be of the same build as this library.
    ///
    /// `/proc/self/exe` names the running program.
    pub fn child(path: impl Into<PathBuf>, arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self(Place::Child(Program { path: path.into(), arguments: arguments.into_iter().collect() }))
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
