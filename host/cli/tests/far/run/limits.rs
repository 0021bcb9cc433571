//! Limits of the machine and variables of the environment. A run succeeds, or names the missing
//! resource. It never panics, aborts or waits forever.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use rustix::process::geteuid;

use super::completed::{WEBHOOK_EVENTS, webhook};
use crate::fixture::Far;

/// Variables that size threads and stacks of libraries, or name files and servers for them.
const HOSTILE: [(&str, &str); 17] = [
    ("TOKIO_WORKER_THREADS", "0"),
    ("TOKIO_UNSTABLE_SHARDED_BLOCKING_QUEUE", "x"),
    ("RAYON_NUM_THREADS", "100000"),
    ("RAYON_RS_NUM_CPUS", "100000"),
    ("RUST_MIN_STACK", "1"),
    ("RUST_LOG", "trace"),
    ("WASMTIME_BACKTRACE_DETAILS", "1"),
    ("SSLKEYLOGFILE", "keys.log"),
    ("HTTP_PROXY", "http://127.0.0.1:1"),
    ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ("ALL_PROXY", "http://127.0.0.1:1"),
    ("http_proxy", "http://127.0.0.1:1"),
    ("TMPDIR", "/nowhere"),
    ("TZ", ":/dev/zero"),
    ("TZDIR", "/nowhere"),
    ("COLUMNS", "0"),
    ("HOME", "relative"),
];

/// The user for processes that root starts, because thread limits do not apply to root.
const NOBODY: u32 = 65_534;

#[test]
fn environment_steers_nothing() {
    let run = |variables: &[(&'static str, &'static str)]| {
        let far = variables.iter().fold(webhook(), |far, (name, value)| far.variable(name, value));
        // Compiles each time, because the compiler has its own threads.
        far.args(["--no-cache"]).stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
    };
    run(&HOSTILE);
    for variable in &HOSTILE[..5] {
        run(&[*variable]);
    }
}

/// Runs `far` in a shell that sets a limit first.
fn limited(far: &Far, limit: &str) -> Output {
    far.command_after(limit).output().unwrap()
}

/// Asserts that a run succeeded, or named the missing resource. Returns whether it succeeded.
#[track_caller]
fn ended_well(limit: &str, output: &Output) -> bool {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let code = output.status.code();
    assert!(!stderr.contains("panicked") && !stderr.contains("RUST_BACKTRACE"), "{limit}: {code:?} {stderr}");
    if code == Some(0) {
        assert_eq!(stdout, r#"{"valid":true}"#, "{limit}");
        return true;
    }
    assert_eq!(code, Some(5), "{limit}: {stderr}");
    let error = stderr.lines().position(|line| line.starts_with("error: ")).unwrap();
    assert!(stderr.lines().skip(error).any(|line| line.starts_with("  help: ")), "{limit}: {stderr}");
    false
}

/// Runs with each value of a limit. Returns the first with which the run succeeded.
fn first_success(limit: &str, values: impl IntoIterator<Item = u32>) -> Option<u32> {
    let far = webhook();
    // The component is compiled once.
    assert!(ended_well("none", &limited(&far, "true")));
    let mut first = None;
    for value in values {
        let limit = format!("{limit} {value}");
        if ended_well(&limit, &limited(&far, &limit)) {
            first = first.or(Some(value));
        } else {
            assert_eq!(first, None, "a smaller limit was enough");
        }
    }
    first
}

#[test]
fn few_descriptors_are_an_error() {
    // With fewer, the dynamic linker cannot open a library.
    let enough = first_success("ulimit -n", (4..24).chain([32, 48, 64]));
    assert!(enough.is_some_and(|enough| enough <= 64), "{enough:?}");
}

#[test]
fn little_address_space_is_an_error() {
    for limit in ["ulimit -v", "ulimit -d"] {
        let megabytes = [64, 128, 256, 400, 512, 520, 540, 600, 1000, 4000, 16_000, 64_000];
        let enough = first_success(limit, megabytes.map(|megabytes| megabytes * 1000));
        assert!(enough.is_some(), "{limit}");
    }
}

#[test]
fn small_main_stack_is_enough() {
    // Smaller ones do not hold the arguments.
    let enough = first_success("ulimit -s", [256, 512, 1024, 8192]);
    assert_eq!(enough, Some(256));
}

#[test]
fn small_file_size_is_an_error() {
    // In blocks of 512 bytes.
    let enough = first_success("ulimit -f", [0, 1, 8, 64, 4096, 32_767, 32_768, 131_072]);
    assert_eq!(enough, Some(32_768));
}

#[test]
fn few_threads_are_an_error() {
    if !geteuid().is_root() {
        return;
    }
    let far = copy_for_others();
    for threads in (1..24).chain([64]) {
        // The limit on processes is not one of POSIX: not every `sh` sets it.
        let mut shell = Command::new("bash");
        let script = format!("ulimit -u {threads} && exec \"$0\" inspect absent.wasm");
        shell.args(["-c", &script]).arg(far.path().join("far")).current_dir("/").env_clear().uid(NOBODY);
        let output = shell.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked"), "{threads}: {stderr}");
        match output.status.code() {
            Some(2) => assert!(stderr.starts_with("error: cannot read the skill 'absent.wasm'"), "{threads}: {stderr}"),
            code => {
                assert_eq!(code, Some(5), "{threads}: {stderr}");
                assert!(stderr.starts_with("error: insufficient resources: threads"), "{threads}: {stderr}");
                assert!(threads < 24, "{threads}");
            }
        }
    }
}

/// A copy of `far` where another user can execute it.
fn copy_for_others() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_far"), folder.path().join("far")).unwrap();
    folder
}
