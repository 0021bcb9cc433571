//! What goes beyond a capability ends the task with code 3 and without a call of the backend; the twin that is granted
//! it succeeds.

use far_tests::guests;

use crate::fixture::{Far, events};

const GRANT: &str =
    "  help: a secret must be declared by the skill, granted to the task and permitted by the operator\n";
const HOSTILE: &str = "  help: the skill is wrong, or hostile: no grant would let it do this\n";

/// What is advised for a name that is not the guest's alone.
fn declare(name: &str) -> String {
    format!(
        "  help: if it should have it, declare it in the skill: {{ \"name\": \"{name}\", \"operations\": [\"OPERATION\"], \
         \"reason\": \"…\" }}\n"
    )
}

/// Sees that a run ends by a violation: what the event says of the secret, the reason, and what people are told.
#[track_caller]
fn violates(far: Far, secret: &str, operation: &str, reason: &str, told: &str) {
    let denied = format!("secret.denied {secret}{operation} outcome=scope-violation reason={reason}");
    let finished = "task.finished outcome=scope-violation duration=*us";
    let error = format!("error: the task was ended: scope violation on '{secret}': {told}");
    far.stderr(events(["task.admitted", "task.started", &denied, finished]) + &error).code(3);
}

#[test]
fn snoop() {
    let far = Far::run(guests::SNOOP, "--grant github-webhook-secret:sign --grant payroll-db-password:sign");
    // It was granted, so its name is the operator's; it was not declared.
    let told = "the skill did not declare the secret\n";
    violates(far, "payroll-db-password", "", "undeclared", &format!("{told}{}", declare("payroll-db-password")));
    let far = Far::run(guests::SNOOP, "--grant github-webhook-secret:sign");
    // Only the guest has said it, and what it says is not passed on.
    let told = format!("{told}{GRANT}");
    violates(far, "unlisted:*", "", "undeclared", &told);
}

#[test]
fn snoop_in_json() {
    let object = concat!(
        r#"{"outcome":"scope-violation","exit_code":3,"task_id":"task-*","agent_id":"local","skill":"snoop","#,
        r#""skill_digest":"sha256:*","output":null,"output_encoding":null,"error":{"kind":"undeclared","#,
        r#""message":"the task was ended: scope violation on 'unlisted:*': the skill did not declare the secret","#,
        r#""causes":[],"help":"a secret must be declared by the skill, granted to the task and permitted by the operator"},"#,
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
fn an_ungranted_secret() {
    let far = Far::run(guests::PROBE, "--grant alpha:sign").steps(r#"{"do":"get","name":"beta"}"#);
    let told = "the task was not granted the secret\n  help: if it should have it, grant what the skill declares: --grant \
                beta:OPERATION\n";
    violates(far, "beta", "", "ungranted", told);
}

#[test]
fn an_undeclared_secret() {
    let far = Far::run(guests::PROBE, "--grant alpha:sign").steps(r#"{"do":"get","name":"payroll-db-password"}"#);
    violates(far, "unlisted:*", "", "undeclared", &format!("the skill did not declare the secret\n{GRANT}"));
    let far = Far::run(guests::UNDECLARED, "--grant alpha:sign");
    violates(far, "alpha", "", "undeclared", &format!("the skill did not declare the secret\n{}", declare("alpha")));
}

#[test]
fn a_name_that_is_none() {
    for name in ["ALPHA", "../alpha", r"alpha\u0000", r"\u001b[2J", ""] {
        let far = Far::run(guests::PROBE, "--grant alpha:sign").steps(&format!(r#"{{"do":"get","name":"{name}"}}"#));
        violates(far, "unlisted:*", "", "invalid-name", &format!("the name is not a valid secret name\n{HOSTILE}"));
    }
}

#[test]
fn a_version_that_the_grant_excludes() {
    let far = Far::run(guests::PROBE, "--grant alpha:sign");
    let told = "the grant does not cover the version\n  help: a grant is for the current version, unless 'versions' in \
                a task file says otherwise\n";
    violates(far.steps(r#"{"do":"get-version","name":"alpha","version":"1"}"#), "alpha", "", "version", told);
}

#[test]
fn an_operation_that_the_grant_lacks() {
    let told = |operation: &str| {
        format!(
            "the operation was not declared, granted and permitted\n  help: if it should do it, declare '{operation}' in \
             the skill, permit it, and grant it with the others: --grant alpha:{operation}\n"
        )
    };
    let far = Far::run(guests::PROBE, "--grant alpha:sign").steps(r#"{"do":"refresh","name":"alpha"}"#);
    violates(far, "alpha", " operation=refresh", "operation", &told("refresh"));

    // Here the handle was granted, and got; what is done with it was not.
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
        .stderr(stderr + "error: the task was ended: scope violation on 'alpha': " + &told("reveal"))
        .code(3);
}

#[test]
fn before_the_task_is_open() {
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

/// Sees that a probe uses one secret, as granted, and completes.
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
fn the_twins_with_the_grant_succeed() {
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
