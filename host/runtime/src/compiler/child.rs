//! The compiling process.

use std::io::{self, Read, Write};
use std::panic::catch_unwind;
use std::process::ExitCode;

use wasmtime::Engine;

use super::order::Order;
use super::{pool, sandbox};
use crate::engine;
use crate::limits::is_the_machines;
use crate::load_error::{LoadError, of_engine};

/// How a compiling process ends, if it does so by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The machine code is on the standard output.
    Compiled,
    /// The component is not valid; why is on the standard error.
    Invalid,
    /// The component has more than the engine's pool; what, on the standard error.
    Limits,
    /// Memory, or something else of the machine's, is lacking.
    Memory,
    /// The process could not be bounded, or could not read or write.
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
/// Bounds the process first, for good. Must be called before the process has a second thread.
pub(super) fn compile_stdin(order: &Order) -> ExitCode {
    let threads = pool::threads_within(order.limits.memory);
    let end = match sandbox::enter(order) {
        Ok(()) => {
            catch_unwind(|| compile(threads)).unwrap_or_else(|_| (Exit::Host, "the compiler panicked".to_owned()))
        }
        Err(error) => (Exit::Host, format!("it could not be bounded: {error}")),
    };
    let (exit, message) = end;
    // Nobody is told more than the exit code if this fails.
    let _ = io::stderr().write_all(message.as_bytes());
    exit.code()
}

/// An engine that compiles, and reserves nothing to run.
fn compiling_engine() -> wasmtime::Result<Engine> {
    Engine::new(&engine::configured())
}

fn compile(threads: usize) -> (Exit, String) {
    let mut component = Vec::new();
    if let Err(error) = io::stdin().lock().read_to_end(&mut component) {
        return (Exit::Host, format!("it could not read the component: {error}"));
    }
    let compile = || compiling_engine().and_then(|engine| engine.precompile_component(&component));
    let compiled = match pool::install(threads, compile) {
        Ok(compiled) => compiled,
        Err(error) => return (Exit::Memory, format!("it could not start its threads: {error}")),
    };
    match compiled {
        Ok(code) => match io::stdout().lock().write_all(&code) {
            Ok(()) => (Exit::Compiled, String::new()),
            // A file of its own, in memory: the limit on its size is the limit on memory.
            Err(error) => (Exit::Memory, error.to_string()),
        },
        Err(error) if is_the_machines(&error) => (Exit::Memory, format!("{error:#}")),
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
    fn compiled_code_fits_every_pool() {
        let hash = |engine: Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let pool = engine(PoolSize { tasks: 3, memory: 1 << 30 }).unwrap();
        assert_eq!(hash(pool), hash(compiling_engine().unwrap()));
    }
}
