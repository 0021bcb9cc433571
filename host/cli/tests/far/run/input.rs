//! The input: on the command line, in a file, on stdin.

use far_tests::guests;

use super::completed::{DELIVERY, WEBHOOK_EVENTS};
use crate::fixture::{Far, events};

fn webhook(input: &str) -> Far {
    Far::run(guests::GITHUB_WEBHOOK, "--grant github-webhook-secret:sign --input").args([input])
}

#[test]
fn in_a_file() {
    let far = webhook("@delivery.json").file("delivery.json", DELIVERY);
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn on_stdin() {
    webhook("@-").stdin(&format!("{DELIVERY}\n")).stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn nothing_is_an_empty_object() {
    Far::run(guests::PROBE, "")
        .stderr(
            events(["task.admitted", "task.started", "task.finished outcome=skill-error duration=*us"])
                + "error: the skill failed: invalid input: missing field `steps` at line 1 column 2\n",
        )
        .code(1);
}

#[test]
fn what_is_no_json() {
    let told = |cause: &str| {
        format!(
            "error: the input is not valid JSON\n  cause: {cause}\n  help: give JSON such as '{{\"name\": \"value\"}}', \
             or @FILE, or @- for stdin\n"
        )
    };
    webhook("nope").stderr(told("expected ident at line 1 column 2")).code(2);
    webhook("{} {}").stderr(told("trailing characters at line 1 column 4")).code(2);
    webhook("").stderr(told("EOF while parsing a value at line 1 column 0")).code(2);
    webhook("@-").stdin("{").stderr(told("EOF while parsing an object at line 1 column 1")).code(2);
    // A file of secrets by mistake: nothing of it is shown.
    webhook("@.env").stderr(told("expected value at line 1 column 1")).code(2);
}

#[test]
fn what_cannot_be_read() {
    webhook("@missing.json")
        .stderr(
            "error: cannot read the input missing.json\n  cause: No such file or directory (os error 2)\n  help: check \
             that the file is there and that you may read it\n",
        )
        .code(2);
}

#[test]
fn more_than_any_task_takes() {
    let told = "error: the input has more than 1048576 bytes\n  help: raise 'input' under [limits] in a task file, or \
                give less\n";
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    webhook("@large.json").file("large.json", &large).stderr(told).code(2);
    webhook("@-").stdin(&large).stderr(told).code(2);
}
