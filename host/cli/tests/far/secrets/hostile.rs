//! Who asks a process what nobody may, or in a way that nobody should.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, geteuid};

use super::held::{Ended, Held};

/// What is answered to these bytes, and nothing more.
fn answer(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    // It may be refused before it has all of it.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn what_is_no_request_is_refused_without_a_word_of_it_and_changes_nothing() {
    let held = Held::dotenv(|far| far).waiting();
    let socket = held.socket();
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
        // Half a line: it is not done for want of its end.
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
    assert_eq!(answer(&socket, b"{\"do\":\"replace\",\"secret\":\"token\"}\n"), reread, "it was not made for anybody");
    let kept = answer(&socket, b"{\"do\":\"kept\"}\n");
    assert!(kept.starts_with(r#"{"kept":[{"name":"token","provider":"dev","version":"env-"#), "{kept}");
    assert!(!kept.contains("canary"), "{kept}");

    let Ended { code, stderr, sent, .. } = held.end();
    assert_eq!((code, sent.as_deref()), (Some(0), Some("Bearer token-canary-9b41e7")), "{stderr}");
    assert!(!stderr.contains("stranger") && !stderr.contains("payroll") && !stderr.contains("cause="), "{stderr}");
}

#[test]
fn who_says_nothing_keeps_nobody_waiting_for_long() {
    let held = Held::dotenv(|far| far).waiting();
    let socket = held.socket();
    let mut silent: Vec<_> = (0..4).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    silent[0].write_all(b"{\"do\":").unwrap();
    let (code, stdout, stderr) = held.also("secrets list --config far.toml");
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.lines().any(|line| line.starts_with("PID ") && line.contains(" token ")), "{stdout}");
    for stream in &mut silent {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    let Ended { code, stderr, .. } = held.end();
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn the_socket_is_its_users_alone_and_gone_with_the_run() {
    let held = Held::dotenv(|far| far).waiting();
    let (socket, control) = (held.socket(), held.control());
    let metadata = socket.metadata().unwrap();
    assert!(metadata.file_type().is_socket());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&socket), mode(&control)), (0o600, 0o700));
    let ended = held.end();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.far.control(), control);
    assert_eq!(control.read_dir().unwrap().count(), 0, "it has ended");
}

#[test]
fn the_socket_is_gone_when_the_run_is_cancelled() {
    let held = Held::dotenv(|far| far).waiting();
    held.running.send(Signal::TERM);
    let ended = held.end();
    assert_eq!(ended.code, Some(143));
    assert_eq!(ended.far.control().read_dir().unwrap().count(), 0);
}

#[test]
fn what_a_killed_run_left_is_passed_over_and_taken_away() {
    let held = Held::dotenv(|far| far).waiting();
    let socket = held.socket();
    held.running.send(Signal::KILL);
    let control = held.control();
    let far = held.killed();
    assert!(socket.exists());
    let output = far.also("secrets list --config far.toml").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.ends_with("no process of the agent 'local' runs that could be asked\n"), "{stdout}");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    assert_eq!(control.read_dir().unwrap().count(), 0);
}

#[test]
fn another_agents_processes_are_not_asked() {
    let held = Held::dotenv(|far| far).waiting();
    let config = std::fs::read_to_string(held.far.path("far.toml")).unwrap();
    std::fs::write(held.far.path("other.toml"), format!("[agent]\nid = 'other'\n{config}")).unwrap();
    std::fs::set_permissions(held.far.path("other.toml"), Permissions::from_mode(0o644)).unwrap();
    let (code, stdout, _) = held.also("secrets revoke token --config other.toml");
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with("  processes  none runs that could be asked\n"), "{stdout}");
    let Ended { code, stderr, sent, .. } = held.end();
    assert_eq!((code, sent.is_some()), (Some(0), true), "{stderr}");
}

/// A run that cannot listen goes on, and says so; nor is anybody asked there.
fn unheard(with: impl FnOnce(&Path), why: &str) {
    let held = Held::dotenv(|far| {
        with(&far.control());
        far
    });
    let held = held.waiting();
    let (code, stdout, stderr) = held.also("secrets revoke token --config far.toml");
    assert_eq!((code, stdout.as_str()), (Some(5), ""), "{stderr}");
    assert!(
        stderr.starts_with("error: processes that run cannot be asked\n  cause: ") && stderr.contains(why),
        "{stderr}"
    );
    let Ended { code, stderr, sent, .. } = held.end();
    assert_eq!((code, sent.is_some()), (Some(0), true), "{stderr}");
    let said = stderr.lines().find(|line| line.starts_with("warning: ")).unwrap();
    assert!(said.starts_with("warning: 'far secrets' does not reach this process: ") && said.ends_with(why), "{said}");
}

#[test]
fn a_folder_that_others_may_use_or_that_is_a_link_is_not_listened_in() {
    let open = |control: &Path| {
        std::fs::create_dir_all(control).unwrap();
        std::fs::set_permissions(control, Permissions::from_mode(0o711)).unwrap();
    };
    unheard(open, "control/local: its mode is 0711");
    let link = |control: &Path| {
        let (above, elsewhere) = (control.parent().unwrap(), control.with_file_name("elsewhere"));
        std::fs::create_dir_all(above).unwrap();
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::set_permissions(&elsewhere, Permissions::from_mode(0o700)).unwrap();
        symlink(elsewhere, control).unwrap();
    };
    unheard(link, "control/local is a symbolic link");
}

/// Asks what is kept, and prints the beginning of the answer.
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
fn another_user_who_reaches_the_socket_all_the_same_is_not_answered() {
    // Only root can be another user.
    if !geteuid().is_root() {
        return;
    }
    let held = Held::dotenv(|far| far).waiting();
    let socket = held.socket();
    // What keeps others away is taken away, but for who the kernel says they are.
    std::fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    for folder in socket.ancestors().skip(1).take_while(|folder| *folder != std::env::temp_dir()) {
        std::fs::set_permissions(folder, Permissions::from_mode(0o711)).unwrap();
    }
    let ask = |user: u32| {
        let mut python = Command::new("python3");
        python.args(["-c", ASK]).arg(&socket).uid(user).output()
    };
    // Without Python there is nobody else to ask.
    let Ok(own) = ask(0) else { return };
    assert_eq!(String::from_utf8(own.stdout).unwrap(), r#"{"kept":"#);
    let other = ask(65_534).unwrap();
    assert!(other.status.success() && other.stdout.is_empty(), "{other:?}");
    assert_eq!(held.end().code, Some(0));
}
