//! With a real server with Vault's API behind it.

use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use far_servers::fault::{Fault, Proxy};
use far_servers::{OpenBao, or_skip};
use serde_json::json;

use super::held::{Ended, Held, LONGEST};
use super::narrow;
use crate::fixture::Far;
use crate::masks::mask;

const SECRET: &str = "[secrets.token]\nprovider = 'vault'\npath = 'secret/ci/token'\nfield = 'key'\n";
const OLD: &str = "old-canary-5d1c88";
const NEW: &str = "new-canary-e07a43";

/// A server that has the secret's first version, and what `far.toml` says of it; its token may do this.
fn world(policy: &str) -> Option<(OpenBao, String, String)> {
    let bao = or_skip(OpenBao::dev())?;
    write(&bao, OLD);
    bao.api("POST", "sys/policies/acl/far", &json!({ "policy": policy })).unwrap();
    let token = bao.api("POST", "auth/token/create", &json!({ "policies": ["far"] })).unwrap();
    let token = token.pointer("/auth/client_token").unwrap().as_str().unwrap().to_owned();
    let config = format!(
        "[providers.vault]\ntype = 'vault'\naddress = '{}'\nauth = {{ method = 'token', token-file = 'token' }}\n{SECRET}",
        bao.address()
    );
    Some((bao, config, token))
}

fn write(bao: &OpenBao, value: &str) {
    bao.api("POST", "secret/data/ci/token", &json!({ "data": { "key": value } })).unwrap();
}

const READ: &str = r#"
path "secret/data/ci/token" { capabilities = ["read"] }
path "secret/metadata/ci/token" { capabilities = ["read"] }
"#;
const ALL: &str = r#"
path "secret/data/ci/token" { capabilities = ["read"] }
path "secret/metadata/ci/token" { capabilities = ["read"] }
path "secret/delete/ci/token" { capabilities = ["update"] }
path "secret/destroy/ci/token" { capabilities = ["update"] }
"#;

const NOTHING: &str = r#"path "secret/*" { capabilities = ["deny"] }"#;

fn far(words: &str, config: &str, token: &str) -> Far {
    let far = Far::new().words(words).file("far.toml", format!("{config}operations = ['sign']\n"));
    far.file("token", token).mode("token", 0o600)
}

fn held(config: &str, token: &str, anew: bool) -> Held {
    let values = format!("OLD={OLD}\nNEW={NEW}\n");
    Held::start(config, &values, &[("/wait", false), ("/then", anew)], |far| {
        far.file("token", token).mode("token", 0o600)
    })
    .waiting()
}

#[test]
fn what_the_server_says_of_a_secret_is_listed() {
    let Some((bao, config, token)) = world(READ) else { return };
    write(&bao, NEW);
    let output = far("secrets list --config far.toml", &config, &token).command().output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let row = stdout.lines().nth(1).unwrap();
    let age = row.split_whitespace().nth(5).unwrap();
    assert!(age.strip_suffix('s').is_some_and(|age| age.parse::<u32>().is_ok()), "{row}");
    let pad = " ".repeat(age.len().max(3) - age.len());
    let table = format!(
        "\
SECRET  PROVIDER  REFERENCE            SCOPE  TTL  AGE  LEFT  VERSION
token   vault     secret/ci/token#key  task   1h   {age}{pad}  -     2

no process of the agent 'local' runs that could be asked
"
    );
    assert_eq!((output.status.code(), stdout.as_str(), output.stderr.len()), (Some(0), table.as_str(), 0));

    bao.api("POST", "sys/policies/acl/far", &json!({ "policy": NOTHING })).unwrap();
    let denied = "unknown: the backend denies access to the secret";
    let table = table.replace(&format!("{age}{pad}"), "-  ").replace("     2\n", &format!("     {denied}\n"));
    far("secrets list --config far.toml", &config, &token).stdout(table).code(0);

    bao.api("POST", "sys/seal", &json!({})).unwrap();
    let output = far("secrets list --config far.toml", &config, &token).command().output().unwrap();
    let (stdout, stderr) = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).into();
    assert!(output.status.code() == Some(5) && stdout.contains("unknown: the backend is sealed\n"), "{stdout}{stderr}");
    assert!(
        stderr.starts_with("error: the provider 'vault' cannot be reached\n  cause: the backend is sealed\n"),
        "{stderr}"
    );
}

