//! Every use beyond the capability ends the task with code 3 and without a call of the backend. The
//! same use with the grant succeeds.

use far_tests::guests;

use crate::fixture::{Far, events};

/// The help for a name that only the skill chose.
const UNLISTED: &str = "  help: if the skill needs the secret, declare it in skill.json and grant it to the task; its name is \
                        not shown, since only the skill supplied it\n";
/// Returns the help for a name of the operator.
fn declare(name: &str) -> String {
    format!(
        "  help: if the skill needs the secret, declare it in skill.json: {{ \"name\": \"{name}\", \"operations\": [\"…\"], \
         \"reason\": \"…\" }}\n"
    )
}
const HOSTILE: &str = "  help: the skill is faulty or malicious: no grant permits this\n";

/// Asserts that a run ends with this violation, event and error.
#[track_caller]
fn violates(far: Far, secret: &str, operation: &str, reason: &str, message: &str) {
    let denied = format!("secret.denied {secret}{operation} outcome=scope-violation reason={reason}");
    let finished = "task.finished outcome=scope-violation duration=*us";
    let error = format!("error: the task was ended: scope violation on '{secret}': {message}");
    far.stderr(events(["task.admitted", "task.started", &denied, finished]) + &error).code(3);
}

#[test]
fn undeclared_snoop_is_violation() {
    let far = Far::run(guests::SNOOP, "--grant github-webhook-secret:sign --grant payroll-db-password:sign");
    // The name was granted, so it is the operator's, but it was not declared.
    let message = |help: &str| format!("the skill did not declare the secret\n{help}");
    violates(far, "payroll-db-password", "", "undeclared", &message(&declare("payroll-db-password")));
    let far = Far::run(guests::SNOOP, "--grant github-webhook-secret:sign");
    violates(far, "unlisted:*", "", "undeclared", &message(UNLISTED));
}

#[test]
fn violation_is_reported_in_json() {
    let object = concat!(
        r#"{"outcome":"scope-violation","exit_code":3,"task_id":"task-*","agent_id":"local","skill":"snoop","#,
        r#""skill_digest":"sha256:*","output":null,"output_encoding":null,"error":{"kind":"undeclared","#,
        r#""message":"the task was ended: scope violation on 'unlisted:*': the skill did not declare the secret","#,
        r#""causes":[],"help":"if the skill needs the secret, declare it in skill.json and grant it to the task; its name is "#,
        r#"not shown, since only the skill supplied it"},"#,
        r#""provider_calls":0,"duration_us":0,"log":[],"log_discarded":0}"#,
        "\n"
    );
    let records = r#"{"v":1,"seq":1,"ts":"*","task_id":"task-*","agent_id":"local","skill":"snoop","skill_digest":"sha256:*","event":"task.admitted"}
{"v":1,"seq":2,"ts":"*","task_id":"task-*","agent_id":"local","skill":"snoop","skill_digest":"sha256:*","event":"task.started"}
{"v":1,"seq":3,"ts":"*","task_id":"task-*","agent_id":"local","skill":"snoop","skill_digest":"sha256:*","event":"secret.denied","secret_name":"unlisted:*","outcome":"scope-violation","reason":"undeclared"}
{"v":1,"seq":4,"ts":"*","task_id":"task-*","agent_id":"local","skill":"snoop","skill_digest":"sha256:*","event":"task.finished","outcome":"scope-violation","duration_us":0}
"#;
    Far::run(guests::SNOOP, "--grant github-webhook-secret:sign --json").stdout(object).stderr(records).code(3);
}

