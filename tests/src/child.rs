//! The compiler process of tests: a program of this package that compiles components.

use std::path::PathBuf;
use std::sync::OnceLock;

use far_runtime::Compiler;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Sets the program whose `main` calls [`Compiler::child_main`]. Only the first call has an effect.
pub fn set_program(program: impl Into<PathBuf>) {
    let _ = PROGRAM.set(program.into());
}

/// Returns a compiler that starts the program.
pub fn compiler() -> Compiler {
    Compiler::child(PROGRAM.get().cloned().unwrap_or_default())
}
