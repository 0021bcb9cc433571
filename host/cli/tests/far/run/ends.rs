//! Tasks that fail without a violation: by an error, a crash or a limit.

use far_tests::guests;

use crate::fixture::{Far, FinishedRun, events};

/// Runs a probe's steps with these limits, and asserts the outcome, the exit code and the error.
#[track_caller]
fn ends(limits: &str, steps: &str, outcome: &str, code: i32, message: &str) -> FinishedRun {
    let task = format!("skill = {:?}\n[input]\nsteps = [{steps}]\n[limits]\n{limits}\n", guests::PROBE);
    let finished = format!("task.finished outcome={outcome} duration=*us");
    Far::new()
        .words("run --task task.toml")
        .file("task.toml", task)
        .stderr(events(["task.admitted", "task.started", &finished]) + message)
        .code(code)
}

#[test]
fn skill_error_exits_one() {
    ends(
        "",
        "{ do = 'fail', message = 'no such order' }",
        "skill-error",
        1,
        "error: the skill failed: no such order\n",
    );
}

#[test]
fn skill_error_is_reported_in_json() {
    let object = concat!(
        r#"{"outcome":"skill-error","exit_code":1,"task_id":"task-*","agent_id":"local","skill":"probe","#,
        r#""skill_digest":"sha256:*","output":null,"output_encoding":null,"error":{"kind":"skill-error","#,
        r#""message":"the skill failed: no such order","causes":[],"help":null},"#,
        r#""provider_calls":0,"duration_us":0,"log":[{"source":"stdout","text":"a line\n"}],"log_discarded":0}"#,
        "\n"
    );
    let task = r#""ts":"*","task_id":"task-*","agent_id":"local","skill":"probe","skill_digest":"sha256:*""#;
    let records = [
        format!(r#"{{"v":1,"seq":1,{task},"event":"task.admitted"}}"#),
        format!(r#"{{"v":1,"seq":2,{task},"event":"task.started"}}"#),
        format!(r#"{{"v":1,"seq":3,{task},"event":"task.finished","outcome":"skill-error","duration_us":0}}"#),
        String::new(),
    ];
    Far::run(guests::PROBE, "--json")
        .steps(r#"{"do":"print","text":"a line\n"},{"do":"fail","message":"no such order"}"#)
        .stdout(object)
        .stderr(records.join("\n"))
        .code(1);
}

#[test]
fn crash_is_trapped() {
    let panicked = "skill stderr:\nskill stderr: thread '<unnamed>' (1) panicked at src/script.rs:*\nskill stderr: \
                    its words\nskill stderr: note: run with `RUST_BACKTRACE=1` environment variable to display a \
                    backtrace\nerror: the skill crashed: wasm trap: wasm `unreachable` instruction executed\n";
    ends("", "{ do = 'panic', message = 'its words' }", "trapped", 1, panicked);
    let exited = "error: the skill crashed: the skill called 'exit'\n";
    ends("", "{ do = 'exit', code = 0 }", "trapped", 1, exited);
}

#[test]
fn timeout_ends_task() {
    let message = "error: the task was ended: timeout of 1s exceeded\n  help: set 'timeout' under [limits] in a task \
                file\n";
    for step in ["{ do = 'spin' }", "{ do = 'sleep', ms = 60_000 }"] {
        let ran = ends("timeout = '1s'", step, "timed-out", 4, message);
        assert!(ran.duration.as_secs() < 30, "{step} ran too long");
    }
}

#[test]
fn exceeded_limit_is_named() {
    let message = |limit, value| {
        format!(
            "error: the task was ended: limit '{limit}' ({value}) exceeded\n  help: set '{limit}' under \
             [limits] in a task file\n"
        )
    };
    let refused = "skill stderr: memory allocation of 67108864 bytes failed\nskill stderr: note: run with \
                   `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
    let memory = format!("{refused}{}", message("memory", "16 MiB"));
    ends("memory = '16MiB'", "{ do = 'allocate', mib = 64 }", "limit-exceeded reason=memory", 4, &memory);
    ends(
        "output = 1000",
        "{ do = 'output', bytes = 1001 }",
        "limit-exceeded reason=output",
        4,
        &message("output", "1000 bytes"),
    );
    let calls = "{ do = 'identity' }, { do = 'identity' }";
    ends("host-calls = 3", calls, "limit-exceeded reason=host-calls", 4, &message("host-calls", "3 calls"));
}

#[test]
fn log_flood_is_cut() {
    let task = format!(
        "skill = {:?}\n[input]\nsteps = [{{ do = 'print', text = \"0123456789\\n\" }}]\n[limits]\nlog = 36\n",
        guests::PROBE
    );
    Far::new()
        .words("run --task task.toml")
        .file("task.toml", task)
        .stdout(r#"[{"ok":{}}]"#)
        .stderr(
            events(["task.admitted", "task.started", "task.finished outcome=completed duration=*us"])
                + "skill stdout: 0123\nskill log: 7 more bytes discarded\n",
        )
        .code(0);
}

#[test]
fn limit_above_maximum_is_refused() {
    for (limit, most) in [
        ("memory = '1025MiB'", "1024MiB"),
        ("input = '1025MiB'", "1024MiB"),
        ("output = 1073741825", "1024MiB"),
        ("log = '2000MiB'", "1024MiB"),
        ("request-body = '2000MiB'", "1024MiB"),
        ("response-body = '2000MiB'", "1024MiB"),
        ("timeout = '25h'", "24h"),
        ("requests = 1000001", "1000000"),
        ("host-calls = 1000000000001", "1000000000000"),
    ] {
        let (key, _) = limit.split_once(' ').unwrap();
        let column = "limits.".len() + key.len() + 4;
        Far::new()
            .words("run --task task.toml")
            .file("task.toml", format!("skill = {:?}\nlimits.{limit}\n", guests::PROBE))
            .stderr(format!("error: task.toml:2:{column}: 'limits.{key}': must be at most {most}\n"))
            .code(2);
    }
}

#[test]
fn largest_limits_are_accepted() {
    let limits = "timeout = '24h'\nmemory = '1024MiB'\ninput = '1024MiB'\noutput = '1024MiB'\nlog = '1024MiB'\n\
                  request-body = '1024MiB'\nresponse-body = '1024MiB'\nrequests = 1000000\nhost-calls = 1000000000000\n";
    Far::new()
        .words("run --task task.toml")
        .file("task.toml", format!("skill = {:?}\ninput = {{ steps = [] }}\n[limits]\n{limits}", guests::PROBE))
        .stdout("[]")
        .stderr(events(["task.admitted", "task.started", "task.finished outcome=completed duration=*us"]))
        .code(0);
}

#[test]
fn exhausted_address_space_is_reported() {
    let far = Far::run(guests::PROBE, "").steps(r#"{"do":"identity"}"#);
    let output = far.command_after("ulimit -v 1000000").output().unwrap();
    let message =
        "error: cannot reserve address space for skills\n  cause: the WebAssembly engine could not be set up\n";
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(5), 0), "{stderr}");
    assert!(stderr.starts_with(message) && stderr.contains("Cannot allocate memory (os error 12)\n"), "{stderr}");
    assert!(stderr.ends_with("  help: remove the limit on address space: 'ulimit -v unlimited'\n"), "{stderr}");
}
