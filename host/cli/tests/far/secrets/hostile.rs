//! Hostile peers of the control socket.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, geteuid};

use super::waiting_run::{RunResult, WaitingRun};

/// Returns the answer to these bytes.
fn answer(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    // The process may refuse before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn malformed_request_is_rejected_without_echo() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let socket = run.socket();
    let long = format!(r#"{{"do":"revoke","secret":"token"{}}}"#, " ".repeat(4096));
    for hostile in [
        "",
        "\n",
        "word-of-a-stranger\n",
        r#"{"do":"reveal","secret":"token"}"#,
        "{\"do\":\"reveal\",\"secret\":\"token\"}\n",
        "{\"do\":\"revoke\",\"secret\":\"token\",\"word-of-a-stranger\":1}\n",
        "{\"do\":\"revoke\",\"secret\":\"word of a stranger\"}\n",
        "{\"do\":\"revoke\",\"secret\":\"../token\"}\n",
        "{\"do\":\"revoke\",\"secret\":\"token\"}\n{\"do\":\"kept\"}\n",
        // A line without an end is not executed.
        "{\"do\":\"revoke\",\"secret\":\"token\"}",
        &format!("{long}\n"),
        &long,
        &"x".repeat(1 << 20),
    ] {
        let start: String = hostile.chars().take(80).collect();
        assert_eq!(answer(&socket, hostile.as_bytes()), "\"refused\"\n", "{start}");
    }
    assert_eq!(answer(&socket, b"{\"do\":\"revoke\",\"secret\":\"payroll\"}\n"), "{\"wiped\":0}\n", "an unknown name");
    let reread = "{\"reread\":{\"kept\":0,\"changed\":0,\"failed\":0}}\n";
    assert_eq!(answer(&socket, b"{\"do\":\"refresh\",\"secret\":\"payroll\"}\n"), reread);
    assert_eq!(answer(&socket, b"{\"do\":\"replace\",\"secret\":\"token\"}\n"), reread, "not a dynamic secret");
    let kept = answer(&socket, b"{\"do\":\"kept\"}\n");
    assert!(kept.starts_with(r#"{"kept":[{"name":"token","provider":"dev","version":"env-"#), "{kept}");
    assert!(!kept.contains("canary"), "{kept}");

    let RunResult { code, stderr, sent, .. } = run.end();
    assert_eq!((code, sent.as_deref()), (Some(0), Some("Bearer token-canary-9b41e7")), "{stderr}");
    assert!(!stderr.contains("stranger") && !stderr.contains("payroll") && !stderr.contains("cause="), "{stderr}");
}

#[test]
fn silent_peers_delay_no_request() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let socket = run.socket();
    let mut silent: Vec<_> = (0..4).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    silent[0].write_all(b"{\"do\":").unwrap();
    let (code, stdout, stderr) = run.also("secrets list --config far.toml");
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.lines().any(|line| line.starts_with("PID ") && line.contains(" token ")), "{stdout}");
    for stream in &mut silent {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    let RunResult { code, stderr, .. } = run.end();
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn socket_is_owner_only_and_removed() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let (socket, control) = (run.socket(), run.control());
    let metadata = socket.metadata().unwrap();
    assert!(metadata.file_type().is_socket());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&socket), mode(&control)), (0o600, 0o700));
    let ended = run.end();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.far.control(), control);
    assert_eq!(control.read_dir().unwrap().count(), 0, "the ended run removed its socket");
}

#[test]
fn cancelled_run_removes_socket() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    run.running.send(Signal::TERM);
    let ended = run.end();
    assert_eq!(ended.code, Some(143));
    assert_eq!(ended.far.control().read_dir().unwrap().count(), 0);
}

#[test]
fn stale_socket_is_skipped_and_removed() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let socket = run.socket();
    run.running.send(Signal::KILL);
    let control = run.control();
    let far = run.killed();
    assert!(socket.exists());
    let output = far.also("secrets list --config far.toml").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.ends_with("no running processes of agent 'local'\n"), "{stdout}");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    assert_eq!(control.read_dir().unwrap().count(), 0);
}

#[test]
fn other_agents_processes_are_not_contacted() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    let config = std::fs::read_to_string(run.far.path("far.toml")).unwrap();
    std::fs::write(run.far.path("other.toml"), format!("[agent]\nid = 'other'\n{config}")).unwrap();
    std::fs::set_permissions(run.far.path("other.toml"), Permissions::from_mode(0o644)).unwrap();
    let (code, stdout, _) = run.also("secrets revoke token --config other.toml");
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with("  processes  none running\n"), "{stdout}");
    let RunResult { code, stderr, sent, .. } = run.end();
    assert_eq!((code, sent.is_some()), (Some(0), true), "{stderr}");
}

/// Asserts that a run without a control socket warns and completes, and that commands do not reach
/// it.
fn unheard(with: impl FnOnce(&Path), why: &str) {
    let run = WaitingRun::dotenv(|far| {
        with(&far.control());
        far
    });
    let run = run.waiting();
    let (code, stdout, stderr) = run.also("secrets revoke token --config far.toml");
    assert_eq!((code, stdout.as_str()), (Some(5), ""), "{stderr}");
    assert!(
        stderr.starts_with("error: cannot contact running far processes\n  cause: ") && stderr.contains(why),
        "{stderr}"
    );
    let RunResult { code, stderr, sent, .. } = run.end();
    assert_eq!((code, sent.is_some()), (Some(0), true), "{stderr}");
    let warning = stderr.lines().find(|line| line.starts_with("warning: ")).unwrap();
    assert!(
        warning.starts_with("warning: 'far secrets' cannot reach this process: ") && warning.ends_with(why),
        "{warning}"
    );
}

#[test]
fn unsafe_control_folder_is_not_used() {
    let open = |control: &Path| {
        std::fs::create_dir_all(control).unwrap();
        std::fs::set_permissions(control, Permissions::from_mode(0o711)).unwrap();
    };
    unheard(open, "control/local' is accessible to other users: its mode is 0711");
    let link = |control: &Path| {
        let (above, elsewhere) = (control.parent().unwrap(), control.with_file_name("elsewhere"));
        std::fs::create_dir_all(above).unwrap();
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::set_permissions(&elsewhere, Permissions::from_mode(0o700)).unwrap();
        symlink(elsewhere, control).unwrap();
    };
    unheard(link, "control/local' is a symbolic link");
}

/// Lists the cached secrets and prints the start of the answer.
const ASK: &str = r#"
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.sendall(b'{"do":"kept"}\n')
    print(s.recv(8).decode(), end="")
except OSError:
    pass
"#;

#[test]
fn other_user_gets_no_answer() {
    // Only root can become another user.
    if !geteuid().is_root() {
        return;
    }
    let run = WaitingRun::dotenv(|far| far).waiting();
    let socket = run.socket();
    // Opens the modes, so that only the peer credentials protect the socket.
    std::fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    for folder in socket.ancestors().skip(1).take_while(|folder| *folder != std::env::temp_dir()) {
        std::fs::set_permissions(folder, Permissions::from_mode(0o711)).unwrap();
    }
    let ask = |user: u32| {
        let mut python = Command::new("python3");
        python.args(["-c", ASK]).arg(&socket).uid(user).output()
    };
    // The test needs Python.
    let Ok(own) = ask(0) else { return };
    assert_eq!(String::from_utf8(own.stdout).unwrap(), r#"{"kept":"#);
    let other = ask(65_534).unwrap();
    assert!(other.status.success() && other.stdout.is_empty(), "{other:?}");
    assert_eq!(run.end().code, Some(0));
}