#[test]
fn ungranted_secret_is_violation() {
    let far = Far::run(guests::PROBE, "--grant alpha:sign").steps(r#"{"do":"get","name":"beta"}"#);
    violates(
        far,
        "beta",
        "",
        "ungranted",
        "the task was not granted the secret\n  help: if the task needs the secret, grant it: --grant beta:OPERATION\n",
    );
}

#[test]
fn undeclared_secret_is_violation() {
    let far = Far::run(guests::PROBE, "--grant alpha:sign").steps(r#"{"do":"get","name":"payroll-db-password"}"#);
    violates(far, "unlisted:*", "", "undeclared", &format!("the skill did not declare the secret\n{UNLISTED}"));
    let far = Far::run(guests::UNDECLARED, "--grant alpha:sign");
    let message = format!("the skill did not declare the secret\n{}", declare("alpha"));
    violates(far, "alpha", "", "undeclared", &message);
}

#[test]
fn invalid_name_is_violation() {
    for name in ["ALPHA", "../alpha", r"alpha\u0000", r"\u001b[2J", ""] {
        let far = Far::run(guests::PROBE, "--grant alpha:sign").steps(&format!(r#"{{"do":"get","name":"{name}"}}"#));
        violates(far, "unlisted:*", "", "invalid-name", &format!("the name is not a valid secret name\n{HOSTILE}"));
    }
}

#[test]
fn excluded_version_is_violation() {
    let far = Far::run(guests::PROBE, "--grant alpha:sign");
    let message = "the grant does not cover the version\n  help: a grant covers the current version, unless 'versions' in a task file says otherwise\n";
    violates(far.steps(r#"{"do":"get-version","name":"alpha","version":"1"}"#), "alpha", "", "version", message);
}

#[test]
fn ungranted_operation_is_violation() {
    let message = |operation: &str| {
        format!(
            "the operation was not declared, granted and permitted\n  help: '{operation}' must be in skill.json, in the grant (--grant alpha:{operation}) and, with --config, under [secrets.alpha]\n"
        )
    };
    let far = Far::run(guests::PROBE, "--grant alpha:sign").steps(r#"{"do":"refresh","name":"alpha"}"#);
    violates(far, "alpha", " operation=refresh", "operation", &message("refresh"));

    // The get was granted, but not the operation.
    let steps = r#"{"do":"get","name":"alpha"},{"do":"reveal"}"#;
    let stderr = events([
        "task.admitted",
        "task.started",
        "secret.requested alpha provider=dotenv",
        "secret.fetched alpha version=env-* provider=dotenv outcome=completed cache=miss duration=*us",
        "secret.injected alpha version=env-* provider=dotenv outcome=completed cache=miss duration=*us",
        "secret.denied alpha operation=reveal outcome=scope-violation reason=operation",
        "secret.wiped alpha version=env-* provider=dotenv",
        "task.finished outcome=scope-violation duration=*us",
    ]);
    Far::run(guests::PROBE_REVEALING, "--grant alpha:sign --grant beta:reveal")
        .steps(steps)
        .stderr(stderr + "error: the task was ended: scope violation on 'alpha': " + &message("reveal"))
        .code(3);
}

#[test]
fn secret_use_outside_run_is_violation() {
    Far::run(guests::EARLY, "--grant alpha:sign")
        .stderr(
            events([
                "task.admitted",
                "secret.denied alpha outcome=scope-violation reason=outside-run",
                "task.finished outcome=scope-violation duration=*us",
            ]) + "error: the task was ended: scope violation on 'alpha': secrets were used outside 'run'\n"
                + HOSTILE,
        )
        .code(3);
}

/// Asserts that a probe uses one granted secret and completes.
#[track_caller]
fn completes(guest: &str, grant: &str, steps: &str, used: Option<&str>, output: &str) {
    let (secret, _) = grant.split_once(':').unwrap();
    let got = format!("{secret} version=env-* provider=dotenv outcome=completed cache=miss duration=*us");
    let fetched = events([
        "task.admitted",
        "task.started",
        &format!("secret.requested {secret} provider=dotenv"),
        &format!("secret.fetched {got}"),
        &format!("secret.injected {got}"),
    ]);
    let used = used.map_or(String::new(), |used| {
        events([&format!("{used} outcome=completed duration=*us")
            .replace(" @ ", &format!(" {secret} version=env-* provider=dotenv "))])
    });
    let wiped = events([
        &format!("secret.wiped {secret} version=env-* provider=dotenv"),
        "task.finished outcome=completed duration=*us",
    ]);
    Far::run(guest, "--grant").args([grant]).steps(steps).stdout(output).stderr(fetched + &used + &wiped).code(0);
}

#[test]
fn granted_twins_succeed() {
    let (get_alpha, get_beta) = (r#"{"do":"get","name":"alpha"}"#, r#"{"do":"get","name":"beta"}"#);
    let got = |name| format!(r#"{{"ok":{{"name":"{name}","version":"env-*"}}}}"#);
    let (alpha, beta) = (got("alpha"), got("beta"));
    completes(guests::PROBE, "beta:sign", get_beta, None, &format!("[{beta}]"));
    let refresh = r#"{"do":"refresh","name":"alpha"}"#;
    completes(guests::PROBE, "alpha:refresh", refresh, None, &format!("[{alpha}]"));
    completes(
        guests::PROBE_REVEALING,
        "alpha:reveal",
        &format!(r#"{get_alpha},{{"do":"reveal"}}"#),
        Some("secret.revealed @ operation=reveal"),
        &format!(
            r#"[{alpha},{{"ok":{{"length":19,"sha256":"d2f9d4860175517f136f29fddbca8192ff5e9dad4d830b0f9061ee35207294a6"}}}}]"#
        ),
    );
}
