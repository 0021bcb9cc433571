//! A clone of the newest commit from a git server, compared with git's own data.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_servers::https::ReceivedRequest;
use far_servers::{Authority, Git, WorkTree, or_skip};
use far_tests::guests;

use super::Example;

const PASSWORD: &str = "git-canary-88e1f4";
/// The credentials in the form of RFC 7617, written out rather than computed.
const AUTHORIZATION: &str = "Basic dGVzdHM6Z2l0LWNhbmFyeS04OGUxZjQ=";
const REPOSITORY: &str = "team/app.git";
/// The requested files: text, binary, a symbolic link, and a delta.
const SHOWN: [&str; 5] = ["logo.bin", "link", "bin/build", "src/deep/er/log-3", "caf\u{e9}"];

fn example(git: &Git, input: &'static str) -> Example {
    Example {
        skill: guests::GIT_CLONE,
        secret: "git-password",
        value: PASSWORD,
        host: "git.example.com",
        port: git.port(),
        input,
    }
}

const PLAIN: &str = r#"{"user":"tests","repository":"team/app.git"}"#;

/// Returns a repository with several commits, all kinds of tree entries, and similar files.
fn repository() -> WorkTree {
    let work = WorkTree::new().unwrap();
    work.write("gone", b"not in the newest commit").unwrap();
    for commit in 0..3 {
        for file in 0..6 {
            let lines: Vec<_> = (0..300).map(|line| format!("{line} {} {commit}\n", line * line * 7919)).collect();
            let content = [lines.concat(), format!("and this is {file}\n")].concat();
            work.write(&format!("src/deep/er/log-{file}"), content.as_bytes()).unwrap();
        }
        work.commit(&format!("Commit {commit}")).unwrap();
    }
    fs::remove_file(work.path().join("gone")).unwrap();
    work.write("caf\u{e9}", "\u{e9} \"quoted\"\n".as_bytes()).unwrap();
    work.write("empty", b"").unwrap();
    work.write("logo.bin", &[0x89, b'P', b'N', b'G', 0, 0xff, 0xfe]).unwrap();
    work.write("bin/build", b"#!/bin/sh\necho built\n").unwrap();
    fs::set_permissions(work.path().join("bin/build"), Permissions::from_mode(0o755)).unwrap();
    symlink("src/deep/er/log-3", work.path().join("link")).unwrap();
    work.git(&["add", "--all"]).unwrap();
    let submodule = "160000,0123456789abcdef0123456789abcdef01234567,vendor/other";
    work.git(&["update-index", "--add", "--cacheinfo", submodule]).unwrap();
    work.git(&["commit", "--quiet", "--message", "The newest\n\nwith more to say\n"]).unwrap();
    work
}

/// Returns git's list of a commit's files in the skill's format.
fn files(git: &Git, commit: &str) -> String {
    let listed = String::from_utf8(git.run(REPOSITORY, &["ls-tree", "-r", "-l", "-z", commit]).unwrap()).unwrap();
    let files: Vec<_> = listed.split_terminator('\0').map(file).collect();
    files.join(",")
}

