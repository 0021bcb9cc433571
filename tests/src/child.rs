//! The compiling process of tests: a program of this package that compiles what it is given.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use far_runtime::{Compiler, LoadLimits, compile_stdin};

/// The first argument of a compiling process.
const COMPILE: &str = "compile-stdin";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the program whose `main` calls [`compile`]; the first name stands.
pub fn set_program(program: impl Into<PathBuf>) {
    let _ = PROGRAM.set(program.into());
}

/// The compiler that starts the program.
pub fn compiler() -> Compiler {
    let program = PROGRAM.get().cloned().unwrap_or_default();
    Compiler::child(program, [OsString::from(COMPILE)])
}

/// Compiles, if that is what this process was started for. Must come first in `main`.
pub fn compile() -> Option<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [COMPILE, timeout, memory] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else { return None };
    let timeout = Duration::from_millis(timeout.parse().ok()?);
    Some(compile_stdin(&LoadLimits { timeout, memory: memory.parse().ok()? }))
}
