//! What is different where somebody looks: `far` on a terminal of its own.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::completed::{WEBHOOK_EVENTS, webhook};
use crate::fixture::Far;
use crate::masks;

/// Runs it, and answers with the exit code and all that is on the terminal.
fn seen(far: &Far) -> (Option<i32>, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let open = || Stdio::from(OpenOptions::new().read(true).write(true).open(path).unwrap());
    let mut command = far.command();
    let mut child = command.stdin(Stdio::null()).stdout(open()).stderr(open()).spawn().unwrap();
    // Its other end is closed when the last that has it ends: here, when `far` does.
    drop(command);
    let mut screen = Vec::new();
    // A terminal whose other end is closed answers with an error.
    let _ = File::from(controller).read_to_end(&mut screen);
    let code = child.wait().unwrap().code();
    (code, masks::mask(&String::from_utf8(screen).unwrap().replace("\r\n", "\n")))
}

fn mistake() -> Far {
    Far::new().words("run --task task.toml").file("task.toml", "[limits]\ntimeot = '1s'\n")
}

#[test]
fn the_line_that_is_wrong_is_shown() {
    let report = "  \u{d7} unknown key 'limits.timeot'
   \u{256d}\u{2500}[task.toml:2:1]
 1 \u{2502} [limits]
 2 \u{2502} timeot = '1s'
   \u{b7} \u{2500}\u{2500}\u{2500}\u{252c}\u{2500}\u{2500}
   \u{b7}    \u{2570}\u{2500}\u{2500} unknown
   \u{2570}\u{2500}\u{2500}\u{2500}\u{2500}
  help: did you mean 'timeout'?
";
    assert_eq!(seen(&mistake().variable("NO_COLOR", "1")), (Some(2), report.to_owned()));
    // An empty variable asks for nothing.
    let (code, coloured) = seen(&mistake().variable("NO_COLOR", ""));
    assert!(code == Some(2) && coloured.contains("\u{1b}[31m\u{d7}\u{1b}[0m unknown key"), "{coloured:?}");
}

#[test]
fn the_output_is_a_line() {
    assert_eq!(seen(&webhook()), (Some(0), format!("{WEBHOOK_EVENTS}{{\"valid\":true}}\n")));
}
