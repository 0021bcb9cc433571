//! `cargo xtask verify residue`: what is left of a secret in a process's memory, after every end of a task.
//!
//! The program `residue` of far-tests does the work, and says of each check what was expected and seen. It runs once as it
//! is called, and once more as a user without rights if that is root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::artifacts::{Profile, Searched};
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

/// What the checks are to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing, as it should be.
    Nothing,
    /// What is left where freed memory is not overwritten.
    Residue,
}

/// A user that owns nothing, on every Linux.
const NOBODY: &str = "65534";
/// The check that is about freed memory and nothing else.
const FREED_HEAP: &str = "freed-heap";

/// Runs it, and says whether all was as expected.
pub(crate) fn run(
    repository: &Repository,
    json: Option<&Path>,
    expected: Expected,
    profile: Profile,
) -> Result<(), Failure> {
    let shown = checks(repository, expected, profile);
    let rows = shown.as_ref().map_or_else(|failure| vec![Row::failed("residue", failure)], Vec::clone);
    let command = match expected {
        Expected::Nothing => "cargo xtask verify residue",
        Expected::Residue => "cargo xtask verify residue --mutate",
    };
    let proof = Proof { command, rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    shown?;
    println!("\n{}", proof.table());
    proof.conclude()
}

fn checks(repository: &Repository, expected: Expected, profile: Profile) -> Result<Vec<Row>, Failure> {
    setup::run(repository)?;
    let workplace = Workplace::make(&Searched::build(repository, profile)?, repository)?;
    if expected == Expected::Residue {
        let rows = workplace.search(&["--allocator", "system"], "")?;
        return mutated(rows);
    }
    let far = workplace.far.display().to_string();
    let mut rows = workplace.search(&["--far", &far], "")?;
    if fs::metadata("/proc/self").or_failure("tell whether this is root")?.uid() == 0 {
        rows.extend(workplace.search(&["--far", &far, "--user", NOBODY], "nobody: ")?);
    }
    Ok(rows)
}

/// With freed memory left as it is, the check of it must fail, and most of those that come after a task's end: what the
/// next owner of a block has overwritten by then is gone, so that one or another may find nothing.
fn mutated(rows: Vec<Row>) -> Result<Vec<Row>, Failure> {
    let hits = |row: &Row| row.more.get("hits").and_then(Value::as_u64).filter(|_| !row.ok).unwrap_or_default();
    let through_heap = |row: &Row| row.more.get("through_freed_heap") == Some(&Value::Bool(true));
    let (freed, ends): (Vec<_>, Vec<_>) = rows.into_iter().filter(through_heap).partition(|row| row.id == FREED_HEAP);
    let freed = freed.into_iter().next().ok_or_else(|| Failure::new(format!("there was no check '{FREED_HEAP}'")))?;
    let noticed = ends.iter().filter(|row| hits(row) > 0).count();
    let ok = noticed * 2 > ends.len();
    let more = ends.iter().map(|row| (row.id.to_string(), hits(row).into())).collect();
    Ok(vec![
        Row { ok: hits(&freed) > 0, expected: "hits".to_owned(), ..freed },
        Row { ok, more, ..Row::equal("ends", "hits after most", format!("hits after {noticed} of {}", ends.len())) },
    ])
}

/// A temporary folder with what is run, for every user to read.
struct Workplace {
    folder: tempfile::TempDir,
    residue: PathBuf,
    far: PathBuf,
    component: PathBuf,
    sender: PathBuf,
}

impl Workplace {
    fn make(programs: &Searched, repository: &Repository) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().or_failure("make a temporary folder")?;
        let open = Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).or_failure("let others into the temporary folder")?;
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

    /// Runs the program, and reads what it reports.
    fn search(&self, args: &[&str], prefix: &str) -> Result<Vec<Row>, Failure> {
        let mut search = Invocation::new(&self.residue).arg("--component").arg(&self.component);
        search = search.arg("--sender").arg(&self.sender);
        for arg in args {
            search = search.arg(arg);
        }
        let mut rows = Vec::new();
        let status = search.for_each_line(self.folder.path(), |line| rows.push(row(line, prefix)))?;
        // Anything else than success and failure is no end of the search.
        if !matches!(status.code(), Some(0 | 1)) {
            search.succeeded(status)?;
        }
        rows.into_iter().collect()
    }
}

/// A line of the report.
fn row(line: &str, prefix: &str) -> Result<Row, Failure> {
    let not_understood = || Failure::new(format!("the program 'residue' reported what is no check: {line}"));
    let mut more: Map<String, Value> = serde_json::from_str(line).map_err(|_| not_understood())?;
    let mut text = |name: &str| match more.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(not_understood()),
    };
    let (id, expected, seen) = (format!("{prefix}{}", text("id")?), text("expected")?, text("seen")?);
    let ok = more.remove("ok").and_then(|ok| ok.as_bool()).ok_or_else(not_understood)?;
    Ok(Row { id: id.into(), expected, seen, ok, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        r#"{"id":"freed-heap","expected":"0 hits","seen":"2 hits","ok":false,"hits":2,"through_freed_heap":true}"#;

    #[test]
    fn a_report_is_read_whole_or_not_at_all() {
        let row = row(LINE, "nobody: ").unwrap();
        assert_eq!((row.id.as_ref(), row.seen.as_str(), row.ok), ("nobody: freed-heap", "2 hits", false));
        assert_eq!(row.more.len(), 2);
        for line in ["", "text", "{}", &LINE.replace("\"ok\":false,", ""), &LINE.replace("\"2 hits\"", "2")] {
            assert!(super::row(line, "").is_err(), "{line}");
        }
    }

    #[test]
    fn a_mutation_that_nothing_notices_is_a_failure() {
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
        assert_eq!(holds(&[without(&freed), one.clone(), two.clone()]), Ok(false), "it failed for another reason");
        assert_eq!(holds(&[freed.clone(), one.clone(), quiet(&two)]), Ok(false), "half is not most");
        assert_eq!(holds(&[freed]), Ok(false), "no ends");
        assert!(holds(&[one, two]).is_err());
    }
}
