//! A signal cancels the task in an orderly way instead of killing the process.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::thread;

use far_tests::guests;
use rustix::fs::OFlags;
use rustix::process::Signal;

use crate::fixture::{Far, events};
use crate::masks::mask;
use crate::running::RunningFar;

const ALL: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// Returns a run of an endless skill that holds a value.
fn stays(words: &str) -> Far {
    Far::run(guests::PROBE, "--grant alpha:sign").words(words).steps(r#"{"do":"get","name":"alpha"},{"do":"spin"}"#)
}

/// Waits for the end, and returns the exit code, and the masked stdout and stderr.
fn end(running: RunningFar) -> (Option<i32>, String, String) {
    let (code, stdout, stderr) = running.end();
    (code, mask(&stdout), mask(&stderr))
}

/// Reports whether a mask of `/proc/PID/status` has a signal.
fn has(running: &RunningFar, mask: &str, signal: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix(mask)).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal - 1) & 1 == 1
}

/// Sends a signal by its number: real-time signals have no name.
fn send_number(running: &RunningFar, signal: i32) {
    let sent = Command::new("/bin/sh").args(["-c", &format!("kill -{signal} {}", running.id())]).status();
    assert!(sent.unwrap().success());
}

const UNTIL_CANCELLED: [&str; 7] = [
    "task.admitted",
    "task.started",
    "secret.requested alpha provider=dotenv",
    "secret.fetched alpha version=env-* provider=dotenv outcome=completed cache=miss duration=*us",
    "secret.injected alpha version=env-* provider=dotenv outcome=completed cache=miss duration=*us",
    "secret.wiped alpha version=env-* provider=dotenv",
    "task.finished outcome=cancelled duration=*us",
];

