//! Finds the registry's program on the machine, or installs it from Debian's package without root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::Registry;
use crate::cache::Cache;
use crate::failure::{Failure, OrFailure};

const SYSTEM_PROGRAM: &str = "/usr/bin/docker-registry";
const PACKAGE: &str = "docker-registry";

/// Returns the path of the program, and installs it first if necessary. A failure is cached, so
/// that tests without a network do not all retry.
pub(super) fn program() -> Result<PathBuf, Failure> {
    static PROGRAM: OnceLock<Result<PathBuf, Failure>> = OnceLock::new();
    PROGRAM.get_or_init(find_or_install).clone()
}

fn find_or_install() -> Result<PathBuf, Failure> {
    if is_registry(Path::new(SYSTEM_PROGRAM)) {
        return Ok(SYSTEM_PROGRAM.into());
    }
    let from = format!("{PACKAGE} {} of Debian", Registry::VERSION);
    let label = format!("{from} (5 MB)");
    let folder = Cache::for_user()?.get_or_install(PACKAGE, &from, &label, install)?;
    Ok(program_in(&folder))
}

fn install(folder: &Path) -> Result<(), Failure> {
    let next = "on Debian 12, run 'apt-get update' with a connection to the network, or install 'docker-registry'";
    // apt verifies the package against the archive's signature.
    run(Command::new("apt-get").args(["download", PACKAGE]).current_dir(folder))
        .map_err(|failure| failure.or_next(next).absent())?;
    let files = folder.read_dir().or_failure("list the fetched files")?.flatten().map(|entry| entry.path());
    let package = files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let package = package.ok_or_else(|| Failure::new("apt-get fetched no package").or_next(next).absent())?;
    run(Command::new("dpkg").arg("-x").arg(&package).arg(folder.join("root"))).map_err(Failure::absent)?;
    fs::remove_file(&package).or_failure("remove the fetched package")?;
    if is_registry(&program_in(folder)) {
        return Ok(());
    }
    Err(Failure::new(format!("Debian's {PACKAGE} is not version {}", Registry::VERSION)).or_next(next).absent())
}

fn program_in(folder: &Path) -> PathBuf {
    folder.join("root").join(SYSTEM_PROGRAM.trim_start_matches('/'))
}

/// Returns true if the program is a registry of the expected version.
fn is_registry(program: &Path) -> bool {
    let version = format!(" {}.", Registry::VERSION);
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&version))
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().or_failure(format!("run '{program}'"))?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{program}: {}: {}", output.status, errors.trim())))
}
