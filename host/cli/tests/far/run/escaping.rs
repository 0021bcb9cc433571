//! Text of guests, authors and other sources is escaped before it reaches a terminal.

use far_tests::guests;

use crate::fixture::{Far, events};

/// An escape sequence, a change of text direction, and a line that imitates the host.
const EVIL: &str = r"\u001b[2J\u202etxet\u2066\r\nerror: forged";
const SHOWN: &str = r"\u{1b}[2J\u{202e}txet\u{2066}\u{d}\u{a}error: forged";

#[test]
fn skill_error_is_escaped() {
    Far::run(guests::PROBE, "")
        .steps(&format!(r#"{{"do":"fail","message":"{EVIL}"}}"#))
        .stderr(
            events(["task.admitted", "task.started", "task.finished outcome=skill-error duration=*us"])
                + &format!("error: the skill failed: {SHOWN}\n"),
        )
        .code(1);
}

#[test]
fn task_log_is_escaped() {
    Far::run(guests::PROBE, "")
        .steps(&format!(r#"{{"do":"log","level":"info","message":"{EVIL}"}},{{"do":"eprint","text":"{EVIL}\n"}}"#))
        .stdout(r#"[{"ok":{}},{"ok":{}}]"#)
        .stderr(
            events([
                "task.admitted",
                "task.started",
                "skill.logged level=info length=29",
                "task.finished outcome=completed duration=*us",
            ]) + "skill info: \\u{1b}[2J\\u{202e}txet\\u{2066}\nskill info: error: forged\n\
                  skill stderr: \\u{1b}[2J\\u{202e}txet\\u{2066}\nskill stderr: error: forged\n",
        )
        .code(0);
}

#[test]
fn json_texts_are_escaped() {
    let task = r#""task_id":"task-*","agent_id":"local","skill":"probe","skill_digest":"sha256:*""#;
    let message = SHOWN.replace('\\', "\\\\");
    let object = format!(
        concat!(
            r#"{{"outcome":"skill-error","exit_code":1,{},"output":null,"output_encoding":null,"error":"#,
            r#"{{"kind":"skill-error","message":"the skill failed: {}","causes":[],"help":null}},"provider_calls":0,"#,
            r#""duration_us":0,"log":[{{"source":"info","text":"{}"}}],"log_discarded":0}}"#,
            "\n"
        ),
        task, message, EVIL
    );
    let records = [
        format!(r#"{{"v":1,"seq":1,"ts":"*",{task},"event":"task.admitted"}}"#),
        format!(r#"{{"v":1,"seq":2,"ts":"*",{task},"event":"task.started"}}"#),
        format!(r#"{{"v":1,"seq":3,"ts":"*",{task},"event":"skill.logged","level":"info","length":29}}"#),
        format!(r#"{{"v":1,"seq":4,"ts":"*",{task},"event":"task.finished","outcome":"skill-error","duration_us":0}}"#),
        String::new(),
    ];
    Far::run(guests::PROBE, "--json")
        .steps(&format!(r#"{{"do":"log","level":"info","message":"{EVIL}"}},{{"do":"fail","message":"{EVIL}"}}"#))
        .stdout(object)
        .stderr(records.join("\n"))
        .code(1);
}

#[test]
fn declaration_text_is_escaped() {
    let document = r#"{"name":"a","\u001b[2J\u202e":1}"#;
    let name = "tinkerbell:skill";
    let mut component = b"\0asm\x0d\0\x01\0\0".to_vec();
    component.extend([1 + name.len() + document.len(), name.len()].map(|length| u8::try_from(length).unwrap()));
    component.extend([name, document].concat().bytes());
    Far::run("evil.wasm", "")
        .file("evil.wasm", component)
        .stderr(
            "* task.refused     outcome=refused reason=invalid-declaration\nerror: cannot load the skill: the declaration \
             is not valid\n  cause: unknown field `\\u{1b}[2J\\u{202e}`, expected one of `name`, `version`, \
             `description`, `input-schema`, `secrets` at line 1 column 29\n  help: embed exactly one declaration: a JSON document such as the project's skill.json\n",
        )
        .code(3);
}

#[test]
fn names_and_arguments_are_escaped() {
    let evil = "e\u{1b}[2J\u{202e}";
    let shown = r"e\u{1b}[2J\u{202e}";
    let help = "  help: check that the file exists and is readable\n";
    let missing = "  cause: No such file or directory (os error 2)\n";
    Far::run(evil, "").stderr(format!("error: cannot read the skill '{shown}'\n{missing}{help}")).code(2);
    Far::new()
        .args(["run", "--task", &format!("{evil}.toml")])
        .stderr(format!("error: failed to read '{shown}.toml'\n{missing}{help}"))
        .code(2);
    Far::new()
        .args(["run", "--task", &format!("{evil}.toml")])
        .file(&format!("{evil}.toml"), "x = 1")
        .stderr(format!(
            "error: {shown}.toml:1:1: unknown key 'x'\n  help: use one of 'skill', 'input', 'grants', 'egress', 'limits'\n"
        ))
        .code(2);
    let stderr = format!(
        "error: invalid value '{shown}' for '--grant <GRANT>': a grant is written NAME:OPERATIONS, such as \
         github-token:sign\n\nFor more information, try '--help'.\n"
    );
    Far::new().args(["run", "a.wasm", "--grant", evil]).stderr(stderr).code(2);
}

#[test]
fn pipes_get_no_colors() {
    for (name, value) in [("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "3"), ("TERM", "xterm-256color")]
    {
        Far::new()
            .variable(name, value)
            .words("run --task task.toml")
            .file("task.toml", "skil = 'a'")
            .stderr("error: task.toml:1:1: unknown key 'skil'\n  help: did you mean 'skill'?\n")
            .code(2);
    }
}
