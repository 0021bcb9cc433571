use far_skill::http::Response;
use far_skill::testing::{Ended, Host, Use};
use sha1::{Digest, Sha1};

use super::*;

const NAME: &str = "git-password";
const COMMIT: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

fn packet(line: &[u8]) -> Vec<u8> {
    [format!("{:04x}", line.len() + 4).as_bytes(), line].concat()
}

fn capabilities() -> Response {
    let packets =
        [packet(b"# service=git-upload-pack\n"), b"0000".to_vec(), packet(b"version 2\n"), packet(b"fetch\n")];
    Response::new(200, [packets.concat(), b"0000".to_vec()].concat())
}

fn references() -> Response {
    let line = packet(format!("{COMMIT} HEAD symref-target:refs/heads/main\n").as_bytes());
    Response::new(200, [line, b"0000".to_vec()].concat())
}

/// A pack without objects, which says that it has three: nothing here looks inside.
fn pack() -> Vec<u8> {
    let head = b"PACK\0\0\0\x02\0\0\0\x03".to_vec();
    let digest = Sha1::digest(&head).to_vec();
    [head, digest].concat()
}

/// The pack in two pieces, with what the server would like people to read between them.
fn packed(pack: &[u8]) -> Response {
    let (one, two) = pack.split_at(5);
    let band = |number: u8, data: &[u8]| packet(&[&[number], data].concat());
    let shallow = packet(format!("shallow {COMMIT}\n").as_bytes());
    let body = [
        packet(b"shallow-info\n"),
        shallow,
        b"0001".to_vec(),
        packet(b"packfile\n"),
        band(1, one),
        band(2, b"counting\n"),
        band(1, two),
        b"0000".to_vec(),
    ];
    Response::new(200, body.concat())
}

fn host(answers: impl IntoIterator<Item = Response>) -> Host {
    let host = Host::new(far_skill::declaration!()).secret(NAME, "pa55word-0123");
    answers.into_iter().fold(host, |host, answer| host.answering(Ok(answer)))
}

fn run(host: &Host, repository: &str) -> Result<Output, Ended> {
    host.run(fetch, Input { user: "ci".to_owned(), repository: repository.to_owned() })
}

fn failed(answers: impl IntoIterator<Item = Response>) -> String {
    match run(&host(answers), "team/app.git") {
        Err(Ended::Failed(told)) => told,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newest_commit_is_fetched_with_the_password_in_each_request() {
    let host = host([capabilities(), references(), packed(&pack())]);
    let fetched = Output { head: COMMIT.to_owned(), branch: Some("main".to_owned()), objects: 3, pack_bytes: 32 };
    assert_eq!(run(&host, "team/app.git"), Ok(fetched));
    let uses = host.uses();
    assert_eq!(uses.iter().filter(|used| **used == Use::sent(NAME)).count(), 3);
    let sent = host.sent();
    let urls: Vec<_> = sent.iter().map(|sent| (sent.method.as_str(), sent.url.as_str())).collect();
    let url = "https://git.example.com/team/app.git/git-upload-pack";
    let first = "https://git.example.com/team/app.git/info/refs?service=git-upload-pack";
    assert_eq!(urls, [("GET", first), ("POST", url), ("POST", url)]);
    assert!(sent.iter().all(|sent| sent.headers.contains(&("git-protocol".to_owned(), "version=2".to_owned()))));
    let wanted = String::from_utf8(sent[2].body.clone()).unwrap();
    assert!(wanted.contains(&format!("want {COMMIT}\n")), "{wanted}");
}

#[test]
fn a_pack_that_is_not_whole_is_told() {
    let mut changed = pack();
    changed[11] ^= 1;
    assert!(failed([capabilities(), references(), packed(&changed)]).starts_with("the pack is not what its digest "));
    let cut = &pack()[..15];
    assert_eq!(failed([capabilities(), references(), packed(cut)]), "the pack is cut");
}

#[test]
fn what_the_server_does_not_do_is_told() {
    let old = Response::new(200, packet(b"# service=git-upload-pack\n"));
    assert_eq!(failed([old]), "the server does not speak version 2 of git's protocol");
    assert_eq!(failed([Response::new(401, "")]), "the server does not take the password");
    assert_eq!(failed([Response::new(404, "")]), "the server answered with status 404");
    assert_eq!(failed([capabilities(), Response::new(200, "0000")]), "the repository has no commit");
    let error = [packet(b"packfile\n"), packet(b"\x03not our ref\n")].concat();
    let told = failed([capabilities(), references(), Response::new(200, error)]);
    assert_eq!(told, "the server refused it: not our ref");
}

#[test]
fn a_path_that_leads_elsewhere_costs_no_use_of_the_password() {
    for repository in ["", "../x", "a//b", "a?b", "a/.git", "/a"] {
        let host = host([]);
        assert!(matches!(run(&host, repository), Err(Ended::Failed(_))), "{repository}");
        assert_eq!(host.uses(), []);
    }
}
