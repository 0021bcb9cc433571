//! Compilation of components, with limits.
//!
//! The time and memory of a compiler depend on its input in ways that no check predicts, and a
//! thread cannot be killed. So [`Compiler::child`] compiles in a child process, with limits on
//! wall-clock time, CPU time and memory. The child holds no secret, opens no file and has no
//! network. It reads a component from its standard input, and writes machine code to its standard
//! output.
//!
//! # Security
//!
//! The host executes the machine code of the child, as it would the code of a compiler in its own
//! process. The child isolates crashes, and the use of time and memory, from the process with
//! secrets. It does not protect against wrong code: a component that exploits the compiler controls
//! the code.

mod args;
mod child;
mod job;
mod pool;
mod process;
mod sandbox;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use wasmtime::Engine;

pub(crate) use job::{CompileQueue, Job};

use crate::load_error::{LoadError, of_engine};

/// Limits on the compilation of one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Time of compilation, without waiting. 60 s by default. If more components are compiled than
    /// there are processors, the clock slows down proportionally, so that a load does not fail
    /// because of its neighbors.
    pub timeout: Duration,
    /// Memory of the compiler, in bytes. 1 GiB by default. Applies only to a child process.
    pub memory: u64,
}

impl LoadLimits {
    /// The maximum memory of the compiler, in bytes.
    pub const MEMORY_MAX: u64 = 16 << 30;
    /// The maximum time of compilation.
    pub const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

    /// Returns the limits, each at most its maximum.
    pub(crate) fn clamped(self) -> Self {
        Self { timeout: self.timeout.min(Self::TIMEOUT_MAX), memory: self.memory.min(Self::MEMORY_MAX) }
    }
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), memory: 1 << 30 }
    }
}

/// The process that compiles components.
#[derive(Clone, Debug, Default)]
pub struct Compiler(CompilerKind);

#[derive(Clone, Debug, Default)]
enum CompilerKind {
    #[default]
    InProcess,
    Child(Program),
}

/// An executable whose `main` calls [`Compiler::child_main`].
#[derive(Clone, Debug)]
struct Program(PathBuf);

impl Compiler {
    /// Compiles on a thread of this process.
    ///
    /// After the timeout of [`LoadLimits`], a load fails, but its thread continues. Memory is not
    /// limited. Use it only for components that are trusted not to attack the compiler.
    pub fn in_process() -> Self {
        Self(CompilerKind::InProcess)
    }

    /// Compiles in a child process, one per component.
    ///
    /// The program's `main` must call [`Compiler::child_main`] first, and must be built with the
    /// same version of this library. `/proc/self/exe` is the running program.
    pub fn child(program: impl Into<PathBuf>) -> Self {
        Self(CompilerKind::Child(Program(program.into())))
    }

    /// Compiles the component on the standard input, if a host started this process with
    /// [`Compiler::child`]. Returns the exit code of the process.
    ///
    /// First limits time, memory and system calls of the process, permanently. Call it before the
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
        args::ChildArgs::parse(std::env::args_os().skip(1)).map(|args| child::compile_stdin(&args))
    }

    /// Returns the number of concurrent compilations. Child processes share the processors fairly.
    /// In this process, compilation must leave processors for tasks.
    pub(crate) fn concurrency(&self) -> usize {
        match self.0 {
            CompilerKind::InProcess => 2,
            CompilerKind::Child(_) => 8,
        }
    }

    /// Returns the time after which a load fails although its compilation continues.
    pub(crate) fn deadline(&self, limits: &LoadLimits) -> Option<Duration> {
        matches!(self.0, CompilerKind::InProcess).then_some(limits.timeout)
    }

    /// Compiles a component to machine code. Blocks the thread. Kills a child process once the job
    /// is abandoned.
    pub(crate) fn compile(&self, engine: &Engine, component: &[u8], job: &Job) -> Result<Vec<u8>, LoadError> {
        match &self.0 {
            CompilerKind::InProcess => {
                let compiled = pool::install(pool::threads_within(u64::MAX), || engine.precompile_component(component));
                compiled.map_err(|error| LoadError::Host(error.into()))?.map_err(of_engine)
            }
            CompilerKind::Child(program) => process::compile(program, component, job),
        }
    }
}
