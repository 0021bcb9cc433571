//! The cache of compiled skills. A task runs without a usable cache too.

use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::completed::{WEBHOOK_EVENTS, webhook};
use crate::fixture::{Far, FinishedRun};

/// Asserts that a run succeeds, after this first output.
fn succeeds(far: Far, first: &str) -> FinishedRun {
    far.stdout(r#"{"valid":true}"#).stderr(format!("{first}{WEBHOOK_EVENTS}")).code(0)
}

/// Returns the only artifact in a folder.
fn artifact(folder: &Path) -> (PathBuf, Metadata) {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut artifacts = entries.filter(|path| path.file_name().is_some_and(|name| name != "key"));
    let path = artifacts.next().unwrap();
    assert_eq!(artifacts.next(), None);
    let metadata = path.metadata().unwrap();
    (path, metadata)
}

/// Returns metadata that changes if an artifact is rebuilt.
fn identity(metadata: &Metadata) -> (u64, i64, i64) {
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

#[test]
fn next_run_reuses_compiled_skill() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let far = || webhook().args(["--cache".into(), cache.display().to_string()]);
    succeeds(far(), "");
    let (path, first) = artifact(&cache);
    assert_eq!((fs::metadata(&cache).unwrap().mode() & 0o7777, first.mode() & 0o7777), (0o700, 0o600));
    succeeds(far(), "");
    assert_eq!(identity(&artifact(&cache).1), identity(&first), "nothing was compiled");

    let mut changed = fs::read(&path).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&path, changed).unwrap();
    let first = artifact(&cache).1;
    succeeds(far(), "");
    assert_ne!(identity(&artifact(&cache).1), identity(&first), "a corrupt artifact is compiled again");
}

#[test]
fn cache_follows_xdg_and_home() {
    let far = webhook();
    let output = far.command().output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    artifact(&far.cache());
    let home = tempfile::tempdir().unwrap();
    let output = far.command().env("XDG_CACHE_HOME", "not/absolute").env("HOME", home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    artifact(&home.path().join(".cache/far/artifacts"));
}

#[test]
fn no_cache_writes_nothing() {
    let far = webhook().words("--no-cache");
    let output = far.command().output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!far.cache().exists());
    let both = "error: the argument '--cache <DIR>' cannot be used with '--no-cache'\n\nUsage: far run [OPTIONS] <SKILL>\n       \
                far run [OPTIONS] --task <FILE>\n\nFor more information, try '--help'.\n";
    webhook().words("--cache cache --no-cache").stderr(both).code(2);
}

#[test]
fn unusable_cache_is_warned_and_skipped() {
    let message = |why: &str| format!("warning: compiled skills are not cached: {why}\n");
    let others = message("'cache' is accessible to other users: its mode is 0770");
    let far = webhook().words("--cache cache");
    fs::create_dir(far.path("cache")).unwrap();
    fs::set_permissions(far.path("cache"), Permissions::from_mode(0o770)).unwrap();
    assert_eq!(fs::read_dir(succeeds(far, &others).folder.path().join("cache")).unwrap().count(), 0);

    let far = webhook().words("--cache cache");
    symlink(far.cache(), far.path("cache")).unwrap();
    succeeds(far, &message("'cache' is a symbolic link"));
    succeeds(webhook().words("--cache .env/cache"), &message("cannot use '.env/cache': Not a directory (os error 20)"));
    succeeds(webhook().variable("XDG_CACHE_HOME", ""), &message("no cache directory: set XDG_CACHE_HOME or HOME"));
    let none = message("cannot create '/dev/null/far': Not a directory (os error 20)");
    succeeds(webhook().variable("XDG_CACHE_HOME", "/dev/null"), &none);
}

#[test]
fn unusable_cache_is_reported_in_json() {
    let far = webhook().words("--json --cache .env/cache");
    let stderr = String::from_utf8(far.command().output().unwrap().stderr).unwrap();
    let line = r#"{"error":"cannot use '.env/cache': Not a directory (os error 20)","event":"cache.unusable","v":1}"#;
    assert_eq!(stderr.lines().next(), Some(line));
}
