//! The event file of `--pal` gates every release. Stderr gates only if it is named.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use far_tests::guests;
use rustix::fs::OFlags;

use super::completed::{WEBHOOK_EVENTS, WEBHOOK_RECORDS, webhook};
use crate::fixture::{Far, events};

const NOT_RELEASED: &str =
    "  help: a value is released only after its event is recorded; check the file given to --audit or --pal\n";

/// Returns a run of a skill that leaks its value.
fn leak(words: &str) -> Far {
    Far::run(guests::PROBE_REVEALING, "--grant alpha:reveal")
        .words(words)
        .steps(r#"{"do":"get","name":"alpha"},{"do":"leak"}"#)
}

/// Opens a pipe without blocking and keeps it open.
fn held_open(pipe: &Path) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(pipe).unwrap()
}

#[test]
fn event_file_has_every_event() {
    let ran = webhook().words("--pal pal.jsonl").stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
    assert_eq!(ran.written("pal.jsonl"), WEBHOOK_RECORDS);
    let mode = ran.folder.path().join("pal.jsonl").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn event_file_is_appended() {
    let far = webhook().words("--pal pal.jsonl").file("pal.jsonl", "before\n");
    let ran = far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
    assert_eq!(ran.written("pal.jsonl"), format!("before\n{WEBHOOK_RECORDS}"));
}

#[test]
fn event_pipe_receives_events() {
    let far = webhook().words("--pal pal").pipe("pal");
    let mut pipe = held_open(&far.path("pal"));
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
    let mut records = Vec::new();
    assert_eq!(pipe.read_to_end(&mut records).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(crate::masks::mask(&String::from_utf8(records).unwrap()), WEBHOOK_RECORDS);
}

#[test]
fn event_file_records_violation() {
    let far = Far::run(guests::SNOOP, "--grant github-webhook-secret:sign --pal pal.jsonl");
    let ran = far
        .stderr(
            events([
                "task.admitted",
                "task.started",
                "secret.denied unlisted:* outcome=scope-violation reason=undeclared",
                "task.finished outcome=scope-violation duration=*us",
            ]) + "error: the task was ended: scope violation on 'unlisted:*': the skill did not declare the secret\n  \
                  help: if the skill needs the secret, declare it in skill.json and grant it to the task; its name is \
                  not shown, since only the skill supplied it\n",
        )
        .code(3);
    let kinds: Vec<_> = ran
        .written("pal.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].clone())
        .collect();
    assert_eq!(kinds, ["task.admitted", "task.started", "secret.denied", "task.finished"]);
}

const FINISHED: &str = "task.finished outcome=audit-unavailable duration=*us";

#[test]
fn full_disk_ends_task() {
    leak("--pal /dev/full")
        .stderr(
            events(["task.admitted", FINISHED])
                + "error: the task was ended: the audit log is unavailable: a record could not be written: no storage \
                   space\n"
                + NOT_RELEASED,
        )
        .code(5);
}

#[test]
fn full_disk_is_reported_in_json() {
    let object = concat!(
        r#"{"outcome":"audit-unavailable","exit_code":5,"task_id":"task-*","agent_id":"local","skill":"probe-revealing","#,
        r#""skill_digest":"sha256:*","output":null,"output_encoding":null,"error":{"kind":"audit-unavailable","#,
        r#""message":"the task was ended: the audit log is unavailable: a record could not be written: no storage space","#,
        r#""causes":[],"help":"a value is released only after its event is recorded; check the file given to --audit or --pal"},"#,
        r#""provider_calls":0,"duration_us":0,"log":[],"log_discarded":0}"#,
        "\n"
    );
    let record = |seq: u8, event: &str| {
        format!(
            "{{\"v\":1,\"seq\":{seq},\"ts\":\"*\",\"task_id\":\"task-*\",\"agent_id\":\"local\",\
             \"skill\":\"probe-revealing\",\"skill_digest\":\"sha256:*\",\"event\":{event}}}\n"
        )
    };
    let finished = r#""task.finished","outcome":"audit-unavailable","duration_us":0"#;
    let records = record(1, r#""task.admitted""#) + &record(2, finished);
    leak("--pal /dev/full --json").stdout(object).stderr(records).code(5);
}

const LATE: &str =
    "error: the task was ended: the audit log is unavailable: the sink did not accept the record in time\n";
#[test]
fn full_pipe_ends_task_in_time() {
    let far = leak("--pal pal").pipe("pal");
    let mut pipe = held_open(&far.path("pal"));
    while pipe.write(&[0; 4096]).is_ok() {}
    let ran = far.stderr(events(["task.admitted", FINISHED]) + LATE + NOT_RELEASED).code(5);
    assert!(ran.duration >= Duration::from_secs(5), "the sink had its time");
    assert!(ran.duration < Duration::from_secs(10), "the time is spent only once");
}

#[test]
fn full_pipe_withholds_value() {
    let far = leak("--pal pal").pipe("pal");
    let mut pipe = held_open(&far.path("pal"));
    while pipe.write(&[0; 4096]).is_ok() {}
    // Leaves room for two events, but not for a third.
    pipe.read_exact(&mut [0; 4096]).unwrap();
    pipe.write_all(&[0; 4096 - 600]).unwrap();
    let requested = "secret.requested alpha provider=dotenv";
    far.stderr(events(["task.admitted", "task.started", requested, FINISHED]) + LATE + NOT_RELEASED).code(5);
}

#[test]
fn unopenable_event_file_refuses_run() {
    let writable = "no skill runs without its events: pass a writable file";
    let cases = [
        (
            leak("--pal link").link("link", "target"),
            "link",
            "Too many levels of symbolic links (os error 40)",
            "events are not written through symbolic links: pass the target of the link",
        ),
        (
            leak("--pal pal").pipe("pal"),
            "pal",
            "No such device or address (os error 6)",
            "start the reader of the pipe first",
        ),
        (leak("--pal no/pal"), "no/pal", "No such file or directory (os error 2)", writable),
        (leak("--pal ."), ".", "Is a directory (os error 21)", writable),
    ];
    for (far, path, cause, help) in cases {
        let stderr = format!("error: cannot open the event file '{path}'\n  cause: {cause}\n  help: {help}\n");
        let ran = far.stderr(stderr).code(5);
        assert!(!ran.folder.path().join("target").exists(), "the link was followed");
    }
}

/// Runs a skill that asks for a value, with stderr on a full disk, and returns exit code and
/// stdout.
fn with_full_stderr(words: &str) -> (Option<i32>, String) {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let far = Far::run(guests::PROBE, "--grant alpha:sign").words(words).steps(r#"{"do":"get","name":"alpha"}"#);
    let output = far.command().stderr(full).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn full_stderr_does_not_gate() {
    let (code, stdout) = with_full_stderr("");
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("ok"), "{stdout}");
}

#[test]
fn named_full_stderr_gates() {
    assert_eq!(with_full_stderr("--pal -"), (Some(5), String::new()));
    let (code, stdout) = with_full_stderr("--pal - --json");
    assert_eq!(code, Some(5), "{stdout}");
    assert!(stdout.contains(r#""outcome":"audit-unavailable""#), "{stdout}");
}

#[test]
fn named_stderr_shows_events_once() {
    let ran = webhook().words("--pal -").stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
    assert!(!ran.folder.path().join("-").exists());
}
