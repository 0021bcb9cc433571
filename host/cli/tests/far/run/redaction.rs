//! Redaction of a skill's values in its output and log.

use far_tests::guests;

use crate::fixture::{Far, events};

#[test]
fn leaked_value_is_redacted_in_logs() {
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

/// Returns a run of a skill that returns the value of `alpha`, with this leak policy.
fn returned(when_leaked: &str) -> Far {
    let config = format!(
        "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.alpha]\nprovider = 'dev'\noperations = ['reveal']\n\
         when-leaked = '{when_leaked}'\n"
    );
    Far::run(guests::PROBE_REVEALING, "--grant alpha:reveal --config far.toml")
        .file("far.toml", config)
        .steps(r#"{"do":"get","name":"alpha"},{"do":"leak"}"#)
}

/// Returns the events of such a run, with these at its end.
fn ends<const N: usize>(last: [&str; N]) -> String {
    let of_alpha = "alpha version=env-* provider=dev";
    events([
        "task.admitted",
        "task.started",
        "secret.requested alpha provider=dev",
        &format!("secret.fetched {of_alpha} outcome=completed cache=miss duration=*us"),
        &format!("secret.injected {of_alpha} outcome=completed cache=miss duration=*us"),
        &format!("secret.revealed {of_alpha} operation=reveal outcome=completed duration=*us"),
    ]) + &events(last)
}

#[test]
fn leaked_value_is_replaced_in_output() {
    let wiped = "secret.wiped alpha version=env-* provider=dev";
    returned("replace")
        .stdout(r#"[{"ok":{"name":"alpha","version":"env-*"}},{"ok":{"value":"[redacted:alpha]"}}]"#)
        .stderr(ends([wiped, "output.redacted alpha count=1", "task.finished outcome=completed duration=*us"]))
        .code(0);
}

#[test]
fn fail_policy_withholds_output() {
    let last = [
        "secret.denied alpha outcome=scope-violation reason=leaked",
        "secret.wiped alpha version=env-* provider=dev",
        "output.redacted alpha count=1",
        "task.finished outcome=scope-violation duration=*us",
    ];
    let error = "error: the task was ended: scope violation on 'alpha': its value was in the result or the output \
                 of the skill\n  help: the output is withheld because it contains the value, and [secrets.alpha] has \
                 when-leaked = \"fail\"\n";
    returned("fail").stderr(ends(last) + error).code(3);
}
