//! Tests of the git server.

#![expect(clippy::unwrap_used, reason = "a missing value fails the test")]

use std::fs;
use std::process::{Command, Output};

use far_servers::{Authority, Git, or_skip};

/// Clones a repository with git's client.
fn clone(git: &Git, authority: &Authority, password: &str) -> (tempfile::TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let url = git.address().replace("https://", &format!("https://{}:{password}@", Git::USER));
    let mut client = Command::new("git");
    client.current_dir(&folder).env("GIT_SSL_CAINFO", folder.path().join("ca.pem")).env("GIT_TERMINAL_PROMPT", "0");
    client.env("HOME", folder.path()).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = client.args(["clone", "--depth=1", &format!("{url}/one.git"), "one"]).output().unwrap();
    (folder, output)
}

#[test]
fn clone_needs_password() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::start(&authority)) else { return };
    let head = git.repository("one.git", &[("README", b"hello"), ("src/a", b"a")]).unwrap();
    let (_, refused) = clone(&git, &authority, "other");
    assert!(!refused.status.success(), "{refused:?}");
    let (folder, cloned) = clone(&git, &authority, git.password());
    assert!(cloned.status.success(), "{cloned:?}");
    assert_eq!(fs::read(folder.path().join("one/src/a")).unwrap(), b"a");
    let at = fs::read_to_string(folder.path().join("one/.git/refs/heads/main")).unwrap();
    assert_eq!(at.trim(), head);
    let arrived = git.arrived();
    assert_eq!(arrived[0].target, "/one.git/info/refs?service=git-upload-pack");
    assert!(arrived.iter().any(|request| request.method == "POST" && request.target == "/one.git/git-upload-pack"));
}
