use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::pack::Limits;
use crate::testing::Repository;

fn signature() -> Signature {
    Signature::new("A B", "a@example.com", 1_767_225_600).unwrap()
}

/// Changes a file on top of the newest commit.
fn change(repository: &Repository, path: &str, content: &str, message: &str) -> Result<NewCommit, far_skill::Error> {
    let pack = repository.git(&["pack-objects", "--all", "--stdout", "--quiet"], b"");
    let pack = Pack::read(&pack, Limits::default()).unwrap();
    let parent = Commit::at(&pack, repository.id("HEAD")).unwrap();
    commit(&pack, &parent, &Path::parse(path).unwrap(), content, &signature(), message)
}

fn repository() -> Option<Repository> {
    let repository = Repository::new()?;
    for name in ["a", "a.b", "a-b", "folder/er/file", "folder/other", "z"] {
        repository.write(name, name.as_bytes());
    }
    repository.write("run", b"#!/bin/sh\n");
    std::fs::set_permissions(repository.path().join("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("a", repository.path().join("link")).unwrap();
    repository.commit("The first");
    Some(repository)
}

#[test]
fn commit_matches_git() {
    let paths = [("a", 1), ("run", 1), ("folder/er/file", 3), ("new", 1), ("b/c/d/e", 4), ("a0", 1), ("folder-x", 1)];
    for (path, trees) in paths {
        let Some(repository) = repository() else { return };
        let new = change(&repository, path, "changed\n", "Change it\n\nfor a test\n\n").unwrap();
        assert_eq!(new.objects.len(), trees + 2, "{path}");

        repository.git(&["unpack-objects", "-q", "--strict"], &pack::write(&new.objects).unwrap());
        repository.git(&["fsck", "--strict", "--full", &new.commit.to_string()], b"");
        repository.write(path, b"changed\n");
        repository.git(&["add", "--all"], b"");
        let tree = repository.git(&["rev-parse", &format!("{}^{{tree}}", new.commit)], b"");
        assert_eq!(tree, repository.git(&["write-tree"], b""), "{path}");
        let log = repository
            .git(&["log", "-1", "--format=%P|%an|%ae|%ad|%cn|%B", "--date=raw", &new.commit.to_string()], b"");
        let parent = repository.id("HEAD");
        let expected = format!("{parent}|A B|a@example.com|1767225600 +0000|A B|Change it\n\nfor a test\n\n");
        assert_eq!(String::from_utf8(log).unwrap(), expected);
    }
}

#[test]
fn unsuitable_path_or_content_is_rejected() {
    let Some(repository) = repository() else { return };
    for path in ["folder", "link", "a/b", "link/b", "folder/er"] {
        let message = change(&repository, path, "x", "m").err().unwrap().to_string();
        assert_eq!(message, format!("{path:?} is not the path of a file"));
    }
    let error = |content, message| change(&repository, "a", content, message).err().unwrap().to_string();
    assert_eq!(error("a", "m"), r#""a" already has this content"#);
    for message in ["", " \n", "a\0"] {
        assert_eq!(error("x", message), "a commit needs a message without NUL");
    }
}

#[test]
fn unsafe_path_is_rejected() {
    for path in ["a", "a/b.c", ".github/x", ".gitignore", "caf\u{e9}", "-rf", "a b"] {
        assert!(Path::parse(path).is_ok(), "{path}");
    }
    let unsafe_paths = [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "a/../b",
        ".git/config",
        "a/.GIT/x",
        ".git.",
        ".git ",
        ".g\u{200c}it/x",
        "git~1",
        "a\\b",
        "C:x",
        "a\nb",
        "a\0",
    ];
    for path in unsafe_paths {
        assert!(Path::parse(path).is_err(), "{path:?}");
    }
}

#[test]
fn malformed_signature_is_rejected() {
    for (name, email, time) in
        [("", "a", 0), ("a", "", 0), ("a\nb", "a", 0), ("a <b", "a", 0), ("a", "a>", 0), (" a", "a", 0)]
    {
        assert!(Signature::new(name, email, time).is_err(), "{name:?} {email:?}");
    }
    assert!(Signature::new("a", "a", u64::MAX).is_err());
}