#[test]
fn after_a_refresh_the_next_get_is_of_the_new_version() {
    let Some((bao, config, token)) = world(READ) else { return };
    for (anew, value) in [(true, NEW), (false, OLD)] {
        write(&bao, OLD);
        let held = held(&config, &token, anew);
        write(&bao, NEW);
        let (code, stdout, stderr) = held.also("secrets refresh token --config far.toml");
        let said = narrow(&stdout);
        assert_eq!((code, said.len()), (Some(0), 3), "{stdout}{stderr}");
        assert!(said[0] == "token: refreshed" && said[1].starts_with("backend 'vault' has version "), "{stdout}");
        assert_eq!(said[2], "process PID kept 1 value, of which 1 changed");
        let Ended { code, stderr, sent, .. } = held.end();
        assert_eq!(
            (code, sent),
            (Some(0), Some(format!("Bearer {value}"))),
            "handles of before last for a while: {stderr}"
        );
        let refreshed = stderr.lines().find(|line| line.contains("secret.refreshed")).unwrap();
        assert!(refreshed.contains("outcome=completed cause=operator") && !refreshed.contains("task="), "{refreshed}");
    }
}

#[test]
fn hanging_backend_delays_no_list() {
    let Some((bao, config, token)) = world(READ) else { return };
    let proxy = Proxy::start(bao.socket()).unwrap();
    let held = held(&config.replace(&bao.address(), &proxy.address()), &token, false);
    proxy.next(vec![Fault::Silent; 200]);
    // More than the process executes.
    let mut refreshes: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = UnixStream::connect(held.socket()).unwrap();
            stream.write_all(b"{\"do\":\"refresh\",\"secret\":\"token\"}\n").unwrap();
            stream
        })
        .collect();
    let mut list = UnixStream::connect(held.socket()).unwrap();
    list.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    list.write_all(b"{\"do\":\"kept\"}\n").unwrap();
    let mut answer = String::new();
    list.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with(r#"{"kept":[{"name":"token""#), "{answer}");
    // Those that are executed have no answer yet.
    let is_busy = |stream: &mut UnixStream| {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer == "\"busy\"\n"
    };
    assert_eq!(refreshes.iter_mut().map(is_busy).filter(|busy| *busy).count(), 8);
    assert_eq!(held.end().code, Some(0));
}

#[test]
fn rotating_what_has_no_rotation_has_it_read_again() {
    let Some((bao, config, token)) = world(READ) else { return };
    let held = held(&config, &token, true);
    write(&bao, NEW);
    let (code, stdout, stderr) = held.also("secrets rotate token --config far.toml");
    let backend = "backend 'vault' makes no new versions: processes read what it has";
    let process = "process PID kept 1 value, of which 1 changed";
    assert_eq!(
        (code, narrow(&stdout)),
        (Some(0), ["token: rotated", backend, process].map(str::to_owned).into()),
        "{stderr}"
    );
    assert_eq!(held.end().sent, Some(format!("Bearer {NEW}")));
}

#[test]
fn a_revoked_version_is_wiped_in_processes_and_not_given_out_any_more() {
    let Some((_bao, config, token)) = world(ALL) else { return };
    let held = held(&config, &token, true);
    let (code, stdout, stderr) = held.also("secrets revoke token --config far.toml");
    let said = ["token: revoked", "backend 'vault' revoked version 1", "process PID wiped 1 value"];
    assert_eq!((code, narrow(&stdout)), (Some(0), said.map(str::to_owned).into()), "{stderr}");
    let last = stderr.lines().last().unwrap();
    let revoked = "secret.revoked   token version=1 provider=vault outcome=completed cause=operator duration=*us";
    assert!(last.ends_with(revoked), "{last}");
    // Once more is as good.
    let (code, stdout, stderr) = held.also("secrets revoke token --config far.toml");
    let said = [
        "token: revoked",
        "backend 'vault' had revoked the current version before: it was deleted",
        "process PID kept none",
    ];
    assert_eq!((code, narrow(&stdout)), (Some(0), said.map(str::to_owned).into()), "{stderr}");
    assert!(stderr.contains("outcome=failed reason=version-gone cause=operator"), "{stderr}");
    // Not even by who asks anew.
    let Ended { code, stderr, sent, .. } = held.end();
    assert_eq!((code, sent), (Some(1), None), "{stderr}");
    assert!(stderr.contains("secret.wiped     token version=1 provider=vault cause=operator\n"), "{stderr}");
    assert!(stderr.contains("provider=vault outcome=failed reason="), "{stderr}");
}

