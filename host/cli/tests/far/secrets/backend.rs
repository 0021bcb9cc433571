//! `far secrets` with a real Vault server as the backend.

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

use super::narrow;
use super::waiting_run::{LONGEST, RunResult, WaitingRun};
use crate::fixture::Far;
use crate::masks::mask;

const SECRET: &str = "[secrets.token]\nprovider = 'vault'\npath = 'secret/ci/token'\nfield = 'key'\n";
const OLD: &str = "old-canary-5d1c88";
const NEW: &str = "new-canary-e07a43";

/// Starts a server with the secret's first version. Returns the provider's configuration and a
/// token with this policy.
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

fn start_run(config: &str, token: &str, new_handle: bool) -> WaitingRun {
    let values = format!("OLD={OLD}\nNEW={NEW}\n");
    WaitingRun::start(config, &values, &[("/wait", false), ("/then", new_handle)], |far| {
        far.file("token", token).mode("token", 0o600)
    })
    .waiting()
}

#[test]
fn list_shows_server_metadata() {
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

no running processes of agent 'local'
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
    assert!(stderr.starts_with("error: cannot reach provider 'vault'\n  cause: the backend is sealed\n"), "{stderr}");
}

#[test]
fn refresh_updates_next_get() {
    let Some((bao, config, token)) = world(READ) else { return };
    for (new_handle, value) in [(true, NEW), (false, OLD)] {
        write(&bao, OLD);
        let run = start_run(&config, &token, new_handle);
        write(&bao, NEW);
        let (code, stdout, stderr) = run.also("secrets refresh token --config far.toml");
        let lines = narrow(&stdout);
        assert_eq!((code, lines.len()), (Some(0), 3), "{stdout}{stderr}");
        assert!(lines[0] == "token: refreshed" && lines[1].starts_with("backend 'vault' has version "), "{stdout}");
        assert_eq!(lines[2], "process PID 1 cached value, 1 changed");
        let RunResult { code, stderr, sent, .. } = run.end();
        assert_eq!(
            (code, sent),
            (Some(0), Some(format!("Bearer {value}"))),
            "old handles live for the overlap: {stderr}"
        );
        let refreshed = stderr.lines().find(|line| line.contains("secret.refreshed")).unwrap();
        assert!(refreshed.contains("outcome=completed cause=operator") && !refreshed.contains("task="), "{refreshed}");
    }
}

