//! The rule that the WASI packages for skills are equal to those of the engine.

use std::path::Path;

use super::Violation;
use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// The folder of the WASI packages.
const FOLDER: &str = "wit/deps/";

/// Checks that the folder has the same files as the engine's crate, byte for byte.
pub(super) fn equal_to_engine(
    repository: &Repository,
    files: &[String],
    engine: Option<&Path>,
) -> Result<Vec<Violation>, Failure> {
    let engine = engine.ok_or_else(|| Failure::new("the workspace does not depend on wasmtime-wasi-http"))?;
    let action = || format!("list {}", engine.display());
    let mut expected = Vec::new();
    for entry in engine.read_dir().or_failure(action())? {
        expected.push(entry.or_failure(action())?.file_name().to_string_lossy().into_owned());
    }
    expected.sort();
    let present: Vec<_> =
        files.iter().filter_map(|file| file.strip_prefix(FOLDER)).filter(|name| name.ends_with(".wit")).collect();

    let mut violations = Vec::new();
    let mut violation = |name: &str, message: &str| {
        violations.push(Violation { file: format!("{FOLDER}{name}"), line: 1, message: message.to_owned() });
    };
    for name in present.iter().filter(|name| !expected.iter().any(|expected| expected == *name)) {
        violation(name, "not in the engine's crate");
    }
    for name in &expected {
        if !present.contains(&name.as_str()) {
            violation(name, "missing; copy it from the engine's crate");
            continue;
        }
        let read = |path: &Path| std::fs::read(path).or_failure(format!("read {}", path.display()));
        if read(&repository.root.join(FOLDER).join(name))? != read(&engine.join(name))? {
            violation(name, "differs from the engine's crate; copy it again");
        }
    }
    Ok(violations)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn different_missing_and_extra_files_are_reported() {
        let (root, engine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let repository = Repository { root: root.path().to_owned(), target: root.path().join("target") };
        fs::create_dir_all(root.path().join(FOLDER)).unwrap();
        for (name, ours, theirs) in [
            ("a.wit", "a", "a"),
            ("b.wit", "b", "other"),
            ("c.wit", "", "c"),
            ("d.wit", "d", ""),
            ("README.md", "x", ""),
        ] {
            for (folder, text) in [(&root.path().join(FOLDER), ours), (&engine.path().to_owned(), theirs)] {
                if !text.is_empty() {
                    fs::write(folder.join(name), text).unwrap();
                }
            }
        }
        let files = ["a.wit", "b.wit", "d.wit", "README.md"].map(|name| format!("{FOLDER}{name}"));
        let reported = equal_to_engine(&repository, &files, Some(engine.path())).unwrap();
        let reported: Vec<_> = reported.iter().map(ToString::to_string).collect();
        assert_eq!(
            reported,
            [
                "wit/deps/d.wit:1: not in the engine's crate",
                "wit/deps/b.wit:1: differs from the engine's crate; copy it again",
                "wit/deps/c.wit:1: missing; copy it from the engine's crate",
            ]
        );
        assert!(equal_to_engine(&repository, &files, None).is_err(), "no engine to compare with");
    }
}
