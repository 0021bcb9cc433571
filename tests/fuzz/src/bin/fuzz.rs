//! Runs fuzz targets over the committed corpus and mutations of it, for `cargo xtask fuzz`. Prints
//! a line of JSON for each target.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use far_fuzz::driver::{self, Run};
use far_fuzz::loading;
use far_fuzz::{TARGETS, Target};
use far_runtime::Compiler;
use peak_alloc::PeakAlloc;

/// Counts memory, to find the components that need the most.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const USAGE: &str = "usage: fuzz --list
       fuzz --load SECONDS SEED          loads components of every shape
       fuzz TARGET FOLDER SECONDS SEED   FOLDER is 'fuzz' in the repository
       fuzz TARGET FILE                  runs one input
       fuzz --recover TARGET FOLDER      prints the file of the input that ended the last run";

fn main() -> ExitCode {
    if let Some(code) = Compiler::child_main() {
        return code;
    }
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--load", seconds, seed] => match (seconds.parse(), seed.parse()) {
            (Ok(seconds), Ok(seed)) => println!("{}", loading::run(Duration::from_secs(seconds), seed)),
            _ => return usage("expected a number of seconds and a seed"),
        },
        ["--list"] => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        ["--recover", name, folder] => match driver::recover(&artifacts(folder.as_ref(), name)) {
            Ok(found) => found.iter().for_each(|path| println!("{}", path.display())),
            Err(error) => return usage(&format!("cannot read the last input of '{name}': {error}")),
        },
        [name, file] => match (find(name), std::fs::read(file)) {
            (Some(target), Ok(input)) => (target.run)(&input),
            (Some(_), Err(error)) => return usage(&format!("cannot read '{file}': {error}")),
            (None, _) => return usage(&format!("unknown target '{name}'")),
        },
        [name, folder, seconds, seed] => match (find(name), seconds.parse(), seed.parse()) {
            (Some(target), Ok(seconds), Ok(seed)) => return fuzz(target, folder.as_ref(), seconds, seed),
            _ => return usage("expected a target, a folder, a number of seconds and a seed"),
        },
        _ => return usage("unknown arguments"),
    }
    ExitCode::SUCCESS
}

fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

fn fuzz(target: &'static Target, folder: &Path, seconds: u64, seed: u64) -> ExitCode {
    let run = Run {
        target,
        corpus: folder.join("corpus").join(target.name),
        artifacts: artifacts(folder, target.name),
        time: Duration::from_secs(seconds),
        seed,
        reset_peak: || ALLOCATOR.reset_peak_usage(),
        peak: || ALLOCATOR.peak_usage(),
    };
    match driver::run(&run) {
        Ok(report) => {
            println!("{}", report.to_json());
            if report.found.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => usage(&format!("cannot fuzz '{}': {error}", PathBuf::from(folder).display())),
    }
}

fn artifacts(folder: &Path, target: &str) -> PathBuf {
    folder.join("artifacts").join(target)
}

fn usage(what: &str) -> ExitCode {
    eprintln!("error: {what}\n{USAGE}");
    ExitCode::from(2)
}
