//! `cargo xtask fuzz`: runs the fuzz targets on stable Rust, or with coverage by cargo-fuzz.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::artifacts;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// The target for components of all shapes.
const SHAPES: &str = "component_shapes";
/// A run without a corpus, in which a host loads components of all shapes.
const LOADING: &str = "loading";
/// The folder of the corpus, the artifacts and the libFuzzer binaries.
const FOLDER: &str = "fuzz";

/// The choice of targets, time and seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    /// One target or `loading`; `None` for all targets.
    pub(crate) target: Option<&'a str>,
    /// The time of each target, in seconds.
    pub(crate) seconds: u64,
    /// The seed of mutations; `None` for a random one.
    pub(crate) seed: Option<u64>,
}

/// Runs targets, and reports inputs that violate a property.
pub(crate) fn run(repository: &Repository, options: Options<'_>) -> Result<(), Failure> {
    let program = artifacts::fuzz(repository)?;
    if options.target == Some(LOADING) {
        return load(repository, &program, options.seconds, seed(options.seed)?);
    }
    let targets = targets(repository, &program, options.target)?;
    let all = targets.iter().map(|target| (target.as_str(), options.seconds)).collect::<Vec<_>>();
    fuzz(repository, &program, &all, seed(options.seed)?)
}

/// Runs every target for a few seconds, and component shapes for longer.
pub(crate) fn smoke(repository: &Repository) -> Result<(), Failure> {
    let program = artifacts::fuzz(repository)?;
    let targets = targets(repository, &program, None)?;
    let all = targets.iter().map(|target| (target.as_str(), if target == SHAPES { 15 } else { 3 }));
    let seed = seed(None)?;
    fuzz(repository, &program, &all.collect::<Vec<_>>(), seed)?;
    load(repository, &program, 30, seed)
}

/// Loads components of all shapes, and prints the results.
fn load(repository: &Repository, program: &Path, seconds: u64, seed: u64) -> Result<(), Failure> {
    println!("seed {seed}; to repeat: cargo xtask fuzz {LOADING} --seed {seed}");
    let load = Invocation::new(program).arg("--load").arg(seconds.to_string()).arg(seed.to_string());
    let mut output = String::new();
    let status = load.for_each_line(&repository.root, |line| output.push_str(line))?;
    println!("{output}");
    load.succeeded(status)
}

/// Runs one input.
pub(crate) fn reproduce(repository: &Repository, target: &str, input: &Path) -> Result<(), Failure> {
    let program = artifacts::fuzz(repository)?;
    Invocation::new(program).arg(target).arg(input).run(&repository.root)
}

/// Runs a target with libFuzzer, which searches for inputs that reach new code.
pub(crate) fn coverage(repository: &Repository, options: Options<'_>) -> Result<(), Failure> {
    if Invocation::cargo("fuzz --version").stdout(&repository.root).is_none() {
        return Err(Failure::new("cargo-fuzz is not installed").or_next("cargo install --locked cargo-fuzz"));
    }
    let Some(target) = options.target else {
        return Err(Failure::new("'--coverage' requires a target").or_next("name a target"));
    };
    let target_folder = repository.target.join("fuzz");
    // Lets a stable compiler accept the options for instrumentation.
    let build = Invocation::cargo("fuzz run --sanitizer none --fuzz-dir")
        .arg(FOLDER)
        .arg("--target-dir")
        .arg(&target_folder)
        .env("RUSTC_BOOTSTRAP", "1");
    let host = ["far_toml", "task_files", "placeholders", "responses"];
    let build = if host.contains(&target) { build.words("--features host") } else { build };
    // libFuzzer writes to the first folder only, so the committed corpus does not change.
    let found = target_folder.join("corpus").join(target);
    fs::create_dir_all(&found).or_failure("create the folder for inputs")?;
    let committed = Path::new(FOLDER).join("corpus").join(target);
    let build = build.arg(target).arg(found).arg(committed).arg("--");
    let build = build.arg(format!("-max_total_time={}", options.seconds));
    match options.seed {
        // libFuzzer's seeds have 32 bits.
        Some(seed) => build.arg(format!("-seed={}", seed & 0xffff_ffff)).run(&repository.root),
        None => build.run(&repository.root),
    }
}

