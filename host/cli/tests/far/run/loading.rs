//! Limits on a component's shape, compile time and compile memory, named in the error.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use far_tests::guests;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::Far;

/// Returns a chain of components, each of which instantiates the previous one twice.
fn doubling(levels: usize) -> Vec<u8> {
    let mut text = "(component (component $c0)".to_owned();
    for level in 1..=levels {
        let before = level - 1;
        write!(
            text,
            "(component $c{level} (alias outer 1 $c{before} (component $o)) (instance (instantiate $o)) \
             (instance (instantiate $o)))"
        )
        .unwrap();
    }
    write!(text, "(instance (instantiate $c{levels})))").unwrap();
    wat::parse_str(text).unwrap()
}

#[test]
fn exponential_component_is_refused_by_name() {
    let message = "the component has at least 1001 component instances; the limit is 1000\n";
    Far::run("bomb.wasm", "--no-cache")
        .file("bomb.wasm", doubling(30))
        .stderr(format!(
            "* task.refused     outcome=refused reason=component-limits\nerror: cannot load the skill: {message}  help: \
             build the component from fewer or smaller modules\n"
        ))
        .code(3);
    Far::new()
        .words("inspect bomb.wasm")
        .file("bomb.wasm", doubling(30))
        .stderr(format!(
            "error: cannot load 'bomb.wasm': {message}  help: build the component from fewer or smaller modules\n"
        ))
        .code(3);
}

#[test]
fn load_limits_are_named() {
    let task = |limits: &str| {
        let text = format!("skill = {:?}\n[limits]\n{limits}\n", guests::REQUIRED);
        Far::new().words("run --no-cache --task task.toml").file("task.toml", text)
    };
    task("load-timeout = '1ms'")
        .stderr(
            "* task.refused     outcome=refused reason=load-timeout\nerror: cannot load the skill: compiling the \
             component takes more than 0.001 s, the limit 'load-timeout'\n  help: raise 'load-timeout' under [limits] in \
             a task file, or make the component smaller\n",
        )
        .code(4);
    task("load-memory = '4MiB'")
        .stderr(
            "* task.refused     outcome=refused reason=load-memory\nerror: cannot load the skill: compiling the \
             component takes more than 4 MiB of memory, the limit 'load-memory'\n  help: raise 'load-memory' under \
             [limits] in a task file, or make the component smaller\n",
        )
        .code(4);
}

/// Returns the child processes of `parent`.
fn children(parent: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|of| of.trim() == parent.to_string()))
    };
    pids.filter(is_child).collect()
}

/// Waits for a condition.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "timed out: {what}");
        thread::yield_now();
    }
}

#[test]
fn killed_host_leaves_no_compiler() {
    // Many functions, so that compiling takes long.
    let functions = "(func (result i32) i32.const 1 i32.const 2 i32.add)".repeat(60_000);
    let component = wat::parse_str(format!("(component (core module {functions}))")).unwrap();
    let far = Far::run("long.wasm", "--no-cache").file("long.wasm", component);
    let mut host = far.command().spawn().unwrap();
    let pid = i32::try_from(host.id()).unwrap();
    let compiler = until("a compiler", || children(pid).first().copied());
    let environment = until("its environment", || fs::read(format!("/proc/{compiler}/environ")).ok());
    assert!(environment.is_empty(), "the environment of the host");
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    host.wait().unwrap();
    until("the end of the compiler", || {
        let status = fs::read_to_string(format!("/proc/{compiler}/status")).unwrap_or_default();
        (status.is_empty() || status.contains("State:\tZ")).then_some(())
    });
}
