//! What a skill says about a value that it was given.

use far_tests::guests;

use crate::fixture::{Far, events};

#[test]
fn a_value_is_not_shown_wherever_it_is_said() {
    let steps = [
        r#"{"do":"get","name":"alpha"}"#,
        r#"{"do":"say","place":"log"}"#,
        r#"{"do":"say","place":"print","form":"base64","pieces":5}"#,
        r#"{"do":"say","place":"eprint","form":"hex"}"#,
        r#"{"do":"print","text":"alpha-canary, and no more\n"}"#,
        r#"{"do":"say","place":"fail","form":"percent"}"#,
    ];
    let of_alpha = "alpha version=env-* provider=dotenv";
    let revealed = format!("secret.revealed {of_alpha} operation=reveal outcome=completed duration=*us");
    Far::run(guests::PROBE_REVEALING, "--grant alpha:reveal")
        .steps(&steps.join(","))
        .stderr(
            events([
                "task.admitted",
                "task.started",
                "secret.requested alpha provider=dotenv",
                &format!("secret.fetched {of_alpha} outcome=completed cache=miss duration=*us"),
                &format!("secret.injected {of_alpha} outcome=completed cache=miss duration=*us"),
                &revealed,
                "skill.logged level=info length=21",
                &revealed,
                &revealed,
                &revealed,
                &format!("secret.wiped {of_alpha}"),
                "output.redacted alpha count=4",
                "task.finished outcome=skill-error duration=*us",
            ]) + "skill info: <[redacted:alpha]>\n\
                  skill stdout: <[redacted:alpha]Q==>\n\
                  skill stderr: <[redacted:alpha]>\n\
                  skill stdout: alpha-canary, and no more\n\
                  error: the skill failed: <[redacted:alpha]>\n",
        )
        .code(1);
}
