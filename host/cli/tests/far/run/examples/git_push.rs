//! A push of a commit to a git server, verified by git itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use far_servers::https::ReceivedRequest;
use far_servers::{Authority, Git, WorkTree, or_skip};
use far_tests::guests;

use super::Example;

const PASSWORD: &str = "git-canary-88e1f4";
/// The credentials in the form of RFC 7617, written out rather than computed.
const AUTHORIZATION: &str = "Basic dGVzdHM6Z2l0LWNhbmFyeS04OGUxZjQ=";
const REPOSITORY: &str = "team/app.git";
const PERMITTED: &str = "https://git.example.com/team/app.git";
const INPUT: &str = r#"{"user":"tests","repository":"team/app.git","branch":"main","path":"src/deep/version","text":"1.3\n",
    "message":"Release 1.3","author":{"name":"A Skill","email":"skill@example.com"},"time":1767225600}"#;

fn example(git: &Git) -> Example {
    Example {
        skill: guests::GIT_PUSH,
        secret: "git-password",
        value: PASSWORD,
        host: "git.example.com",
        port: git.port(),
        input: INPUT,
    }
}

/// Publishes two commits and returns the newest.
fn publish(git: &Git) -> String {
    let work = WorkTree::new().unwrap();
    for name in ["README", "src/deep/version", "src/deep-er", "src/main"] {
        work.write(name, name.as_bytes()).unwrap();
    }
    work.commit("The first").unwrap();
    work.write("src/deep/version", b"1.2\n").unwrap();
    let head = work.commit("The second").unwrap();
    git.publish(REPOSITORY, &work).unwrap();
    head
}

fn ask(git: &Git, args: &[&str]) -> String {
    String::from_utf8(git.run(REPOSITORY, args).unwrap()).unwrap()
}

/// Returns the id that git computes for the same commit.
fn made_by_git(git: &Git, parent: &str) -> String {
    let work = WorkTree::new().unwrap();
    let bare = ask(git, &["rev-parse", "--absolute-git-dir"]);
    work.git(&["pull", "--quiet", bare.trim(), "main"]).unwrap();
    work.write("src/deep/version", b"1.3\n").unwrap();
    work.git(&["add", "--all"]).unwrap();
    let tree = work.git(&["write-tree"]).unwrap();
    let who = "A Skill <skill@example.com> 1767225600 +0000";
    let text = format!("tree {}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nRelease 1.3\n", tree.trim());
    work.write("commit", text.as_bytes()).unwrap();
    work.git(&["hash-object", "-t", "commit", "commit"]).unwrap().trim().to_owned()
}

#[test]
fn push_uses_sealed_password() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    let parent = publish(&git);
    let example = example(&git);
    let (commit, blob) = (made_by_git(&git, &parent), "7e32cd56983e65ffbfcfeb39146e7ee67e986e10");
    let stdout = format!(r#"{{"commit":"{commit}","parent":"{parent}","blob":"{blob}","objects":5}}"#);
    example.run(&authority, PERMITTED).stdout(stdout).stderr(example.sent(5)).code(0);

    assert_eq!(ask(&git, &["rev-parse", "main"]).trim(), commit);
    git.run(REPOSITORY, &["fsck", "--strict", "--full"]).unwrap();
    assert_eq!(
        ask(&git, &["log", "-1", "--format=%P %an <%ae> %s"]).trim(),
        format!("{parent} A Skill <skill@example.com> Release 1.3")
    );
    assert_eq!(ask(&git, &["diff-tree", "-r", "--name-status", &parent, "main"]), "M\tsrc/deep/version\n");
    assert_eq!(ask(&git, &["cat-file", "blob", "main:src/deep/version"]), "1.3\n");

    let arrived = git.arrived();
    let targets: Vec<_> = arrived.iter().map(|request| request.target.as_str()).collect();
    let [refs, pack, to, push] = [
        "info/refs?service=git-upload-pack",
        "git-upload-pack",
        "info/refs?service=git-receive-pack",
        "git-receive-pack",
    ]
    .map(|end| format!("/{REPOSITORY}/{end}"));
    assert_eq!(targets, [&refs, &pack, &pack, &to, &push]);
    assert!(arrived.iter().all(|request| request.header("authorization") == Some(AUTHORIZATION)), "{arrived:?}");
    let elsewhere = |request: &ReceivedRequest| {
        format!("{}{}", request.target, String::from_utf8_lossy(&request.body)).contains(PASSWORD)
    };
    assert!(!arrived.iter().any(elsewhere));
}

#[test]
fn declined_push_is_reported() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    let head = publish(&git);
    let bare = ask(&git, &["rev-parse", "--absolute-git-dir"]);
    let hook = std::path::Path::new(bare.trim()).join("hooks/update");
    fs::create_dir_all(hook.with_file_name("")).unwrap();
    fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&hook, Permissions::from_mode(0o755)).unwrap();
    let example = example(&git);
    let message = "error: the skill failed: the server refused it: hook declined\n";
    example.run(&authority, PERMITTED).stderr(format!("{}{message}", example.failed_after(5))).code(1);
    assert_eq!(ask(&git, &["rev-parse", "main"]).trim(), head);
}

#[test]
fn read_only_grant_denies_push() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    let head = publish(&git);
    let example = example(&git);
    // Adds a second destination within the quotes of the list.
    let permitted = format!("{PERMITTED}/info/refs', '{PERMITTED}/git-upload-pack");
    example.run(&authority, &permitted).stderr(example.denied_after(4)).code(3);
    assert_eq!(ask(&git, &["rev-parse", "main"]).trim(), head);
    assert!(!git.arrived().iter().any(|request| request.target.ends_with("/git-receive-pack")));
}