fn file(line: &str) -> String {
    let (about, path) = line.split_once('\t').unwrap();
    let mut words = about.split_whitespace();
    let mut word = || words.next().unwrap();
    let (mode, _, id, size) = (word(), word(), word(), word());
    let file_type = match mode {
        "100644" => "file",
        "100755" => "executable",
        "120000" => "symlink",
        _ => "submodule",
    };
    let bytes = if size == "-" { String::new() } else { format!(r#""bytes":{size},"#) };
    let path = serde_json::to_string(path).unwrap();
    format!(r#"{{"path":{path},"mode":"{mode}","type":"{file_type}",{bytes}"id":"{id}"}}"#)
}

/// Returns git's content of a file in the skill's format.
fn content(git: &Git, commit: &str, path: &str) -> String {
    let bytes = git.run(REPOSITORY, &["cat-file", "blob", &format!("{commit}:{path}")]).unwrap();
    let path = serde_json::to_string(path).unwrap();
    match String::from_utf8(bytes) {
        Ok(text) => format!(r#"{{"path":{path},"text":{}}}"#, serde_json::to_string(&text).unwrap()),
        Err(error) => format!(r#"{{"path":{path},"base64":"{}"}}"#, STANDARD.encode(error.as_bytes())),
    }
}

#[test]
fn clone_uses_sealed_password() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    let work = repository();
    git.publish(REPOSITORY, &work).unwrap();
    let head = work.git(&["rev-parse", "HEAD"]).unwrap();
    let head = head.trim();
    let (objects, deltas) = git.clone_counts(REPOSITORY).unwrap();
    assert!(deltas >= 5, "{deltas} deltas among {objects} objects");

    let input = serde_json::json!({ "user": "tests", "repository": REPOSITORY, "show": SHOWN }).to_string();
    let example = example(&git, input.leak());
    let far = example.run(&authority, "https://git.example.com/team/app.git").stderr(example.sent(3));
    let contents = SHOWN.map(|path| content(&git, head, path)).join(",");
    far.stdout(format!(
        r#"{{"commit":"{head}","reference":"refs/heads/main","subject":"The newest","objects":{objects},"deltas":{deltas},"files":[{}],"contents":[{contents}]}}"#,
        files(&git, head)
    ))
    .code(0);

    let arrived = git.arrived();
    let targets: Vec<_> = arrived.iter().map(|request| request.target.as_str()).collect();
    let [refs, pack] =
        ["info/refs?service=git-upload-pack", "git-upload-pack"].map(|end| format!("/team/app.git/{end}"));
    assert_eq!(targets, [&refs, &pack, &pack]);
    assert!(arrived.iter().all(|request| request.header("authorization") == Some(AUTHORIZATION)), "{arrived:?}");
    let elsewhere = |request: &ReceivedRequest| format!("{}{:?}", request.target, request.body).contains(PASSWORD);
    assert!(!arrived.iter().any(elsewhere));
}

#[test]
fn tag_resolves_to_commit() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    let work = WorkTree::new().unwrap();
    work.write("a", b"a").unwrap();
    let tagged = work.commit("Tagged").unwrap();
    work.git(&["tag", "--annotate", "--message=One", "v1"]).unwrap();
    work.write("a", b"b").unwrap();
    work.commit("Later").unwrap();
    git.publish(REPOSITORY, &work).unwrap();

    let example = example(&git, r#"{"user":"tests","repository":"team/app.git","reference":"refs/tags/v1"}"#);
    let far = example.run(&authority, "https://git.example.com/team/app.git").stderr(example.sent(3));
    far.stdout(format!(
        r#"{{"commit":"{tagged}","reference":"refs/tags/v1","subject":"Tagged","objects":4,"deltas":0,"files":[{}],"contents":[]}}"#,
        files(&git, &tagged)
    ))
    .code(0);
}

/// Clones a pack of the largest size, and then one that is slightly larger.
#[test]
fn oversized_pack_is_refused() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    let permitted = "https://git.example.com/team/app.git";
    let work = WorkTree::new().unwrap();
    // Random bytes do not compress, and zeros compress well.
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        Some(state.to_be_bytes()[0])
    };
    let noise: Vec<u8> = std::iter::repeat_n((), 9 << 20).scan(1, |state, ()| next(state)).collect();
    work.write("noise", &noise).unwrap();
    work.write("zeros", &vec![0; 14 << 20]).unwrap();
    let head = work.commit("As much as it takes").unwrap();
    git.publish(REPOSITORY, &work).unwrap();
    let example = example(&git, PLAIN);
    let stdout = format!(
        r#"{{"commit":"{head}","reference":"refs/heads/main","subject":"As much as it takes","objects":4,"deltas":0,"files":[{}],"contents":[]}}"#,
        files(&git, &head)
    );
    example.run(&authority, permitted).stdout(stdout).stderr(example.sent(3)).code(0);

    work.write("more", &vec![1; 2 << 20]).unwrap();
    work.commit("And more").unwrap();
    let bare = String::from_utf8(git.run(REPOSITORY, &["rev-parse", "--absolute-git-dir"]).unwrap()).unwrap();
    work.git(&["push", "--quiet", bare.trim(), "main"]).unwrap();
    let message = "error: the skill failed: the pack's objects are too large\n";
    example.run(&authority, permitted).stderr(format!("{}{message}", example.failed_after(3))).code(1);
}

#[test]
fn unpermitted_repository_ends_task() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    git.repository(REPOSITORY, &[("README", b"hello")]).unwrap();
    let example = example(&git, PLAIN);
    example.run(&authority, "https://git.example.com/team/other.git").stderr(example.denied()).code(3);
    assert_eq!(git.arrived(), []);
}
