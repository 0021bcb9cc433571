//! The input: on the command line, in a file, on stdin.

use far_tests::guests;

use super::completed::{DELIVERY, WEBHOOK_EVENTS};
use crate::fixture::{Far, events};

fn webhook(input: &str) -> Far {
    Far::run(guests::GITHUB_WEBHOOK, "--grant github-webhook-secret:sign --input").args([input])
}

#[test]
fn input_is_read_from_file() {
    let far = webhook("@delivery.json").file("delivery.json", DELIVERY);
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn input_is_read_from_stdin() {
    webhook("@-").stdin(&format!("{DELIVERY}\n")).stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn absent_input_is_empty_object() {
    Far::run(guests::PROBE, "")
        .stderr(
            events(["task.admitted", "task.started", "task.finished outcome=skill-error duration=*us"])
                + "error: the skill failed: invalid input: missing field `steps` at line 1 column 2\n",
        )
        .code(1);
}

#[test]
fn invalid_json_input_is_refused() {
    let message = |cause: &str| {
        format!(
            "error: the input is not valid JSON\n  cause: {cause}\n  help: pass JSON such as '{{\"name\": \"value\"}}', \
             @FILE, or @- for stdin\n"
        )
    };
    webhook("nope").stderr(message("expected ident at line 1 column 2")).code(2);
    webhook("{} {}").stderr(message("trailing characters at line 1 column 4")).code(2);
    webhook("").stderr(message("EOF while parsing a value at line 1 column 0")).code(2);
    webhook("@-").stdin("{").stderr(message("EOF while parsing an object at line 1 column 1")).code(2);
    // A secrets file by mistake: none of its content is shown.
    webhook("@.env").stderr(message("expected value at line 1 column 1")).code(2);
}

#[test]
fn unreadable_input_is_refused() {
    webhook("@missing.json")
        .stderr(
            "error: cannot read the input 'missing.json'\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable\n",
        )
        .code(2);
}

#[test]
fn oversized_input_is_refused() {
    let message = "error: the input is larger than 1048576 bytes\n  help: raise 'input' under [limits] in a task file, or reduce the input\n";
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    webhook("@large.json").file("large.json", &large).stderr(message).code(2);
    webhook("@-").stdin(&large).stderr(message).code(2);
}