#[test]
fn signal_cancels_task_and_flushes_sinks() {
    for (signal, code) in ALL {
        let far = stays("--pal pal.jsonl --audit kept/far.jsonl");
        let mut running = RunningFar::start(&far);
        running.until(1, "secret.injected");
        running.send(signal);
        let (ended, stdout, stderr) = end(running);
        assert_eq!((ended, stdout.as_str()), (Some(code), ""));
        let (before, rest) = stderr.split_once("audit kept/far.jsonl: head ").unwrap();
        assert_eq!(before, events(UNTIL_CANCELLED));
        let (proof, message) = rest.split_once('\n').unwrap();
        assert_eq!(message, "error: the task was canceled\n");

        let written = |name| std::fs::read_to_string(far.path(name)).unwrap();
        let last = |text: &str| text.lines().rfind(|line| line.contains("task.finished")).unwrap().to_owned();
        assert!(last(&written("pal.jsonl")).contains(r#""outcome":"cancelled""#));
        assert!(last(&written("kept/far.jsonl")).contains(r#""outcome":"cancelled""#));
        let (head, key) = proof.split_once(", key ").unwrap();
        let verify = Far::new().words("audit verify --head").args([head, "--key", key]);
        let verified = verify.args([far.path("kept/far.jsonl").display()]).command().output().unwrap();
        assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    }
}

/// Further signals that end a process by default: quit, user-defined, stack fault, timers, limits,
/// I/O, power, and the first and the last real-time signal.
const OTHERS: [i32; 13] = [3, 10, 12, 14, 16, 24, 26, 27, 29, 30, 34, 35, 64];

#[test]
fn any_ending_signal_cancels_the_task() {
    for signal in OTHERS {
        let far = stays("--json");
        let mut running = RunningFar::start(&far);
        running.until(1, "secret.injected");
        send_number(&running, signal);
        let (code, stdout, stderr) = end(running);
        assert_eq!(code, Some(128 + signal), "{signal}: {stderr}");
        let expected = format!(r#"{{"outcome":"cancelled","exit_code":{},"task_id":"task-*""#, 128 + signal);
        assert!(stdout.starts_with(&expected), "{signal}: {stdout}");
        let ends = ["secret.wiped", "task.finished"].map(|event| stderr.matches(event).count());
        assert_eq!(ends, [1, 1], "{signal}: {stderr}");
    }
}

/// Signals that `docs/concepts/process.md` lists as not handled: faults, uncatchable and harmless
/// ones, and those of the C library.
const NOT_HANDLED: [i32; 18] = [4, 5, 6, 7, 8, 9, 11, 17, 18, 19, 20, 21, 22, 23, 28, 31, 32, 33];

#[test]
fn every_other_signal_is_handled() {
    let far = stays("");
    let mut running = RunningFar::start(&far);
    running.until(1, "secret.injected");
    for signal in (1..=64).filter(|signal| !NOT_HANDLED.contains(signal)) {
        assert!(has(&running, "SigCgt:", signal) || has(&running, "SigIgn:", signal), "{signal}");
    }
    running.send(Signal::TERM);
    assert_eq!(end(running).0, Some(143));
}

#[test]
fn processor_time_limit_cancels_the_task() {
    let far = stays("--json");
    // Enough to compile the skill. The task uses up the rest.
    let (code, stdout, stderr) = end(RunningFar::spawn(&mut far.command_after("ulimit -St 2")));
    assert_eq!(code, Some(128 + 24), "{stderr}");
    assert!(stdout.starts_with(r#"{"outcome":"cancelled","exit_code":152,"#), "{stdout}");
    if stderr.contains("task.started") {
        assert!(stderr.contains("task.finished") && stderr.contains(r#""outcome":"cancelled""#), "{stderr}");
    }
}

#[test]
fn repeated_timer_signal_is_ignored() {
    let far = stays("--pal pal").pipe("pal");
    let mut pipe = held_open(&far, "pal");
    let mut running = RunningFar::start(&far);
    running.until(1, "secret.injected");
    for size in [4096, 1] {
        while pipe.write(&[b'\n'; 4096][..size]).is_ok() {}
    }
    running.send(Signal::ALARM);
    running.until(1, "task.finished");
    for again in [Signal::ALARM, Signal::XCPU, Signal::PROF, Signal::VTALARM] {
        running.send(again);
    }
    // The process still waits for the task, until another signal arrives.
    running.send(Signal::USR1);
    assert_eq!(end(running).0, Some(128 + 10));
}

#[test]
fn signal_outcome_is_reported_in_json() {
    let far = stays("--json");
    let mut running = RunningFar::start(&far);
    running.until(1, "secret.injected");
    running.send(Signal::INT);
    let (code, stdout, _) = end(running);
    assert_eq!(code, Some(130));
    assert!(stdout.starts_with(r#"{"outcome":"cancelled","exit_code":130,"task_id":"task-*""#), "{stdout}");
}

#[test]
fn cancelled_run_writes_metrics() {
    let far = stays("--metrics far.prom");
    let mut running = RunningFar::start(&far);
    running.until(1, "secret.injected");
    running.send(Signal::TERM);
    assert_eq!(end(running).0, Some(143));
    let written = std::fs::read_to_string(far.path("far.prom")).unwrap();
    assert!(written.contains("far_task_seconds_count{outcome=\"cancelled\"} 1\n"), "{written}");
}

/// Opens a pipe without blocking and keeps it open.
fn held_open(far: &Far, name: &str) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(far.path(name)).unwrap()
}

#[test]
fn second_signal_ends_process() {
    let far = stays("--pal pal").pipe("pal");
    let mut pipe = held_open(&far, "pal");
    let mut running = RunningFar::start(&far);
    running.until(1, "secret.injected");
    // The pipe is full, so the process waits to record the task's end.
    for size in [4096, 1] {
        while pipe.write(&[b'\n'; 4096][..size]).is_ok() {}
    }
    running.send(Signal::TERM);
    running.until(1, "task.finished");
    running.send(Signal::INT);
    let (code, ..) = end(running);
    assert_eq!(code, Some(130), "the exit code of the second signal");
}

#[test]
fn inherited_ignored_signal_stays_ignored() {
    let far = stays("");
    let mut running = RunningFar::spawn(&mut far.command_after("trap '' HUP"));
    running.until(1, "secret.injected");
    running.send(Signal::HUP);
    running.send(Signal::TERM);
    assert_eq!(end(running).0, Some(143));
}

/// Returns a component that compiles for seconds and has the wrong world.
fn slow() -> Vec<u8> {
    let steps: String = (0..150).map(|step| format!(" local.get 0 i32.const {step} i32.rotl local.set 0")).collect();
    let function = format!("(func (param i32) (result i32){steps} local.get 0)");
    wat::parse_str(format!("(component (core module {}))", function.repeat(6000))).unwrap()
}

#[test]
fn signal_ends_run_during_compilation() {
    let far = Far::run("slow.wasm", "--json").file("slow.wasm", slow());
    let running = RunningFar::start(&far);
    // The compilation starts after the handlers are installed.
    while !has(&running, "SigCgt:", Signal::TERM.as_raw()) {
        thread::yield_now();
    }
    running.send(Signal::TERM);
    let (code, stdout, stderr) = end(running);
    assert_eq!((code, stderr.as_str()), (Some(143), ""));
    assert!(stdout.starts_with(r#"{"outcome":"cancelled","exit_code":143,"task_id":null,"#), "{stdout}");
}

/// A file size limit in blocks of 512 bytes: enough for locked memory and compiled code.
const FILE_LIMIT: u64 = 64 << 11;

#[test]
fn file_size_limit_fails_audit() {
    let far = Far::run(guests::PROBE_REVEALING, "--grant alpha:reveal --pal pal.jsonl")
        .steps(r#"{"do":"get","name":"alpha"},{"do":"leak"}"#)
        .file("pal.jsonl", "");
    // Leaves room for two records and a part of the third.
    let pal = File::options().write(true).open(far.path("pal.jsonl")).unwrap();
    pal.set_len(FILE_LIMIT * 512 - 500).unwrap();
    let (code, stdout, stderr) = end(RunningFar::spawn(&mut far.command_after(&format!("ulimit -f {FILE_LIMIT}"))));
    assert_eq!((code, stdout.as_str()), (Some(5), ""), "{stderr}");
    assert!(stderr.contains("a record could not be written: file too large"), "{stderr}");
    let written = std::fs::read(far.path("pal.jsonl")).unwrap();
    assert_eq!(written.len() as u64, FILE_LIMIT * 512, "the file is filled up to the limit");
    assert!(!String::from_utf8_lossy(&written).contains("alpha-canary"));
}
