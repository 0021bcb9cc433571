//! The protection of a running `far` from other users.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};

/// More than a pipe holds. After the write, `far` has begun to read and is therefore hardened.
static INPUT: [u8; 256 * 1024] = [b' '; 256 * 1024];
/// The user for child processes of root.
const NOBODY: u32 = 65_534;

#[test]
fn running_far_is_undumpable_and_untraceable() {
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: maximum, maximum }).unwrap();
    // Other users may have no access to the build folder.
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    let far = folder.path().join("far");
    std::fs::copy(env!("CARGO_BIN_EXE_far"), &far).unwrap();
    let mut command = Command::new(far);
    command.args(["run", "absent.wasm", "--allow-swap", "--input", "@-"]).stdin(Stdio::piped()).stderr(Stdio::null());
    if geteuid().is_root() {
        command.uid(NOBODY);
    }
    let mut far = command.spawn().unwrap();
    far.stdin.as_mut().unwrap().write_all(&INPUT).unwrap();

    let limits = std::fs::read_to_string(format!("/proc/{}/limits", far.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["Max", "core", "file", "size", "0", "0", "bytes"]);
    let owner = std::fs::metadata(format!("/proc/{}/limits", far.id())).unwrap().uid();
    assert_eq!(owner, 0, "an undumpable process belongs to root in /proc");
    drop(far.stdin.take());
    assert_eq!(far.wait().unwrap().code(), Some(2));
}

#[test]
fn missing_locked_memory_refuses_run() {
    let script = "ulimit -S -l 0 && exec \"$0\" run absent.wasm";
    let far = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_far")]).output().unwrap();
    assert_eq!((far.status.code(), far.stdout.as_slice()), (Some(5), &b""[..]));
    let shown = String::from_utf8(far.stderr).unwrap();
    assert!(shown.contains("no locked memory left") && shown.contains("ulimit -l"), "{shown}");
}
