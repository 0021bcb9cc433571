use far_skill::http::Response;
use far_skill::testing::{Ended, Host, Use};
use git_client::{Kind, Object};

use super::*;

const NAME: &str = "git-password";

fn packet(line: &[u8]) -> Vec<u8> {
    [format!("{:04x}", line.len() + 4).as_bytes(), line].concat()
}

fn answer(lines: &[&[u8]]) -> Response {
    let packets: Vec<u8> = lines.iter().flat_map(|line| packet(line)).collect();
    Response::new(200, [packets, b"0000".to_vec()].concat())
}

/// A commit of nothing, and its name.
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

/// A run in which the server advertises and reports this.
fn run(advertised: &[&[u8]], reported: &[&[u8]]) -> (Host, Result<Output, Ended>) {
    let (objects, id) = parent();
    let pack = pack::write(&objects).unwrap();
    let answers = [
        answer(&[b"version 2\n"]),
        answer(&[format!("{id} refs/heads/main\n").as_bytes()]),
        answer(&[b"packfile\n", &[&[1], &pack[..]].concat()]),
        answer(advertised),
        answer(reported),
    ];
    let host = Host::new(far_skill::declaration!()).secret(NAME, "pa55word-0123");
    let host = answers.into_iter().fold(host, |host, answer| host.answering(Ok(answer)));
    let output = host.run(push, input());
    (host, output)
}

fn advertisement(id: ObjectId, capabilities: &str) -> Vec<u8> {
    format!("{id} refs/heads/main\0{capabilities}\n").into_bytes()
}

const TAKEN: [&[u8]; 2] = [b"unpack ok\n", b"ok refs/heads/main\n"];

#[test]
fn a_commit_is_pushed_with_the_password_in_each_request() {
    let (_, id) = parent();
    let (host, output) = run(&[&advertisement(id, "report-status delete-refs")], &TAKEN);
    let output = output.unwrap();
    assert_eq!((output.parent, output.objects), (id, 4));
    assert_eq!(host.uses().iter().filter(|used| **used == Use::sent(NAME)).count(), 5);
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
fn what_the_server_does_not_take_is_told() {
    let (_, id) = parent();
    let told = |advertised: &[&[u8]], reported: &[&[u8]]| match run(advertised, reported).1 {
        Err(Ended::Failed(told)) => told,
        other => panic!("{other:?}"),
    };
    let right = advertisement(id, "report-status");
    let ng: &[u8] = b"ng refs/heads/main hook declined\n";
    assert_eq!(told(&[&right], &[b"unpack ok\n", ng]), "the server refused it: hook declined");
    let silent = "the server does not say that it took what was pushed";
    for reported in [&[][..], &TAKEN[..1], &TAKEN[1..], &[b"unpack ok\n", b"ok refs/heads/other\n"]] {
        assert_eq!(told(&[&right], reported), silent);
    }
    let moved = ObjectId::from_bytes([7; 20]);
    let told_moved = told(&[&advertisement(moved, "report-status")], &TAKEN);
    assert_eq!(told_moved, format!("refs/heads/main is no longer {id}"));
    let mute = "the server does not say whether it takes what is pushed";
    assert_eq!(told(&[&advertisement(id, "report-status-v2")], &TAKEN), mute);
}

#[test]
fn what_is_wrong_with_the_input_costs_no_use_of_the_password() {
    let right = input();
    let wrong = [
        Input { repository: "../x".to_owned(), ..right.clone() },
        Input { branch: "a b".to_owned(), ..right.clone() },
        Input { path: ".git/config".to_owned(), ..right.clone() },
        Input { author: Author { name: "a\nb".to_owned(), ..right.author.clone() }, ..right },
    ];
    for input in wrong {
        let host = Host::new(far_skill::declaration!()).secret(NAME, "pa55word-0123");
        assert!(matches!(host.run(push, input), Err(Ended::Failed(_))));
        assert_eq!(host.uses(), []);
    }
}