/// Passes connections on to a server; one that asks to have a version deleted only when it is let. Answers with its address.
/// If it is to lose answers, the client is given none from such a request on.
fn slow(to: String, came: Sender<()>, let_go: Receiver<()>, loses: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut start = vec![0; 4096];
            let length = client.read(&mut start).unwrap();
            start.truncate(length);
            let mut server = TcpStream::connect(to.trim_start_matches("http://")).unwrap();
            if start.starts_with(b"POST /v1/secret/delete/") {
                came.send(()).unwrap();
                let_go.recv().unwrap();
                if loses {
                    server.write_all(&start).unwrap();
                    assert_ne!(server.read(&mut start).unwrap(), 0);
                    return;
                }
            }
            server.write_all(&start).unwrap();
            let (mut from, mut back) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut from, &mut back));
            thread::spawn(move || {
                let copied = io::copy(&mut server, &mut client);
                client.shutdown(Shutdown::Both).and(copied)
            });
        }
    });
    address
}

/// Has a run get a secret again while the server revokes it: what the command says, of the backend and of the run; and its exit code.
fn got_again(loses: bool) -> Option<(Option<i32>, Vec<String>)> {
    let (bao, config, token) = world(ALL)?;
    let requests = [("/wait", false), ("/wait-again", true), ("/then", false)];
    let with = |far: Far| far.file("token", &token).mode("token", 0o600);
    let held = Held::start(&config, &format!("OLD={OLD}\n"), &requests, with).waiting();
    let (came, coming) = mpsc::channel();
    let (go, let_go) = mpsc::channel();
    let slow = slow(bao.address(), came, let_go, loses);
    let slow = std::fs::read_to_string(held.far.path("far.toml")).unwrap().replace(&bao.address(), &slow);
    std::fs::write(held.far.path("slow.toml"), slow).unwrap();
    std::fs::set_permissions(held.far.path("slow.toml"), Permissions::from_mode(0o644)).unwrap();
    let mut revoke = held.far.also("secrets revoke token --config slow.toml");
    let revoke = revoke.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    coming.recv_timeout(LONGEST).unwrap();
    // The process has wiped it, and its skill gets it again.
    let held = held.again();
    go.send(()).unwrap();
    let (told, stdout, _) = held.told(revoke.wait_with_output().unwrap());
    let Ended { code, stderr, sent, .. } = held.end();
    assert_eq!((code, sent), (Some(1), None), "{stdout}{stderr}");
    assert!(stderr.ends_with("error: the skill failed: the secret was revoked\n"), "{stderr}");
    Some((told, narrow(&stdout)))
}

#[test]
fn what_was_got_while_the_server_had_not_revoked_it_yet_is_wiped_too() {
    let Some(told) = got_again(false) else { return };
    let said = ["token: revoked", "backend 'vault' revoked version 1", "process PID wiped 2 values"];
    assert_eq!(told, (Some(0), said.map(str::to_owned).into()));
}

#[test]
fn what_was_got_while_the_answer_of_the_server_was_lost_is_wiped_too() {
    let Some(told) = got_again(true) else { return };
    let backend = "backend 'vault' did not revoke it: the backend is unavailable";
    let said = ["token: revoked in part", backend, "process PID wiped 2 values"];
    assert_eq!(told, (Some(5), said.map(str::to_owned).into()));
}

#[test]
fn what_the_server_denies_is_told_when_processes_have_wiped_it() {
    let Some((_bao, config, token)) = world(READ) else { return };
    let held = held(&config, &token, false);
    let (code, stdout, stderr) = held.also("secrets revoke token --config far.toml");
    let backend = "backend 'vault' did not revoke it: the backend denies access to the secret";
    let said = ["token: revoked in part", backend, "process PID wiped 1 value"];
    assert_eq!((code, narrow(&stdout)), (Some(3), said.map(str::to_owned).into()), "{stderr}");
    let told = "error: the provider 'vault' denies it\n  help: let its policy permit that to the credentials that it is reached \
                with\n";
    assert!(stderr.ends_with(told), "{stderr}");
    assert_eq!(held.end().sent, None);
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let nowhere = "[providers.vault]\ntype = 'vault'\naddress = 'http://127.0.0.1:1'\nauth = { method = 'token', token-file = 'token' }\n";
    let none = "  processes  none runs that could be asked\n";
    for (command, backend) in [
        ("refresh", "does not say which version it has: the backend is unavailable"),
        ("revoke", "did not revoke it: the backend is unavailable"),
    ] {
        let words = format!("secrets {command} token --config far.toml");
        let output = far(&words, &format!("{nowhere}{SECRET}"), "t0ken-canary").command().output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| mask(&String::from_utf8(bytes).unwrap()));
        let done = if command == "refresh" { "refreshed" } else { "revoked" };
        let said = format!("token: {done} in part\n  backend    'vault' {backend}\n{none}");
        assert_eq!((output.status.code(), stdout), (Some(5), said), "{stderr}");
        let told = "error: the provider 'vault' cannot be reached\n  cause: the backend is unavailable\n";
        assert!(stderr.contains(told) && !stderr.contains("canary"), "{stderr}");
    }
}
