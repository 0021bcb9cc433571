//! The newest commit of a repository is fetched from git's own program.

use far_servers::{Authority, Git, or_skip};
use far_tests::guests;

use super::Example;

const PASSWORD: &str = "git-canary-88e1f4";
/// What a client of RFC 7617 makes of the user and the password, written down rather than computed.
const AUTHORIZATION: &str = "Basic dGVzdHM6Z2l0LWNhbmFyeS04OGUxZjQ=";

fn example(git: &Git) -> Example {
    Example {
        skill: guests::GIT_REFS,
        secret: "git-password",
        value: PASSWORD,
        host: "git.example.com",
        port: git.port(),
        input: r#"{"user":"tests","repository":"team/app.git"}"#,
    }
}

#[test]
fn a_commit_is_fetched_with_a_password_that_the_skill_never_has() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    // Two files, the folder of one, the folder of all, and the commit.
    let head = git.repository("team/app.git", &[("README", b"hello"), ("src/main", b"main")]).unwrap();
    let example = example(&git);
    let far = example.run(&authority, "https://git.example.com/team/app.git").stderr(example.sent(3));
    let size = git.pack_size("team/app.git", &head).unwrap();
    far.stdout(format!(r#"{{"head":"{head}","branch":"main","objects":5,"pack-bytes":{size}}}"#)).code(0);
    let arrived = git.arrived();
    let targets: Vec<_> = arrived.iter().map(|request| request.target.as_str()).collect();
    let [refs, pack] =
        ["info/refs?service=git-upload-pack", "git-upload-pack"].map(|end| format!("/team/app.git/{end}"));
    assert_eq!(targets, [&refs, &pack, &pack]);
    assert!(arrived.iter().all(|request| request.header("authorization") == Some(AUTHORIZATION)), "{arrived:?}");
    let elsewhere =
        |request: &far_servers::https::Arrived| format!("{}{:?}", request.target, request.body).contains(PASSWORD);
    assert!(!arrived.iter().any(elsewhere));
}

#[test]
fn a_repository_that_the_operator_does_not_name_ends_the_task() {
    let authority = Authority::new();
    let Some(git) = or_skip(Git::named(&authority, "git.example.com", PASSWORD)) else { return };
    git.repository("team/app.git", &[("README", b"hello")]).unwrap();
    let example = example(&git);
    example.run(&authority, "https://git.example.com/team/other.git").stderr(example.denied()).code(3);
    assert_eq!(git.arrived(), []);
}
