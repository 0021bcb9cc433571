//! That skills are made for the interfaces that they get: those of WASI are the engine's own.

use std::path::Path;

use super::Violation;
use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// Where the packages of WASI are that the skill's world names.
const FOLDER: &str = "wit/deps/";

/// What is there is byte for byte what the engine's crate has, and all of it: its packages name each other.
pub(super) fn as_served(
    repository: &Repository,
    files: &[String],
    served: Option<&Path>,
) -> Result<Vec<Violation>, Failure> {
    let served = served.ok_or_else(|| Failure::new("the workspace does not name the engine's crate for wasi:http"))?;
    let what = || format!("list {}", served.display());
    let mut expected = Vec::new();
    for entry in served.read_dir().or_failure(what())? {
        expected.push(entry.or_failure(what())?.file_name().to_string_lossy().into_owned());
    }
    expected.sort();
    let there: Vec<_> =
        files.iter().filter_map(|file| file.strip_prefix(FOLDER)).filter(|name| name.ends_with(".wit")).collect();

    let mut violations = Vec::new();
    let mut violation = |name: &str, what: &str| {
        violations.push(Violation { file: format!("{FOLDER}{name}"), line: 1, what: what.to_owned() });
    };
    for name in there.iter().filter(|name| !expected.iter().any(|expected| expected == *name)) {
        violation(name, "the engine's crate has no such file");
    }
    for name in &expected {
        if !there.contains(&name.as_str()) {
            violation(name, "missing: the engine's crate has it");
            continue;
        }
        let read = |path: &Path| std::fs::read(path).or_failure(format!("read {}", path.display()));
        if read(&repository.root.join(FOLDER).join(name))? != read(&served.join(name))? {
            violation(name, "differs from the engine's: copy it anew");
        }
    }
    Ok(violations)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_differs_what_is_missing_and_what_is_too_much_is_told() {
        let (root, served) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let repository = Repository { root: root.path().to_owned(), target: root.path().join("target") };
        fs::create_dir_all(root.path().join(FOLDER)).unwrap();
        for (name, here, there) in [
            ("a.wit", "a", "a"),
            ("b.wit", "b", "other"),
            ("c.wit", "", "c"),
            ("d.wit", "d", ""),
            ("README.md", "x", ""),
        ] {
            for (folder, text) in [(&root.path().join(FOLDER), here), (&served.path().to_owned(), there)] {
                if !text.is_empty() {
                    fs::write(folder.join(name), text).unwrap();
                }
            }
        }
        let files = ["a.wit", "b.wit", "d.wit", "README.md"].map(|name| format!("{FOLDER}{name}"));
        let told = as_served(&repository, &files, Some(served.path())).unwrap();
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "wit/deps/d.wit:1: the engine's crate has no such file",
                "wit/deps/b.wit:1: differs from the engine's: copy it anew",
                "wit/deps/c.wit:1: missing: the engine's crate has it",
            ]
        );
        assert!(as_served(&repository, &files, None).is_err(), "nothing to compare with is not the same");
    }
}
