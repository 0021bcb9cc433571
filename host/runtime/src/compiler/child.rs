//! The compiler process.

use std::io::{self, Read, Write};
use std::panic::catch_unwind;
use std::process::ExitCode;

use wasmtime::Engine;

use super::args::ChildArgs;
use super::{pool, sandbox};
use crate::engine;
use crate::limits::is_os_error;
use crate::load_error::{LoadError, of_engine};

/// The exit code of a compiler process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The machine code is on the standard output.
    Compiled,
    /// The component is not valid. The error is on the standard error.
    Invalid,
    /// The component exceeds the engine's pool. The error is on the standard error.
    Limits,
    /// The process lacks memory or another resource.
    Memory,
    /// The process could not be limited, or an I/O error occurred.
    Host,
}

impl Exit {
    const ALL: [(Self, u8); 5] =
        [(Self::Compiled, 0), (Self::Invalid, 10), (Self::Limits, 11), (Self::Memory, 12), (Self::Host, 13)];

    pub(super) fn of_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| i32::from(*known) == code).map(|(exit, _)| exit)
    }

    fn code(self) -> ExitCode {
        let code = Self::ALL.into_iter().find(|(exit, _)| *exit == self);
        ExitCode::from(code.map_or(1, |(_, code)| code))
    }
}

/// Compiles the component on the standard input, and writes machine code to the standard output.
///
/// First limits the process, permanently. Call it before the process has a second thread.
pub(super) fn compile_stdin(args: &ChildArgs) -> ExitCode {
    let threads = pool::threads_within(args.limits.memory);
    let end = match sandbox::enter(args) {
        Ok(()) => {
            catch_unwind(|| compile(threads)).unwrap_or_else(|_| (Exit::Host, "the compiler panicked".to_owned()))
        }
        Err(error) => (Exit::Host, format!("cannot limit the compiler process: {error}")),
    };
    let (exit, message) = end;
    // If this fails, the host has only the exit code.
    let _ = io::stderr().write_all(message.as_bytes());
    exit.code()
}

/// Creates an engine that compiles, and reserves no memory for execution.
fn compiling_engine() -> wasmtime::Result<Engine> {
    Engine::new(&engine::configured())
}

fn compile(threads: usize) -> (Exit, String) {
    let mut component = Vec::new();
    if let Err(error) = io::stdin().lock().read_to_end(&mut component) {
        return (Exit::Host, format!("cannot read the component: {error}"));
    }
    let compile = || compiling_engine().and_then(|engine| engine.precompile_component(&component));
    let compiled = match pool::install(threads, compile) {
        Ok(compiled) => compiled,
        Err(error) => return (Exit::Memory, format!("cannot start threads: {error}")),
    };
    match compiled {
        Ok(code) => match io::stdout().lock().write_all(&code) {
            Ok(()) => (Exit::Compiled, String::new()),
            // The output is a memory file, so the limit on its size is the limit on memory.
            Err(error) => (Exit::Memory, error.to_string()),
        },
        Err(error) if is_os_error(&error) => (Exit::Memory, format!("{error:#}")),
        Err(error) => {
            let message = format!("{error:#}");
            (if matches!(of_engine(error), LoadError::Limits(_)) { Exit::Limits } else { Exit::Invalid }, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;
    use crate::engine::{PoolSize, engine};

    #[test]
    fn compiled_code_is_compatible_with_pools() {
        let hash = |engine: Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let pool = engine(PoolSize { tasks: 3, memory: 1 << 30 }).unwrap();
        assert_eq!(hash(pool), hash(compiling_engine().unwrap()));
    }
}
