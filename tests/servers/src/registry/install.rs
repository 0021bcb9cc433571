//! The registry's program: the machine's, or out of Debian's package, for which nobody has to be root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::Registry;
use crate::cache::Cache;
use crate::failure::{Failure, OrFailure};

const OF_THE_MACHINE: &str = "/usr/bin/docker-registry";
const PACKAGE: &str = "docker-registry";

/// Where the program is; it is installed if it is not there. A failure is final: without a network, every test would try again.
pub(super) fn program() -> Result<PathBuf, Failure> {
    static PROGRAM: OnceLock<Result<PathBuf, Failure>> = OnceLock::new();
    PROGRAM.get_or_init(installed).clone()
}

fn installed() -> Result<PathBuf, Failure> {
    if is_it(Path::new(OF_THE_MACHINE)) {
        return Ok(OF_THE_MACHINE.into());
    }
    let from = format!("{PACKAGE} {} of Debian", Registry::VERSION);
    let what = format!("{from} (5 MB)");
    let folder = Cache::of_user()?.installed(PACKAGE, &from, &what, install)?;
    Ok(program_in(&folder))
}

fn install(folder: &Path) -> Result<(), Failure> {
    let next = "on Debian 12, run 'apt-get update' with a connection to the network, or install 'docker-registry'";
    // What it fetches is checked against the archive's signature.
    run(Command::new("apt-get").args(["download", PACKAGE]).current_dir(folder))
        .map_err(|failure| failure.or_next(next).absent())?;
    let files = folder.read_dir().or_failure("look for what was fetched")?.flatten().map(|entry| entry.path());
    let package = files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let package = package.ok_or_else(|| Failure::new("apt-get fetched no package").or_next(next).absent())?;
    run(Command::new("dpkg").arg("-x").arg(&package).arg(folder.join("root"))).map_err(Failure::absent)?;
    fs::remove_file(&package).or_failure("remove what was fetched")?;
    if is_it(&program_in(folder)) {
        return Ok(());
    }
    Err(Failure::new(format!("Debian's {PACKAGE} is not of version {}", Registry::VERSION)).or_next(next).absent())
}

fn program_in(folder: &Path) -> PathBuf {
    folder.join("root").join(OF_THE_MACHINE.trim_start_matches('/'))
}

/// Whether this is a registry of the version that tests are for.
fn is_it(program: &Path) -> bool {
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
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{program}: {}: {}", output.status, said.trim())))
}
