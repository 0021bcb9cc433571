//! `cargo xtask verify residue`: searches the memory of a process for secrets after every end of a
//! task.
//!
//! The program `residue` of far-tests runs the checks and reports their results. If the user is
//! root, it runs a second time as an unprivileged user.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::artifacts::{Profile, SearchPrograms};
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

/// The expected result of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// No remains of secrets.
    Clean,
    /// Remains of secrets, because freed memory is not overwritten.
    Residue,
}

/// The id of the user `nobody` on Linux.
const NOBODY: &str = "65534";
/// The check of freed memory alone.
const FREED_HEAP: &str = "freed-heap";

/// Runs the suite.
///
/// # Errors
///
/// Fails if a result differs from the expected one.
pub(crate) fn run(
    repository: &Repository,
    json: Option<&Path>,
    expected: Expectation,
    profile: Profile,
) -> Result<(), Failure> {
    let shown = checks(repository, expected, profile);
    let rows = shown.as_ref().map_or_else(|failure| vec![Row::failed("residue", failure)], Vec::clone);
    let command = match expected {
        Expectation::Clean => "cargo xtask verify residue",
        Expectation::Residue => "cargo xtask verify residue --mutate",
    };
    let proof = Proof { command, rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    shown?;
    println!("\n{}", proof.table());
    proof.conclude()
}

fn checks(repository: &Repository, expected: Expectation, profile: Profile) -> Result<Vec<Row>, Failure> {
    setup::run(repository)?;
    let workdir = WorkDir::create(&SearchPrograms::build(repository, profile)?, repository)?;
    if expected == Expectation::Residue {
        let rows = workdir.search(&["--allocator", "system"], "")?;
        return mutated(rows);
    }
    let far = workdir.far.display().to_string();
    let mut rows = workdir.search(&["--far", &far], "")?;
    if fs::metadata("/proc/self").or_failure("determine the current user")?.uid() == 0 {
        rows.extend(workdir.search(&["--far", &far, "--user", NOBODY], "nobody: ")?);
    }
    Ok(rows)
}

/// Inverts the checks for a run that does not overwrite freed memory. The check of freed memory
/// must fail, and so must most checks of ends of tasks. A check may pass by chance, if a later
/// allocation has overwritten the block.
fn mutated(rows: Vec<Row>) -> Result<Vec<Row>, Failure> {
    let hits = |row: &Row| row.extra.get("hits").and_then(Value::as_u64).filter(|_| !row.ok).unwrap_or_default();
    let through_heap = |row: &Row| row.extra.get("through_freed_heap") == Some(&Value::Bool(true));
    let (freed, ends): (Vec<_>, Vec<_>) = rows.into_iter().filter(through_heap).partition(|row| row.id == FREED_HEAP);
    let freed =
        freed.into_iter().next().ok_or_else(|| Failure::new(format!("the report has no check '{FREED_HEAP}'")))?;
    let noticed = ends.iter().filter(|row| hits(row) > 0).count();
    let ok = noticed * 2 > ends.len();
    let extra = ends.iter().map(|row| (row.id.to_string(), hits(row).into())).collect();
    Ok(vec![
        Row { ok: hits(&freed) > 0, expected: "hits".to_owned(), ..freed },
        Row { ok, extra, ..Row::equal("ends", "hits after most", format!("hits after {noticed} of {}", ends.len())) },
    ])
}

/// A temporary folder with the programs and components, readable by every user.
struct WorkDir {
    folder: tempfile::TempDir,
    residue: PathBuf,
    far: PathBuf,
    component: PathBuf,
    sender: PathBuf,
}

impl WorkDir {
    fn create(programs: &SearchPrograms, repository: &Repository) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().or_failure("create a temporary folder")?;
        let readable = Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), readable).or_failure("make the temporary folder readable")?;
        let copy = |from: &Path| {
            let to = folder.path().join(from.file_name().unwrap_or_default());
            fs::copy(from, &to).or_failure(format!("copy {}", from.display()))?;
            Ok(to)
        };
        let (residue, far) = (copy(&programs.residue)?, copy(&programs.far)?);
        let guests = repository.guests().join("wasm32-wasip2/debug/examples");
        let (component, sender) = (copy(&guests.join("probe_revealing.wasm"))?, copy(&guests.join("sender.wasm"))?);
        Ok(Self { residue, far, component, sender, folder })
    }

    /// Runs the program and parses its report.
    fn search(&self, args: &[&str], prefix: &str) -> Result<Vec<Row>, Failure> {
        let mut search = Invocation::new(&self.residue).arg("--component").arg(&self.component);
        search = search.arg("--sender").arg(&self.sender);
        for arg in args {
            search = search.arg(arg);
        }
        let mut rows = Vec::new();
        let status = search.for_each_line(self.folder.path(), |line| rows.push(row(line, prefix)))?;
        // The exit code is 0 or 1 unless the search was interrupted.
        if !matches!(status.code(), Some(0 | 1)) {
            search.succeeded(status)?;
        }
        rows.into_iter().collect()
    }
}

/// Parses a line of the report.
fn row(line: &str, prefix: &str) -> Result<Row, Failure> {
    let invalid = || Failure::new(format!("the program 'residue' printed an invalid result: {line}"));
    let mut extra: Map<String, Value> = serde_json::from_str(line).map_err(|_| invalid())?;
    let mut text = |name: &str| match extra.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(invalid()),
    };
    let (id, expected, seen) = (format!("{prefix}{}", text("id")?), text("expected")?, text("seen")?);
    let ok = extra.remove("ok").and_then(|ok| ok.as_bool()).ok_or_else(invalid)?;
    Ok(Row { id: id.into(), expected, seen, ok, extra })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        r#"{"id":"freed-heap","expected":"0 hits","seen":"2 hits","ok":false,"hits":2,"through_freed_heap":true}"#;

    #[test]
    fn incomplete_result_is_rejected() {
        let row = row(LINE, "nobody: ").unwrap();
        assert_eq!((row.id.as_ref(), row.seen.as_str(), row.ok), ("nobody: freed-heap", "2 hits", false));
        assert_eq!(row.extra.len(), 2);
        for line in ["", "text", "{}", &LINE.replace("\"ok\":false,", ""), &LINE.replace("\"2 hits\"", "2")] {
            assert!(super::row(line, "").is_err(), "{line}");
        }
    }

    #[test]
    fn unnoticed_mutation_is_a_failure() {
        let named = |id: &str| LINE.replace(FREED_HEAP, id);
        let quiet = |line: &str| line.replace("\"ok\":false", "\"ok\":true");
        let without = |line: &str| line.replace("\"hits\":2", "\"hits\":0");
        let holds = |lines: &[String]| {
            let rows = lines.iter().map(|line| row(line, "").unwrap()).collect();
            mutated(rows).map(|rows| rows.iter().all(|row| row.ok))
        };
        let (freed, one, two) = (LINE.to_owned(), named("one"), named("two"));
        assert_eq!(holds(&[freed.clone(), one.clone(), two.clone(), quiet(&named("three"))]), Ok(true));
        assert_eq!(holds(&[quiet(&freed), one.clone(), two.clone()]), Ok(false));
        assert_eq!(holds(&[without(&freed), one.clone(), two.clone()]), Ok(false), "a failure without hits");
        assert_eq!(holds(&[freed.clone(), one.clone(), quiet(&two)]), Ok(false), "exactly half of the ends");
        assert_eq!(holds(&[freed]), Ok(false), "no ends");
        assert!(holds(&[one, two]).is_err());
    }
}
