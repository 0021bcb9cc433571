//! The rules that no file refers to a path outside the repository or to a folder of one machine.

use std::path::Path;

use super::Violation;
use crate::failure::Failure;
use crate::line::line_at;
use crate::repository::Repository;

/// Top-level folders of users and machines. Without slashes, so that this list does not break the
/// rule.
const HOMES: [&str; 6] = ["home", "root", "Users", "work", "workspace", "mnt"];
/// Extensions of files whose paths are relative to their own folder.
const RELATIVE_FORMATS: [&str; 5] = ["json", "toml", "wit", "yaml", "yml"];
/// The text before a link target in Markdown.
const LINKS: [&str; 2] = ["](", "]: "];
/// Rust code that reads a path relative to the source file.
const INCLUDES: [&str; 4] = ["include!", "include_str!", "include_bytes!", "#[path"];

/// Checks that no relative path and no symbolic link leads out of the repository.
pub(super) fn relative(repository: &Repository, files: &[String]) -> Result<Vec<Violation>, Failure> {
    let mut violations = Vec::new();
    for file in files {
        if leads_out(&repository.root, file) {
            let message = "a symbolic link leads out of the repository".to_owned();
            violations.push(Violation { file: file.clone(), line: 1, message });
        }
        violations.extend(text(repository, file).into_iter().flat_map(|text| ascents(file, &text)));
    }
    Ok(violations)
}

/// Checks that no absolute path names a folder of one machine.
pub(super) fn absolute(repository: &Repository, files: &[String]) -> Result<Vec<Violation>, Failure> {
    let in_file = |file: &String| text(repository, file).map(|text| homes(file, &text)).unwrap_or_default();
    Ok(files.iter().flat_map(in_file).collect())
}

/// Returns the text of a file, or `None` if it is not UTF-8.
fn text(repository: &Repository, file: &str) -> Option<String> {
    String::from_utf8(std::fs::read(repository.root.join(file)).ok()?).ok()
}

fn leads_out(root: &Path, file: &str) -> bool {
    let path = root.join(file);
    let inside = |root: &Path| path.canonicalize().is_ok_and(|end| end.starts_with(root));
    path.is_symlink() && !root.canonicalize().is_ok_and(|root| inside(&root))
}

/// Finds relative paths that leave the repository.
fn ascents(file: &str, text: &str) -> Vec<Violation> {
    let depth = file.matches('/').count();
    let extension = Path::new(file).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let ends = |c: char| c.is_whitespace() || "\"'`()<>,;=".contains(c);
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let paths: Vec<_> = match extension {
            "md" => LINKS
                .iter()
                .flat_map(|link| line.split(link).skip(1).filter_map(|rest| rest.split(ends).next()))
                .collect(),
            "rs" if INCLUDES.iter().any(|include| line.contains(include)) => line.split(ends).collect(),
            extension if RELATIVE_FORMATS.contains(&extension) => line.split(ends).collect(),
            _ => continue,
        };
        let ups = |path: &&str| path.split('/').take_while(|part| *part == "..").count();
        for path in paths.into_iter().filter(|path| ups(path) > depth) {
            let message = format!("{path} is outside the repository");
            violations.push(Violation { file: file.to_owned(), line: number + 1, message });
        }
    }
    violations
}

/// The user of home folders in examples.
const EXAMPLE_USER: &str = "me/";

/// Finds absolute paths below one of the folders in [`HOMES`].
fn homes(file: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for home in HOMES {
        let folder = format!("/{home}/");
        for (at, _) in text.match_indices(&folder) {
            let (before, path) = text.split_at(at);
            let example =
                home == "home" && path.strip_prefix(&folder).is_some_and(|path| path.starts_with(EXAMPLE_USER));
            let before = before.chars().next_back();
            if !example && !before.is_some_and(|c| c.is_alphanumeric() || "_-./~}>*".contains(c)) {
                let message = format!("{folder} is a folder of one machine");
                violations.push(Violation { file: file.to_owned(), line: line_at(text, at), message });
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_out_of_repository_is_reported() {
        let count = |file, text| ascents(file, text).len();
        assert_eq!(count("xtask/Cargo.toml", "x = { path = \"../host/core\" }"), 0);
        assert_eq!(count("xtask/Cargo.toml", "x = { path = \"../../elsewhere\" }"), 1);
        assert_eq!(count("README.md", "see [there](../design/product.md)"), 1);
        assert_eq!(count("README.md", "[there]: ../design/product.md"), 1);
        assert_eq!(count("README.md", "no `..` in names; `(cd tests && ls ../target)`"), 0);
        assert_eq!(count("docs/a.md", "see [there](../README.md) and a/../../b"), 0);
        let include = format!("include_{}!(\"../../../wit/a.wit\")", "str");
        assert_eq!(count("host/core/src/lib.rs", &include), 0);
        assert_eq!(count("xtask/src/main.rs", &include), 1);
        assert_eq!(count("xtask/src/main.rs", "hostile(\"../../../etc/passwd\")"), 0);
    }

    #[test]
    fn folder_of_one_machine_is_reported() {
        for home in HOMES {
            let path = format!("/{home}/user/far");
            for text in [format!("x\ncd {path}"), format!("x\n\"{path}\""), format!("x\npath={path}")] {
                let violations = homes("README.md", &text);
                assert_eq!(violations.iter().map(|violation| violation.line).collect::<Vec<_>>(), [2], "{text}");
            }
            for text in [format!("https://example.com{path}"), format!("${{X}}{path}"), format!("target{path}")] {
                assert!(homes("README.md", &text).is_empty(), "{text}");
            }
        }
        assert!(homes("README.md", "/run/credentials/far, /proc/self/maps, /tmp/x, /home/me/.env").is_empty());
    }

    #[test]
    fn link_out_of_repository_is_reported() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, inside.path().join(name)).unwrap();
        std::fs::write(inside.path().join("file"), "").unwrap();
        link(&inside.path().join("file"), "in");
        link(outside.path(), "out");
        link(&outside.path().join("absent"), "nowhere");
        let leads_out = |name| super::leads_out(inside.path(), name);
        assert_eq!(["file", "in", "out", "nowhere"].map(leads_out), [false, false, true, true]);
    }
}
