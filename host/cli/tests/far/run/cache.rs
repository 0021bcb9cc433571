//! Compiled skills are kept for the next run, where they can be; where not, a task runs all the same.

use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::completed::{WEBHOOK_EVENTS, webhook};
use crate::fixture::{Far, Ran};

/// A run that does its job, after what it says first.
fn ran(far: Far, first: &str) -> Ran {
    far.stdout(r#"{"valid":true}"#).stderr(format!("{first}{WEBHOOK_EVENTS}")).code(0)
}

/// The one artefact in a folder.
fn artefact(folder: &Path) -> (PathBuf, Metadata) {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut artefacts = entries.filter(|path| path.file_name().is_some_and(|name| name != "key"));
    let path = artefacts.next().unwrap();
    assert_eq!(artefacts.next(), None);
    let metadata = path.metadata().unwrap();
    (path, metadata)
}

/// What differs when an artefact was made again.
fn made(metadata: &Metadata) -> (u64, i64, i64) {
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

#[test]
fn the_next_run_has_the_skill_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let far = || webhook().args(["--cache".into(), cache.display().to_string()]);
    ran(far(), "");
    let (path, first) = artefact(&cache);
    assert_eq!((fs::metadata(&cache).unwrap().mode() & 0o7777, first.mode() & 0o7777), (0o700, 0o600));
    ran(far(), "");
    assert_eq!(made(&artefact(&cache).1), made(&first), "nothing was compiled");

    let mut changed = fs::read(&path).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&path, changed).unwrap();
    let first = artefact(&cache).1;
    ran(far(), "");
    assert_ne!(made(&artefact(&cache).1), made(&first), "what is not believed is compiled again");
}

#[test]
fn it_is_where_caches_are() {
    let far = webhook();
    let output = far.command().output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    artefact(&far.cache());
    let home = tempfile::tempdir().unwrap();
    let output = far.command().env("XDG_CACHE_HOME", "not/absolute").env("HOME", home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    artefact(&home.path().join(".cache/far/artifacts"));
}

#[test]
fn without_it_nothing_is_kept() {
    let far = webhook().words("--no-cache");
    let output = far.command().output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!far.cache().exists());
    let both = "error: the argument '--cache <DIR>' cannot be used with '--no-cache'\n\nUsage: far run [OPTIONS] <SKILL>\n       \
                far run [OPTIONS] --task <FILE>\n\nFor more information, try '--help'.\n";
    webhook().words("--cache cache --no-cache").stderr(both).code(2);
}

#[test]
fn a_folder_that_cannot_be_trusted_or_made_is_told_and_not_used() {
    let told = |why: &str| format!("warning: compiled skills are not kept: {why}\n");
    let others = told("others may use cache: its mode is 0770");
    let far = webhook().words("--cache cache");
    fs::create_dir(far.path("cache")).unwrap();
    fs::set_permissions(far.path("cache"), Permissions::from_mode(0o770)).unwrap();
    assert_eq!(fs::read_dir(ran(far, &others).folder.path().join("cache")).unwrap().count(), 0);

    let far = webhook().words("--cache cache");
    symlink(far.cache(), far.path("cache")).unwrap();
    ran(far, &told("cache is a symbolic link"));
    ran(webhook().words("--cache .env/cache"), &told("cannot use .env/cache: Not a directory (os error 20)"));
    ran(webhook().variable("XDG_CACHE_HOME", ""), &told("neither XDG_CACHE_HOME nor HOME says where caches are"));
    let none = told("cannot make /dev/null/far: Not a directory (os error 20)");
    ran(webhook().variable("XDG_CACHE_HOME", "/dev/null"), &none);
}

#[test]
fn in_json_it_is_a_line_of_json() {
    let far = webhook().words("--json --cache .env/cache");
    let stderr = String::from_utf8(far.command().output().unwrap().stderr).unwrap();
    let line = r#"{"error":"cannot use .env/cache: Not a directory (os error 20)","event":"cache.unusable","v":1}"#;
    assert_eq!(stderr.lines().next(), Some(line));
}
