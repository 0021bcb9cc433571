//! The cost of the host as ratios to raw wasmtime. `cargo xtask bench` builds and runs this
//! program.
//!
//! Each measurement is a separate process, in which the host and its floor take turns. It prints a
//! line of JSON for each row, even if the target is missed. It fails only if it has no rows.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

mod check;
mod cold_start;
mod floor;
mod get;
mod host;
mod meter;
mod rounds;
mod row;
mod warm_task;

use std::path::Path;
use std::process::ExitCode;

use self::cold_start::Skill;
use self::meter::meter;
use self::row::Row;

/// An error that is printed and never matched.
type Error = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: far-bench check ROUNDS
       far-bench get ROUNDS METER
       far-bench warm-task ROUNDS METER
       far-bench warm-task-once METER
       far-bench allocator ROUNDS METER WIPING-PROGRAM
       far-bench cold-start ROUNDS FOLDER METER
       far-bench cold-start-large ROUNDS FOLDER COMPONENT";

/// Runs a measurement. The two programs differ only in their allocators.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match measure(&args) {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &[&str]) -> Result<Vec<String>, Error> {
    let rows = match *args {
        ["warm-task-once", component] => return Ok(vec![warm_task::once(&std::fs::read(component)?)?.to_string()]),
        ["check", rounds] => check::rows(rounds.parse()?),
        ["get", rounds, component] => get::rows(rounds.parse()?, &std::fs::read(component)?),
        ["warm-task", rounds, component] => warm_task::rows(rounds.parse()?, &std::fs::read(component)?),
        ["allocator", rounds, component, wiping] => {
            warm_task::allocator_rows(rounds.parse()?, Path::new(component), Path::new(wiping))
        }
        ["cold-start", rounds, folder, component] => {
            let (input, output) = meter(1, true);
            let (path, name) = (Path::new(component), "a Rust skill");
            let skill = Skill { path, name, input, output, granted: true, max: 2e6 };
            cold_start::rows(rounds.parse()?, Path::new(folder), &skill)
        }
        ["cold-start-large", rounds, folder, component] => {
            let (path, name) = (Path::new(component), "a Python skill");
            let (input, output) = ("\"echo\"".to_owned(), "\"echo\"".to_owned());
            let skill = Skill { path, name, input, output, granted: false, max: 30e6 };
            cold_start::rows(rounds.parse()?, Path::new(folder), &skill)
        }
        _ => Err(USAGE.into()),
    };
    Ok(rows?.iter().map(Row::json).map(|row| row.to_string()).collect())
}

/// Builds a multi-threaded runtime, as agents use.
fn tokio() -> Result<tokio::runtime::Runtime, Error> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_time().build()?)
}
