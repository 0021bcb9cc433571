use far_skill::http::Response;
use far_skill::testing::{Host, RunError, Use};
use serde_json::json;

use super::*;

const NAME: &str = "git-password";
/// A pack by git with four files, one of them a delta: `git pack-objects --stdout
/// --delta-base-offset`.
const PACK: &[u8] = include_bytes!("fixture.pack");
const COMMIT: &str = "8c7d877680198ea1bc6c12d2a5b361305bf6c41a";

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

fn band(number: u8, data: &[u8]) -> Vec<u8> {
    packet(&[&[number], data].concat())
}

/// Returns a response with the pack in two packets and a progress message between them.
fn packed(pack: &[u8]) -> Response {
    let (one, two) = pack.split_at(5);
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

fn host(responses: impl IntoIterator<Item = Response>) -> Host {
    let host = Host::new(far_skill::declaration!()).secret(NAME, "pa55word-0123");
    responses.into_iter().fold(host, |host, response| host.respond_with(Ok(response)))
}

fn run(host: &Host, repository: &str, reference: Option<&str>, show: &[&str]) -> Result<Output, RunError> {
    let show = show.iter().map(|path| (*path).to_owned()).collect();
    let reference = reference.map(str::to_owned);
    host.run(clone, Input { user: "ci".to_owned(), repository: repository.to_owned(), reference, show })
}

fn error(responses: impl IntoIterator<Item = Response>) -> String {
    match run(&host(responses), "team/app.git", None, &["absent"]) {
        Err(RunError::Failure(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn clone_sends_password_in_each_request() {
    let host = host([capabilities(), references(), packed(PACK)]);
    let cloned = run(&host, "team/app.git", None, &["link", "bin/run"]).unwrap();
    let expected = json!({
        "commit": COMMIT, "reference": "refs/heads/main", "subject": "The first", "objects": 7, "deltas": 1,
        "files": [
            { "path": "bin/run", "mode": "100755", "type": "executable", "bytes": 10,
              "id": "1a2485251c33a70432394c93fb89330ef214bfc9" },
            { "path": "link", "mode": "120000", "type": "symlink", "bytes": 7,
              "id": "e08d0670e1da0f198f469c22be19212af7ac5f61" },
            { "path": "more", "mode": "100644", "type": "file", "bytes": 173,
              "id": "8b99d9fd1a4e220da98f68bbd7e4f71a7e88fdb7" },
            { "path": "numbers", "mode": "100644", "type": "file", "bytes": 171,
              "id": "fcd87345e00673ff10adeb5c83e620d50bb0d62a" },
        ],
        "contents": [{ "path": "link", "text": "bin/run" }, { "path": "bin/run", "text": "#!/bin/sh\n" }],
    });
    assert_eq!(serde_json::to_value(cloned).unwrap(), expected);

    assert_eq!(host.uses().iter().filter(|used| **used == Use::send(NAME)).count(), 3);
    let sent = host.sent();
    let urls: Vec<_> = sent.iter().map(|sent| (sent.method.as_str(), sent.url.as_str())).collect();
    let url = "https://git.example.com/team/app.git/git-upload-pack";
    let first = "https://git.example.com/team/app.git/info/refs?service=git-upload-pack";
    assert_eq!(urls, [("GET", first), ("POST", url), ("POST", url)]);
    assert!(sent.iter().all(|sent| sent.headers.contains(&("git-protocol".to_owned(), "version=2".to_owned()))));
    let command = String::from_utf8(sent[2].body.clone()).unwrap();
    assert!(command.contains(&format!("want {COMMIT}\n")), "{command}");
}

#[test]
fn only_requested_reference_is_used() {
    let lines = ["refs/heads/main2", "refs/heads/main"].map(|name| packet(format!("{COMMIT} {name}\n").as_bytes()));
    let both = host([capabilities(), Response::new(200, lines.concat()), packed(PACK)]);
    let cloned = run(&both, "team/app.git", Some("refs/heads/main"), &[]).unwrap();
    assert_eq!((cloned.reference.as_str(), cloned.contents), ("refs/heads/main", vec![]));
    let command = String::from_utf8(both.sent()[1].body.clone()).unwrap();
    assert!(command.contains("ref-prefix refs/heads/main\n"), "{command}");

    let other = host([capabilities(), Response::new(200, lines[0].clone())]);
    let missing = RunError::Failure("the repository has no refs/heads/main".to_owned());
    assert_eq!(run(&other, "team/app.git", Some("refs/heads/main"), &[]), Err(missing));
}

#[test]
fn invalid_pack_is_rejected() {
    let pack_error = |pack: &[u8]| error([capabilities(), references(), packed(pack)]);
    let mut changed = PACK.to_vec();
    changed[20] ^= 1;
    assert_eq!(pack_error(&changed), "the pack does not match its digest");
    assert_eq!(pack_error(&PACK[..15]), "the pack is truncated");
    // A valid pack without the commit.
    let empty = b"PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xadj\xc7\x5c\x82<\xfd>\xd3\x1e";
    assert_eq!(pack_error(empty), format!("the pack has no commit {COMMIT}"));
    assert_eq!(pack_error(PACK), r#"the file "absent" does not exist"#);
}

#[test]
fn unsupported_or_refusing_server_is_error() {
    let old = Response::new(200, packet(b"# service=git-upload-pack\n"));
    assert_eq!(error([old]), "the server does not support version 2 of git's protocol");
    assert_eq!(error([Response::new(401, "")]), "the server rejected the password");
    assert_eq!(error([Response::new(404, "")]), "the server returned status 404");
    assert_eq!(error([capabilities(), Response::new(200, "0000")]), "the repository has no HEAD");
    let fetch_error = |packets: &[&[u8]]| error([capabilities(), references(), Response::new(200, packets.concat())]);
    let refused = "the server refused it: not our ref";
    assert_eq!(fetch_error(&[&packet(b"packfile\n"), &packet(b"\x03not our ref\n")]), refused);
    assert_eq!(fetch_error(&[&packet(b"ERR not our ref\n")]), refused);
    assert_eq!(fetch_error(&[b"0000"]), "the response contains no pack");
    assert_eq!(fetch_error(&[&packet(b"packfile\n"), b"00"]), "the response is truncated, or is not git's protocol");
}

#[test]
fn invalid_input_does_not_use_password() {
    for repository in ["", "../x", "a//b", "a?b", "a/.git", "/a"] {
        let host = host([]);
        assert!(matches!(run(&host, repository, None, &[]), Err(RunError::Failure(_))), "{repository}");
        assert_eq!(host.uses(), []);
    }
    let host = host([]);
    assert!(matches!(run(&host, "a", Some("main\nwant x"), &[]), Err(RunError::Failure(_))));
    assert_eq!(host.uses(), []);
}