/// The driver's report of one target.
#[derive(Deserialize)]
struct Report {
    target: String,
    executions: u64,
    seconds: f64,
    slowest: Cost,
    largest: Cost,
    found: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Cost {
    ms: f64,
    kib: u64,
    #[serde(rename = "what")]
    input: String,
}

impl Report {
    fn row(&self) -> String {
        let Self { target, executions, seconds, slowest, largest, .. } = self;
        let slowest = format!("{:.1} ms ({})", slowest.ms, slowest.input);
        let largest = format!("{} KiB ({})", largest.kib, largest.input);
        format!("{target:17} {executions:>9} {seconds:>6.0} s  slowest {slowest}, largest {largest}\n")
    }
}

fn fuzz(repository: &Repository, program: &Path, targets: &[(&str, u64)], seed: u64) -> Result<(), Failure> {
    println!("seed {seed}; to repeat: cargo xtask fuzz --seed {seed}");
    let mut table = String::new();
    let mut found = Vec::new();
    for (target, seconds) in targets {
        let fuzz = Invocation::new(program).arg(target).arg(FOLDER).arg(seconds.to_string()).arg(seed.to_string());
        let mut output = String::new();
        let status = fuzz.for_each_line(&repository.root, |line| output.push_str(line))?;
        let report: Option<Report> = serde_json::from_str(&output).ok();
        table.extend(report.as_ref().map(Report::row));
        match (status.success(), report) {
            (true, Some(_)) => {}
            (_, Some(Report { found: Some(input), slowest, .. })) => {
                println!("{target}: {}", slowest.input);
                found.push((*target, input));
            }
            // The driver aborted, was killed or hung. It wrote its current input before.
            _ => found.push((*target, recover(repository, program, target)?)),
        }
    }
    println!("\n{table}");
    for (target, input) in &found {
        println!("{target}: {} violates a property; to reproduce:", input.display());
        println!("  cargo xtask fuzz {target} --input {}", input.display());
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{} of {} targets violated a property", found.len(), targets.len())))
}

fn recover(repository: &Repository, program: &Path, target: &str) -> Result<PathBuf, Failure> {
    let recover = Invocation::new(program).arg("--recover").arg(target).arg(FOLDER);
    let input = recover.stdout(&repository.root).filter(|path| !path.is_empty());
    input.map(PathBuf::from).ok_or_else(|| Failure::new(format!("the driver of '{target}' wrote no report")))
}

fn targets(repository: &Repository, program: &Path, one: Option<&str>) -> Result<Vec<String>, Failure> {
    let listed = Invocation::new(program).arg("--list").stdout(&repository.root);
    let all: Vec<_> = listed.unwrap_or_default().lines().map(str::to_owned).collect();
    match one {
        None => Ok(all),
        Some(one) if all.iter().any(|target| target == one) => Ok(vec![one.to_owned()]),
        Some(one) => {
            Err(Failure::new(format!("unknown fuzz target '{one}'")).or_next(format!("targets: {}", all.join(", "))))
        }
    }
}

fn seed(given: Option<u64>) -> Result<u64, Failure> {
    match given {
        Some(seed) => Ok(seed),
        // Short enough to type.
        None => getrandom::u32().map(u64::from).or_failure("generate a seed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_binary_and_a_corpus() {
        let repository = Repository::find().unwrap();
        let folder = repository.root.join(FOLDER);
        let names = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(folder.join("fuzz_targets")), names(folder.join("corpus")));
        for target in names(folder.join("corpus")) {
            assert!(!names(folder.join("corpus").join(&target)).is_empty(), "{target:?}");
        }
    }

    #[test]
    fn report_row_names_extremes() {
        let line = r#"{"target":"names","seed":7,"executions":12,"seconds":3.0,"found":null,
            "slowest":{"ms":1.25,"kib":1,"what":"3 bytes"},"largest":{"ms":1.0,"kib":9,"what":"4 bytes"}}"#;
        let report: Report = serde_json::from_str(line).unwrap();
        let row = "names                    12      3 s  slowest 1.2 ms (3 bytes), largest 9 KiB (4 bytes)\n";
        assert_eq!(report.row(), row);
    }
}
