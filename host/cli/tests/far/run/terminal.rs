//! The output of `far` on a terminal.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::completed::{WEBHOOK_EVENTS, webhook};
use crate::fixture::Far;
use crate::masks;

/// Runs the command on a terminal, and returns the exit code and the screen.
fn seen(far: &Far) -> (Option<i32>, String) {
    let (code, screen, _) = seen_beside(far, false);
    (code, screen)
}

/// Runs the command on a terminal, and returns the exit code, the screen, and stderr if it is a
/// pipe.
fn seen_beside(far: &Far, stderr_is_pipe: bool) -> (Option<i32>, String, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let open = || Stdio::from(OpenOptions::new().read(true).write(true).open(path).unwrap());
    let mut command = far.command();
    let stderr = if stderr_is_pipe { Stdio::piped() } else { open() };
    let child = command.stdin(Stdio::null()).stdout(open()).stderr(stderr).spawn().unwrap();
    // Closes this process's copy of the terminal, so that it hangs up when `far` ends.
    drop(command);
    let mut screen = Vec::new();
    // Reading from a terminal after the hangup fails.
    let _ = File::from(controller).read_to_end(&mut screen);
    let output = child.wait_with_output().unwrap();
    let screen = masks::mask(&String::from_utf8(screen).unwrap().replace("\r\n", "\n"));
    (output.status.code(), screen, String::from_utf8(output.stderr).unwrap())
}

fn mistake() -> Far {
    Far::new().words("run --task task.toml").file("task.toml", "[limits]\ntimeot = '1s'\n")
}

/// Returns a command with an error, on a terminal with all abilities.
fn capable() -> Far {
    mistake().variable("TERM", "xterm-256color").variable("LANG", "C.UTF-8")
}

/// Reports whether the error is shown in colors, and with Unicode drawings.
fn shown(far: &Far) -> (bool, bool) {
    let (code, screen) = seen(far);
    assert!(code == Some(2) && screen.contains("unknown key 'limits.timeot'"), "{screen:?}");
    (screen.contains('\u{1b}'), screen.contains('\u{2502}'))
}

#[test]
fn terminal_shows_source_line() {
    let report = "  \u{d7} unknown key 'limits.timeot'
   \u{256d}\u{2500}[task.toml:2:1]
 1 \u{2502} [limits]
 2 \u{2502} timeot = '1s'
   \u{b7} \u{2500}\u{2500}\u{2500}\u{252c}\u{2500}\u{2500}
   \u{b7}    \u{2570}\u{2500}\u{2500} unknown key
   \u{2570}\u{2500}\u{2500}\u{2500}\u{2500}
  help: did you mean 'timeout'?
";
    assert_eq!(seen(&capable().variable("NO_COLOR", "1")), (Some(2), report.to_owned()));
    // An empty variable has no effect.
    let (code, colored) = seen(&capable().variable("NO_COLOR", ""));
    assert!(code == Some(2) && colored.contains("\u{1b}[31m\u{d7}\u{1b}[0m unknown key"), "{colored:?}");
}

#[test]
fn plain_terminal_shows_ascii() {
    let report = "  x unknown key 'limits.timeot'
   ,-[task.toml:2:1]
 1 | [limits]
 2 | timeot = '1s'
   : ^^^|^^
   :    `-- unknown key
   `----
  help: did you mean 'timeout'?
";
    assert_eq!(seen(&mistake()), (Some(2), report.to_owned()), "without TERM and locale");
    assert_eq!(seen(&mistake().variable("TERM", "dumb").variable("LANG", "C.UTF-8")), (Some(2), report.to_owned()));
}

#[test]
fn environment_disables_colors_and_drawings() {
    assert_eq!(shown(&capable()), (true, true));
    assert_eq!(shown(&capable().variable("CLICOLOR", "0")), (false, true));
    assert_eq!(shown(&capable().variable("LC_CTYPE", "C")), (true, false));
    assert_eq!(shown(&capable().variable("LC_CTYPE", "C").variable("LC_ALL", "C.UTF-8")), (true, true));
}

#[test]
fn pipe_gets_plain_text() {
    let stderr = "error: task.toml:2:1: unknown key 'limits.timeot'\n  help: did you mean 'timeout'?\n";
    assert_eq!(seen_beside(&capable(), true), (Some(2), String::new(), stderr.to_owned()), "beside a terminal");
    capable().variable("FORCE_COLOR", "1").stderr(stderr).code(2);
}

#[test]
fn terminal_output_ends_with_newline() {
    assert_eq!(seen(&webhook()), (Some(0), format!("{WEBHOOK_EVENTS}{{\"valid\":true}}\n")));
}
