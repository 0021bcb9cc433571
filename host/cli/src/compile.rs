//! The compiling process: `far` starts itself anew for each component, without a secret and without
//! a way to one. Not a command for people.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use far_runtime::{Compiler, LoadLimits, compile_stdin};

/// The first argument of a compiling process.
const COMPILE: &str = "compile-stdin";

/// The compiler of a `far` that runs tasks. The kernel resolves the link to this very program, even
/// if its file was replaced meanwhile.
pub(crate) fn compiler() -> Compiler {
    Compiler::child("/proc/self/exe", [OsString::from(COMPILE)])
}

/// Compiles, if that is what this process was started for.
pub(crate) fn run() -> Option<ExitCode> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [command, timeout, memory] = &arguments[..] else { return None };
    if command != COMPILE {
        return None;
    }
    let timeout = Duration::from_millis(timeout.to_str()?.parse().ok()?);
    Some(compile_stdin(&LoadLimits { timeout, memory: memory.to_str()?.parse().ok()? }))
}