#[test]
fn hanging_backend_does_not_delay_list() {
    let Some((bao, config, token)) = world(READ) else { return };
    let proxy = Proxy::start(bao.socket()).unwrap();
    let run = start_run(&config.replace(&bao.address(), &proxy.address()), &token, false);
    proxy.next(vec![Fault::Hang; 200]);
    // More requests than the process executes concurrently.
    let mut refreshes: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = UnixStream::connect(run.socket()).unwrap();
            stream.write_all(b"{\"do\":\"refresh\",\"secret\":\"token\"}\n").unwrap();
            stream
        })
        .collect();
    let mut list = UnixStream::connect(run.socket()).unwrap();
    list.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    list.write_all(b"{\"do\":\"kept\"}\n").unwrap();
    let mut answer = String::new();
    list.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with(r#"{"kept":[{"name":"token""#), "{answer}");
    // The executing requests have no answer yet.
    let is_busy = |stream: &mut UnixStream| {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer == "\"busy\"\n"
    };
    assert_eq!(refreshes.iter_mut().map(is_busy).filter(|busy| *busy).count(), 8);
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn rotate_without_rotation_rereads_value() {
    let Some((bao, config, token)) = world(READ) else { return };
    let run = start_run(&config, &token, true);
    write(&bao, NEW);
    let (code, stdout, stderr) = run.also("secrets rotate token --config far.toml");
    let backend = "backend 'vault' does not create versions; processes read the current one";
    let process = "process PID 1 cached value, 1 changed";
    assert_eq!(
        (code, narrow(&stdout)),
        (Some(0), ["token: rotated", backend, process].map(str::to_owned).into()),
        "{stderr}"
    );
    assert_eq!(run.end().sent, Some(format!("Bearer {NEW}")));
}

#[test]
fn revoked_version_is_wiped_and_withheld() {
    let Some((_bao, config, token)) = world(ALL) else { return };
    let run = start_run(&config, &token, true);
    let (code, stdout, stderr) = run.also("secrets revoke token --config far.toml");
    let lines = ["token: revoked", "backend 'vault' revoked version 1", "process PID wiped 1 value"];
    assert_eq!((code, narrow(&stdout)), (Some(0), lines.map(str::to_owned).into()), "{stderr}");
    let last = stderr.lines().last().unwrap();
    let revoked = "secret.revoked   token version=1 provider=vault outcome=completed cause=operator duration=*us";
    assert!(last.ends_with(revoked), "{last}");
    // A second revocation succeeds too.
    let (code, stdout, stderr) = run.also("secrets revoke token --config far.toml");
    let lines = [
        "token: revoked",
        "backend 'vault' has no current version to revoke: it was deleted",
        "process PID no cached values",
    ];
    assert_eq!((code, narrow(&stdout)), (Some(0), lines.map(str::to_owned).into()), "{stderr}");
    assert!(stderr.contains("outcome=failed reason=version-gone cause=operator"), "{stderr}");
    // A new get fails too.
    let RunResult { code, stderr, sent, .. } = run.end();
    assert_eq!((code, sent), (Some(1), None), "{stderr}");
    assert!(stderr.contains("secret.wiped     token version=1 provider=vault cause=operator\n"), "{stderr}");
    assert!(stderr.contains("provider=vault outcome=failed reason="), "{stderr}");
}

/// Starts a proxy that delays requests to delete a version until `let_go`. With `loses`, it drops
/// their answers. Returns its address.
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

/// Makes a run get a secret again during its revocation. Returns the exit code and the output of
/// the command.
fn get_during_revocation(loses: bool) -> Option<(Option<i32>, Vec<String>)> {
    let (bao, config, token) = world(ALL)?;
    let requests = [("/wait", false), ("/wait-again", true), ("/then", false)];
    let with = |far: Far| far.file("token", &token).mode("token", 0o600);
    let run = WaitingRun::start(&config, &format!("OLD={OLD}\n"), &requests, with).waiting();
    let (came, coming) = mpsc::channel();
    let (go, let_go) = mpsc::channel();
    let slow = slow(bao.address(), came, let_go, loses);
    let slow = std::fs::read_to_string(run.far.path("far.toml")).unwrap().replace(&bao.address(), &slow);
    std::fs::write(run.far.path("slow.toml"), slow).unwrap();
    std::fs::set_permissions(run.far.path("slow.toml"), Permissions::from_mode(0o644)).unwrap();
    let mut revoke = run.far.also("secrets revoke token --config slow.toml");
    let revoke = revoke.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    coming.recv_timeout(LONGEST).unwrap();
    // The process has wiped the value, and the skill gets it again.
    let run = run.again();
    go.send(()).unwrap();
    let (revoke_code, stdout, _) = run.masked(revoke.wait_with_output().unwrap());
    let RunResult { code, stderr, sent, .. } = run.end();
    assert_eq!((code, sent), (Some(1), None), "{stdout}{stderr}");
    assert!(stderr.ends_with("error: the skill failed: the secret was revoked\n"), "{stderr}");
    Some((revoke_code, narrow(&stdout)))
}

#[test]
fn get_during_revocation_is_wiped() {
    let Some(result) = get_during_revocation(false) else { return };
    let lines = ["token: revoked", "backend 'vault' revoked version 1", "process PID wiped 2 values"];
    assert_eq!(result, (Some(0), lines.map(str::to_owned).into()));
}

#[test]
fn lost_revocation_answer_wipes_new_get() {
    let Some(result) = get_during_revocation(true) else { return };
    let backend = "backend 'vault' could not revoke the secret: the backend is unavailable";
    let lines = ["token: revoked partially", backend, "process PID wiped 2 values"];
    assert_eq!(result, (Some(5), lines.map(str::to_owned).into()));
}

#[test]
fn denied_revocation_still_wipes_processes() {
    let Some((_bao, config, token)) = world(READ) else { return };
    let run = start_run(&config, &token, false);
    let (code, stdout, stderr) = run.also("secrets revoke token --config far.toml");
    let backend = "backend 'vault' could not revoke the secret: the backend denies access to the secret";
    let lines = ["token: revoked partially", backend, "process PID wiped 1 value"];
    assert_eq!((code, narrow(&stdout)), (Some(3), lines.map(str::to_owned).into()), "{stderr}");
    let message = "error: provider 'vault' denied the request\n  help: permit the operation in the provider's policy for the credentials of far\n  explanation: far explain denied\n";
    assert!(stderr.ends_with(message), "{stderr}");
    assert_eq!(run.end().sent, None);
}

#[test]
fn absent_server_is_reported() {
    let nowhere = "[providers.vault]\ntype = 'vault'\naddress = 'http://127.0.0.1:1'\nauth = { method = 'token', token-file = 'token' }\n";
    let none = "  processes  none running\n";
    for (command, backend) in [
        ("refresh", "did not report its version: the backend is unavailable"),
        ("revoke", "could not revoke the secret: the backend is unavailable"),
    ] {
        let words = format!("secrets {command} token --config far.toml");
        let output = far(&words, &format!("{nowhere}{SECRET}"), "t0ken-canary").command().output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| mask(&String::from_utf8(bytes).unwrap()));
        let done = if command == "refresh" { "refreshed" } else { "revoked" };
        let lines = format!("token: {done} partially\n  backend    'vault' {backend}\n{none}");
        assert_eq!((output.status.code(), stdout), (Some(5), lines), "{stderr}");
        let message = "error: cannot reach provider 'vault'\n  cause: the backend is unavailable\n";
        assert!(stderr.contains(message) && !stderr.contains("canary"), "{stderr}");
    }
}
