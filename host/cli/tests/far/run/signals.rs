//! A signal ends a run as a task ends, not as a process does.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;

use far_tests::guests;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Far, events};
use crate::masks::mask;

const ALL: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// A skill that holds a value and never ends by itself.
fn stays(words: &str) -> Far {
    Far::run(guests::PROBE, "--grant alpha:sign").words(words).steps(r#"{"do":"get","name":"alpha"},{"do":"spin"}"#)
}

/// A run that is under way.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    seen: String,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, seen: String::new() }
    }

    /// Waits for an event.
    fn until(&mut self, event: &str) {
        while !self.seen.lines().last().is_some_and(|line| line.contains(event)) {
            assert_ne!(self.stderr.read_line(&mut self.seen).unwrap(), 0, "it ended: {}", self.seen);
        }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether it handles a signal.
    fn catches(&self, signal: Signal) -> bool {
        self.has("SigCgt:", signal.as_raw())
    }

    /// Whether a mask of `/proc/PID/status` has a signal.
    fn has(&self, mask: &str, signal: i32) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix(mask)).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal - 1) & 1 == 1
    }

    /// Sends a signal by its number: real-time signals have no name.
    fn send_number(&self, signal: i32) {
        let sent = Command::new("/bin/sh").args(["-c", &format!("kill -{signal} {}", self.child.id())]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end: the exit code, and all of stdout and stderr.
    fn end(mut self) -> (Option<i32>, String, String) {
        self.stderr.read_to_string(&mut self.seen).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), mask(&String::from_utf8(output.stdout).unwrap()), mask(&self.seen))
    }
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
fn the_task_is_cancelled_and_every_sink_is_told() {
    for (signal, code) in ALL {
        let far = stays("--pal pal.jsonl --audit kept/far.jsonl");
        let mut running = Running::start(&mut far.command());
        running.until("secret.injected");
        running.send(signal);
        let (ended, stdout, stderr) = running.end();
        assert_eq!((ended, stdout.as_str()), (Some(code), ""));
        let (before, said) = stderr.split_once("audit kept/far.jsonl: head ").unwrap();
        assert_eq!(before, events(UNTIL_CANCELLED));
        let (proof, told) = said.split_once('\n').unwrap();
        assert_eq!(told, "error: the task was cancelled\n");

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

/// Signals that end a process unless it handles them, besides those of [`ALL`]: quit, user-defined, stack fault, timers,
/// limits, input and output, power, and the first and the last real-time signal.
const OTHERS: [i32; 13] = [3, 10, 12, 14, 16, 24, 26, 27, 29, 30, 34, 35, 64];

#[test]
fn any_ending_signal_cancels_the_task() {
    for signal in OTHERS {
        let far = stays("--json");
        let mut running = Running::start(&mut far.command());
        running.until("secret.injected");
        running.send_number(signal);
        let (code, stdout, stderr) = running.end();
        assert_eq!(code, Some(128 + signal), "{signal}: {stderr}");
        let expected = format!(r#"{{"outcome":"cancelled","exit_code":{},"task_id":"task-*""#, 128 + signal);
        assert!(stdout.starts_with(&expected), "{signal}: {stdout}");
        let ends = ["secret.wiped", "task.finished"].map(|event| stderr.matches(event).count());
        assert_eq!(ends, [1, 1], "{signal}: {stderr}");
    }
}

/// Signals that `docs/process.md` lists as not handled: of faults, uncatchable, without an end, and the C library's own.
const NOT_HANDLED: [i32; 18] = [4, 5, 6, 7, 8, 9, 11, 17, 18, 19, 20, 21, 22, 23, 28, 31, 32, 33];

#[test]
fn every_other_signal_is_handled() {
    let far = stays("");
    let mut running = Running::start(&mut far.command());
    running.until("secret.injected");
    for signal in (1..=64).filter(|signal| !NOT_HANDLED.contains(signal)) {
        assert!(running.has("SigCgt:", signal) || running.has("SigIgn:", signal), "{signal}");
    }
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
}

#[test]
fn processor_time_limit_cancels_the_task() {
    let far = stays("--json");
    // Enough to compile the skill; the task then uses the rest.
    let (code, stdout, stderr) = Running::start(&mut far.command_after("ulimit -St 2")).end();
    assert_eq!(code, Some(128 + 24), "{stderr}");
    assert!(stdout.starts_with(r#"{"outcome":"cancelled","exit_code":152,"#), "{stdout}");
    if stderr.contains("task.started") {
        assert!(stderr.contains("task.finished") && stderr.contains(r#""outcome":"cancelled""#), "{stderr}");
    }
}

#[test]
fn repeated_timer_does_not_end_the_process() {
    let far = stays("--pal pal").pipe("pal");
    let mut pipe = held_open(&far, "pal");
    let mut running = Running::start(&mut far.command());
    running.until("secret.injected");
    for size in [4096, 1] {
        while pipe.write(&[b'\n'; 4096][..size]).is_ok() {}
    }
    running.send(Signal::ALARM);
    running.until("task.finished");
    for again in [Signal::ALARM, Signal::XCPU, Signal::PROF, Signal::VTALARM] {
        running.send(again);
    }
    // The end is still waited for, until somebody asks again.
    running.send(Signal::USR1);
    assert_eq!(running.end().0, Some(128 + 10));
}

#[test]
fn json_says_so_too() {
    let far = stays("--json");
    let mut running = Running::start(&mut far.command());
    running.until("secret.injected");
    running.send(Signal::INT);
    let (code, stdout, _) = running.end();
    assert_eq!(code, Some(130));
    assert!(stdout.starts_with(r#"{"outcome":"cancelled","exit_code":130,"task_id":"task-*""#), "{stdout}");
}

#[test]
fn what_it_counted_is_written_down() {
    let far = stays("--metrics far.prom");
    let mut running = Running::start(&mut far.command());
    running.until("secret.injected");
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
    let written = std::fs::read_to_string(far.path("far.prom")).unwrap();
    assert!(written.contains("far_task_seconds_count{outcome=\"cancelled\"} 1\n"), "{written}");
}

/// A pipe's end that keeps it open, and does not wait.
fn held_open(far: &Far, name: &str) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(far.path(name)).unwrap()
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let far = stays("--pal pal").pipe("pal");
    let mut pipe = held_open(&far, "pal");
    let mut running = Running::start(&mut far.command());
    running.until("secret.injected");
    // Full to the last byte: the task's end cannot be recorded, and is waited for.
    for size in [4096, 1] {
        while pipe.write(&[b'\n'; 4096][..size]).is_ok() {}
    }
    running.send(Signal::TERM);
    running.until("task.finished");
    running.send(Signal::INT);
    let (code, ..) = running.end();
    assert_eq!(code, Some(130), "the second one's, and not what the first would have come to");
}

#[test]
fn what_was_ignored_before_stays_so() {
    let far = stays("");
    let mut running = Running::start(&mut far.command_after("trap '' HUP"));
    running.until("secret.injected");
    running.send(Signal::HUP);
    running.send(Signal::TERM);
    assert_eq!(running.end().0, Some(143));
}

/// A component that takes seconds to compile, and then is none of a skill's world.
fn slow() -> Vec<u8> {
    let steps: String = (0..150).map(|step| format!(" local.get 0 i32.const {step} i32.rotl local.set 0")).collect();
    let function = format!("(func (param i32) (result i32){steps} local.get 0)");
    wat::parse_str(format!("(component (core module {}))", function.repeat(6000))).unwrap()
}

#[test]
fn while_the_skill_is_compiled_it_ends_too() {
    let far = Far::run("slow.wasm", "--json").file("slow.wasm", slow());
    let running = Running::start(&mut far.command());
    // From here on the skill is compiled.
    while !running.catches(Signal::TERM) {
        thread::yield_now();
    }
    running.send(Signal::TERM);
    let (code, stdout, stderr) = running.end();
    assert_eq!((code, stderr.as_str()), (Some(143), ""));
    assert!(stdout.starts_with(r#"{"outcome":"cancelled","exit_code":143,"task_id":null,"#), "{stdout}");
}

/// In blocks of 512 bytes: enough for locked memory and for what the engine makes of a component.
const FILE_LIMIT: u64 = 64 << 11;

#[test]
fn a_file_at_its_limit_is_an_audit_log_that_failed() {
    let far = Far::run(guests::PROBE_REVEALING, "--grant alpha:reveal --pal pal.jsonl")
        .steps(r#"{"do":"get","name":"alpha"},{"do":"leak"}"#)
        .file("pal.jsonl", "");
    // Room for two records, and a part of the third.
    let pal = File::options().write(true).open(far.path("pal.jsonl")).unwrap();
    pal.set_len(FILE_LIMIT * 512 - 500).unwrap();
    let (code, stdout, stderr) = Running::start(&mut far.command_after(&format!("ulimit -f {FILE_LIMIT}"))).end();
    assert_eq!((code, stdout.as_str()), (Some(5), ""), "{stderr}");
    assert!(stderr.contains("a record could not be written: file too large"), "{stderr}");
    let written = std::fs::read(far.path("pal.jsonl")).unwrap();
    assert_eq!(written.len() as u64, FILE_LIMIT * 512, "it was written to, up to the limit");
    assert!(!String::from_utf8_lossy(&written).contains("alpha-canary"));
}
