use far_skill::http::Response;
use far_skill::testing::{Host, RunError, Use};
use git_client::{Kind, Object};

use super::*;

const NAME: &str = "git-password";

fn packet(line: &[u8]) -> Vec<u8> {
    [format!("{:04x}", line.len() + 4).as_bytes(), line].concat()
}

fn response(lines: &[&[u8]]) -> Response {
    let packets: Vec<u8> = lines.iter().flat_map(|line| packet(line)).collect();
    Response::new(200, [packets, b"0000".to_vec()].concat())
}

/// Returns a commit with an empty tree, and its id.
fn parent() -> (Vec<Object>, ObjectId) {
    let tree = Object { kind: Kind::Tree, data: Vec::new() };
    let id = ObjectId::of(Kind::Tree, &tree.data).unwrap();
    let data = format!("tree {id}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nm\n").into_bytes();
    let commit = ObjectId::of(Kind::Commit, &data).unwrap();
    (vec![tree, Object { kind: Kind::Commit, data }], commit)
}

fn input() -> Input {
    let [user, repository, branch, path, text, message] =
        ["ci", "team/app.git", "main", "docs/a", "new\n", "Add it"].map(str::to_owned);
    let author = Author { name: "A".to_owned(), email: "a@example.com".to_owned() };
    Input { user, repository, branch, path, text, message, author, time: 0 }
}

/// Runs the skill against a server with this advertisement and report.
fn run(advertised: &[&[u8]], reported: &[&[u8]]) -> (Host, Result<Output, RunError>) {
    let (objects, id) = parent();
    let pack = pack::write(&objects).unwrap();
    let responses = [
        response(&[b"version 2\n"]),
        response(&[format!("{id} refs/heads/main\n").as_bytes()]),
        response(&[b"packfile\n", &[&[1], &pack[..]].concat()]),
        response(advertised),
        response(reported),
    ];
    let host = Host::new(far_skill::declaration!()).secret(NAME, "pa55word-0123");
    let host = responses.into_iter().fold(host, |host, response| host.respond_with(Ok(response)));
    let output = host.run(push, input());
    (host, output)
}

fn advertisement(id: ObjectId, capabilities: &str) -> Vec<u8> {
    format!("{id} refs/heads/main\0{capabilities}\n").into_bytes()
}

const ACCEPTED: [&[u8]; 2] = [b"unpack ok\n", b"ok refs/heads/main\n"];

#[test]
fn push_sends_password_in_each_request() {
    let (_, id) = parent();
    let (host, output) = run(&[&advertisement(id, "report-status delete-refs")], &ACCEPTED);
    let output = output.unwrap();
    assert_eq!((output.parent, output.objects), (id, 4));
    assert_eq!(host.uses().iter().filter(|used| **used == Use::send(NAME)).count(), 5);
    let sent = host.sent();
    let ends: Vec<_> = sent.iter().skip(3).map(|sent| (sent.method.as_str(), sent.url.as_str())).collect();
    let url = "https://git.example.com/team/app.git";
    let [refs, push] = ["info/refs?service=git-receive-pack", "git-receive-pack"].map(|end| format!("{url}/{end}"));
    assert_eq!(ends, [("GET", refs.as_str()), ("POST", push.as_str())]);
    let body = &sent[4].body;
    let at = body.windows(4).position(|four| four == b"PACK").unwrap();
    let command = format!("{id} {} refs/heads/main\0report-status agent=far\n", output.commit);
    assert_eq!(body[..at], [packet(command.as_bytes()), b"0000".to_vec()].concat());
    let pack = git_client::Pack::read(&body[at..], pack::Limits::default()).unwrap();
    assert!(pack.len() == 4 && pack.object(&output.commit).is_some() && pack.object(&output.blob).is_some());
}

#[test]
fn refused_push_is_error() {
    let (_, id) = parent();
    let error = |advertised: &[&[u8]], reported: &[&[u8]]| match run(advertised, reported).1 {
        Err(RunError::Failure(message)) => message,
        other => panic!("{other:?}"),
    };
    let advertisement_of_parent = advertisement(id, "report-status");
    let ng: &[u8] = b"ng refs/heads/main hook declined\n";
    assert_eq!(error(&[&advertisement_of_parent], &[b"unpack ok\n", ng]), "the server refused it: hook declined");
    let unconfirmed = "the server did not confirm the push";
    for reported in [&[][..], &ACCEPTED[..1], &ACCEPTED[1..], &[b"unpack ok\n", b"ok refs/heads/other\n"]] {
        assert_eq!(error(&[&advertisement_of_parent], reported), unconfirmed);
    }
    let moved = ObjectId::from_bytes([7; 20]);
    let message = error(&[&advertisement(moved, "report-status")], &ACCEPTED);
    assert_eq!(message, format!("refs/heads/main is no longer at {id}"));
    let unreported = "the server does not report the result of a push";
    assert_eq!(error(&[&advertisement(id, "report-status-v2")], &ACCEPTED), unreported);
}

#[test]
fn invalid_input_does_not_use_password() {
    let valid = input();
    let invalid = [
        Input { repository: "../x".to_owned(), ..valid.clone() },
        Input { branch: "a b".to_owned(), ..valid.clone() },
        Input { path: ".git/config".to_owned(), ..valid.clone() },
        Input { author: Author { name: "a\nb".to_owned(), ..valid.author.clone() }, ..valid },
    ];
    for input in invalid {
        let host = Host::new(far_skill::declaration!()).secret(NAME, "pa55word-0123");
        assert!(matches!(host.run(push, input), Err(RunError::Failure(_))));
        assert_eq!(host.uses(), []);
    }
}
