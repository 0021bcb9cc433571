//! A backend without the granted secret, or one that fails.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use far_tests::guests;

use super::completed::DELIVERY;
use crate::fixture::{Far, events};

const GET: &str = r#"{"do":"get","name":"alpha"}"#;

fn failed(secret: &str, reason: &str, outcome: &str) -> String {
    events([
        "task.admitted",
        "task.started",
        &format!("secret.requested {secret} provider=dotenv"),
        &format!("secret.fetched {secret} provider=dotenv outcome=failed reason={reason} cache=miss duration=*us"),
        &format!("task.finished outcome={outcome} duration=*us"),
    ])
}

/// Makes the `.env` readable by other users, which ends its use. Waits until `far` has read the
/// file and opened the event file. The skill is compiled meanwhile.
fn expose_env_file(folder: &Path) {
    while !folder.join("pal.jsonl").exists() {
        std::thread::yield_now();
    }
    fs::set_permissions(folder.join(".env"), Permissions::from_mode(0o644)).unwrap();
}

fn exposed(skill: &'static str, words: &str) -> Far {
    Far::run(skill, "--pal pal.jsonl --no-cache").words(words).meanwhile(expose_env_file)
}

#[test]
fn absent_secret_fails_skill() {
    let grant = "--grant github-webhook-secret:sign --input";
    Far::run(guests::GITHUB_WEBHOOK, grant)
        .args([DELIVERY])
        .env_file("ANOTHER=another-canary\n")
        .stderr(
            failed("github-webhook-secret", "not-found", "skill-error")
                + "error: the skill failed: the backend has no such secret\n",
        )
        .code(1);
}

#[test]
fn unavailable_backend_ends_failing_skill() {
    exposed(guests::GITHUB_WEBHOOK, "--grant github-webhook-secret:sign --input")
        .args([DELIVERY])
        .stderr(
            failed("github-webhook-secret", "denied", "backend-unavailable")
                + "error: the skill failed after a backend was unavailable: the secret is unavailable\n  help: check the provider of the secret; the events name it and the reason\n",
        )
        .code(5);
}

#[test]
fn skill_survives_unavailable_backend() {
    exposed(guests::PROBE, "--grant alpha:sign")
        .steps(GET)
        .stdout(r#"[{"error":"unavailable"}]"#)
        .stderr(failed("alpha", "denied", "completed"))
        .code(0);
}

#[test]
fn unavailable_backend_is_reported_in_json() {
    let object = concat!(
        r#"{"outcome":"backend-unavailable","exit_code":5,"task_id":"task-*","agent_id":"local","skill":"probe","#,
        r#""skill_digest":"sha256:*","output":null,"output_encoding":null,"error":{"kind":"backend-unavailable","#,
        r#""message":"the skill failed after a backend was unavailable: gave up","causes":[],"#,
        r#""help":"check the provider of the secret; the events name it and the reason"},"#,
        r#""provider_calls":1,"duration_us":0,"log":[],"log_discarded":0}"#,
        "\n"
    );
    let task = r#""ts":"*","task_id":"task-*","agent_id":"local","skill":"probe","skill_digest":"sha256:*""#;
    let alpha = r#""secret_name":"alpha","provider":"dotenv""#;
    let records = [
        format!(r#"{{"v":1,"seq":1,{task},"event":"task.admitted"}}"#),
        format!(r#"{{"v":1,"seq":2,{task},"event":"task.started"}}"#),
        format!(r#"{{"v":1,"seq":3,{task},"event":"secret.requested",{alpha}}}"#),
        format!(
            r#"{{"v":1,"seq":4,{task},"event":"secret.fetched",{alpha},"outcome":"failed","reason":"denied","cache":"miss","duration_us":0}}"#
        ),
        format!(r#"{{"v":1,"seq":5,{task},"event":"task.finished","outcome":"backend-unavailable","duration_us":0}}"#),
        String::new(),
    ];
    exposed(guests::PROBE, "--grant alpha:sign --json")
        .steps(&format!(r#"{GET},{{"do":"fail","message":"gave up"}}"#))
        .stdout(object)
        .stderr(records.join("\n"))
        .code(5);
}
