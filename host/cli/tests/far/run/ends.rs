//! How a task ends that neither completes nor breaks a rule: by its own error, by a crash, at a limit.

use far_tests::guests;

use crate::fixture::{Far, Ran, events};

/// Runs a probe's steps with these limits, and sees how it ends: the outcome, the exit code and what people are told.
#[track_caller]
fn ends(limits: &str, steps: &str, outcome: &str, code: i32, told: &str) -> Ran {
    let task = format!("skill = {:?}\n[input]\nsteps = [{steps}]\n[limits]\n{limits}\n", guests::PROBE);
    let finished = format!("task.finished outcome={outcome} duration=*us");
    Far::new()
        .words("run --task task.toml")
        .file("task.toml", task)
        .stderr(events(["task.admitted", "task.started", &finished]) + told)
        .code(code)
}

#[test]
fn an_error_of_the_skill() {
    ends(
        "",
        "{ do = 'fail', message = 'no such order' }",
        "skill-error",
        1,
        "error: the skill failed: no such order\n",
    );
}

#[test]
fn an_error_of_the_skill_in_json() {
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
fn a_crash() {
    let panicked = "skill stderr:\nskill stderr: thread '<unnamed>' (1) panicked at src/script.rs:*\nskill stderr: \
                    its words\nskill stderr: note: run with `RUST_BACKTRACE=1` environment variable to display a \
                    backtrace\nerror: the skill crashed: wasm trap: wasm `unreachable` instruction executed\n";
    ends("", "{ do = 'panic', message = 'its words' }", "trapped", 1, panicked);
    let exited = "error: the skill crashed: the skill called 'exit'\n";
    ends("", "{ do = 'exit', code = 0 }", "trapped", 1, exited);
}

#[test]
fn its_time_is_over() {
    let told = "error: the task was ended: its time of 1s was over\n  help: set 'timeout' under [limits] in a task \
                file\n";
    for step in ["{ do = 'spin' }", "{ do = 'sleep', ms = 60_000 }"] {
        let ran = ends("timeout = '1s'", step, "timed-out", 4, told);
        assert!(ran.duration.as_secs() < 30, "{step} was left to run");
    }
}

#[test]
fn a_limit() {
    let told = |limit, value| {
        format!(
            "error: the task was ended: it went beyond its limit on '{limit}': {value}\n  help: set '{limit}' under \
             [limits] in a task file\n"
        )
    };
    let refused = "skill stderr: memory allocation of 67108864 bytes failed\nskill stderr: note: run with \
                   `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
    let memory = format!("{refused}{}", told("memory", "16 MiB"));
    ends("memory = '16MiB'", "{ do = 'allocate', mib = 64 }", "limit-exceeded reason=memory", 4, &memory);
    ends(
        "output = 1000",
        "{ do = 'output', bytes = 1001 }",
        "limit-exceeded reason=output",
        4,
        &told("output", "1000 bytes"),
    );
    let calls = "{ do = 'identity' }, { do = 'identity' }";
    ends("host-calls = 3", calls, "limit-exceeded reason=host-calls", 4, &told("host-calls", "3 calls"));
}

#[test]
fn a_flood_of_words_is_cut_and_the_task_goes_on() {
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
fn limit_above_maximum_is_refused_where_written() {
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
            .stderr(format!("error: task.toml:2:{column}: 'limits.{key}': the most is {most}\n"))
            .code(2);
    }
}

#[test]
fn largest_limits_are_given() {
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
fn a_machine_that_has_no_memory_for_it() {
    let far = Far::run(guests::PROBE, "").steps(r#"{"do":"identity"}"#);
    let output = far.command_after("ulimit -v 1000000").output().unwrap();
    let told = "error: the host cannot run skills here\n  cause: the WebAssembly engine could not be set up\n";
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(5), 0), "{stderr}");
    assert!(stderr.starts_with(told) && stderr.contains("Cannot allocate memory (os error 12)\n"), "{stderr}");
    assert!(stderr.ends_with("  help: lift the limit on address space: 'ulimit -v unlimited'\n"), "{stderr}");
}
