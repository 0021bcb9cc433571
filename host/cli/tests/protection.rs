//! What others see of a running `far`.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};

/// More than a pipe holds: when it is written, `far` has begun to read, which it does after it is protected.
static INPUT: [u8; 256 * 1024] = [b' '; 256 * 1024];
/// Somebody whom root can be in a child.
const NOBODY: u32 = 65_534;

#[test]
fn a_running_far_writes_no_core_file_and_cannot_be_traced() {
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: maximum, maximum }).unwrap();
    // Somebody else may have no way to where it was built.
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
    assert_eq!(owner, 0, "what cannot be dumped or traced is root's in /proc, whoever runs it");
    drop(far.stdin.take());
    assert_eq!(far.wait().unwrap().code(), Some(2));
}

#[test]
fn far_refuses_to_run_where_it_may_lock_no_memory() {
    let script = "ulimit -S -l 0 && exec \"$0\" run absent.wasm";
    let far = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_far")]).output().unwrap();
    assert_eq!((far.status.code(), far.stdout.as_slice()), (Some(5), &b""[..]));
    let shown = String::from_utf8(far.stderr).unwrap();
    assert!(shown.contains("no locked memory left") && shown.contains("ulimit -l"), "{shown}");
}
