//! `cargo xtask bench`: measures the cost of the host against raw wasmtime in the same run.
//!
//! `bench/` contains the measurements. This command builds and runs them and shows the rows. A
//! missed target fails the command only after all measurements.

mod python;
mod table;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde_json::Value;

use self::table::{not_measured, table};
use crate::artifacts;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::proof;
use crate::repository::{self, Repository};
use crate::setup;

const COMMAND: &str = "cargo xtask bench";
/// The number of rounds of each measurement; odd, for an unambiguous median.
const ROUNDS: u32 = 31;
const QUICK_ROUNDS: u32 = 7;

/// Runs all measurements.
///
/// # Errors
///
/// Fails if a target is missed.
pub(crate) fn run(repository: &Repository, json: Option<&Path>, quick: bool) -> Result<(), Failure> {
    setup::run(repository)?;
    let [program, wiping] = artifacts::bench(repository)?;
    let meter = artifacts::meter(repository)?;
    let folder = repository.target.join("bench");
    let artifacts = folder.join("artifacts");
    recreate(&folder, &artifacts).or_failure("create the folder for compiled components")?;
    let rounds = if quick { QUICK_ROUNDS } else { ROUNDS }.to_string();
    let measure = |name: &str| Invocation::new(&program).arg(name).arg(&rounds);
    let cold = |name: &str| measure(name).arg(&artifacts);

    let mut rows = measured("P1", &measure("check"), repository);
    rows.extend(measured("P2", &measure("get").arg(&meter), repository));
    rows.extend(measured("P3", &measure("warm-task").arg(&meter), repository));
    rows.extend(measured("P3", &measure("allocator").arg(&meter).arg(&wiping), repository));
    rows.extend(measured("P5", &cold("cold-start").arg(&meter), repository));
    rows.extend(match python::skill(repository, &folder) {
        Ok(skill) => measured("P5", &cold("cold-start-large").arg(skill), repository),
        Err(failure) => vec![not_measured("P5", &failure)],
    });
    conclude(repository, json, &rows)
}

/// Creates an empty folder for compiled components. The folder and its parent are owner-only.
fn recreate(folder: &Path, artifacts: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    match std::fs::remove_dir_all(artifacts) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => DirBuilder::new().mode(0o700).create(artifacts),
    }
}

/// Returns the rows that a measurement prints, or one row with the failure.
fn measured(id: &str, measurement: &Invocation, repository: &Repository) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    let status = measurement.for_each_line(&repository.root, |line| rows.extend(serde_json::from_str::<Value>(line)));
    match status.and_then(|status| measurement.succeeded(status)) {
        Ok(()) if rows.is_empty() => vec![not_measured(id, &Failure::new("the measurement printed no rows"))],
        Ok(()) => rows,
        Err(failure) => vec![not_measured(id, &failure)],
    }
}

fn conclude(repository: &Repository, json: Option<&Path>, rows: &[Value]) -> Result<(), Failure> {
    let (commit, machine) = (repository.commit(), repository::machine());
    println!("\n{COMMAND}, at {commit}\n{machine}\n\n{}", table(rows));
    let missed: Vec<_> = rows.iter().filter(|row| row["ok"] != true).map(table::name).collect();
    let conclusion = match missed.as_slice() {
        [] => Ok(()),
        missed => Err(Failure::new(format!("{COMMAND}: {} targets missed: {}", missed.len(), missed.join("; ")))),
    };
    if let Some(path) = json {
        proof::write(path, &proof::document(COMMAND, conclusion.is_ok(), rows, (&commit, &machine)))?;
    }
    conclusion
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn repository() -> Repository {
        Repository { root: ".".into(), target: "target".into() }
    }

    fn rows_of(script: &str) -> Vec<Value> {
        measured("P0", &Invocation::new("sh").arg("-c").arg(script), &repository())
    }

    #[test]
    fn failed_or_silent_measurement_is_a_missed_row() {
        for script in ["exit 1", "true", "echo '{\"id\":\"P0\",\"ok\":true}'; exit 1"] {
            let rows = rows_of(script);
            assert_eq!((rows.len(), &rows[0]["ok"], &rows[0]["id"]), (1, &json!(false), &json!("P0")), "{script}");
        }
        assert_eq!(rows_of("echo '{\"id\":\"P0\",\"ok\":true}'"), [json!({ "id": "P0", "ok": true })]);
    }

    #[test]
    fn missed_target_fails_and_is_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let row = |ok| json!({ "id": "P0", "what": "a test", "ok": ok });
        let conclude = |rows: Vec<Value>| super::conclude(&repository(), Some(file.path()), &rows);
        assert!(conclude(vec![row(true), row(true)]).is_ok());
        let failure = conclude(vec![row(true), row(false)]).unwrap_err();
        assert_eq!(failure.message(), "cargo xtask bench: 1 targets missed: P0 a test");
        let document: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        assert_eq!((&document["ok"], &document["rows"][1]["ok"]), (&json!(false), &json!(false)));
        assert!(conclude(vec![json!({ "id": "P0" })]).is_err(), "a row without 'ok' is missed");
    }
}
