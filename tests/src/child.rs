//! The compiling process of tests: a program of this package that compiles what it is given.

use std::path::PathBuf;
use std::sync::OnceLock;

use far_runtime::Compiler;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the program whose `main` calls [`Compiler::child_main`]; the first name stands.
pub fn set_program(program: impl Into<PathBuf>) {
    let _ = PROGRAM.set(program.into());
}

/// The compiler that starts the program.
pub fn compiler() -> Compiler {
    Compiler::child(PROGRAM.get().cloned().unwrap_or_default())
}
