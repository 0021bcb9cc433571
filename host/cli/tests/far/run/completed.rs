//! Skills that complete with their grants.

use far_tests::guests;

use crate::fixture::{Far, events};

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
pub(crate) const DELIVERY: &str = r#"{"payload":"Hello, World!","signature":"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}"#;

/// Returns a run of the webhook verifier with its grant and input.
pub(crate) fn webhook() -> Far {
    Far::run(guests::GITHUB_WEBHOOK, "--grant github-webhook-secret:sign --input").args([DELIVERY])
}

/// The events of the webhook verifier.
pub(crate) const WEBHOOK_EVENTS: &str = "\
* task.admitted    task=task-*
* task.started     task=task-*
* secret.requested github-webhook-secret provider=dotenv task=task-*
* secret.fetched   github-webhook-secret version=env-* provider=dotenv outcome=completed cache=miss duration=*us task=task-*
* secret.injected  github-webhook-secret version=env-* provider=dotenv outcome=completed cache=miss duration=*us task=task-*
* secret.signed    github-webhook-secret version=env-* provider=dotenv operation=sign outcome=completed duration=*us task=task-*
* secret.wiped     github-webhook-secret version=env-* provider=dotenv task=task-*
* task.finished    outcome=completed duration=*us task=task-*
";

/// The events of the webhook verifier as lines of JSON.
pub(crate) const WEBHOOK_RECORDS: &str = r#"{"v":1,"seq":1,"ts":"*","task_id":"task-*","agent_id":"local","skill":"github-webhook","skill_digest":"sha256:*","event":"task.admitted"}
{"v":1,"seq":2,"ts":"*","task_id":"task-*","agent_id":"local","skill":"github-webhook","skill_digest":"sha256:*","event":"task.started"}
{"v":1,"seq":3,"ts":"*","task_id":"task-*","agent_id":"local","skill":"github-webhook","skill_digest":"sha256:*","event":"secret.requested","secret_name":"github-webhook-secret","provider":"dotenv"}
{"v":1,"seq":4,"ts":"*","task_id":"task-*","agent_id":"local","skill":"github-webhook","skill_digest":"sha256:*","event":"secret.fetched","secret_name":"github-webhook-secret","secret_version":"env-*","provider":"dotenv","outcome":"completed","cache":"miss","duration_us":0}
{"v":1,"seq":5,"ts":"*","task_id":"task-*","agent_id":"local","skill":"github-webhook","skill_digest":"sha256:*","event":"secret.injected","secret_name":"github-webhook-secret","secret_version":"env-*","provider":"dotenv","outcome":"completed","cache":"miss","duration_us":0}
{"v":1,"seq":6,"ts":"*","task_id":"task-*","agent_id":"local","skill":"github-webhook","skill_digest":"sha256:*","event":"secret.signed","secret_name":"github-webhook-secret","secret_version":"env-*","provider":"dotenv","operation":"sign","outcome":"completed","duration_us":0}
{"v":1,"seq":7,"ts":"*","task_id":"task-*","agent_id":"local","skill":"github-webhook","skill_digest":"sha256:*","event":"secret.wiped","secret_name":"github-webhook-secret","secret_version":"env-*","provider":"dotenv"}
{"v":1,"seq":8,"ts":"*","task_id":"task-*","agent_id":"local","skill":"github-webhook","skill_digest":"sha256:*","event":"task.finished","outcome":"completed","duration_us":0}
"#;

#[test]
fn output_and_events_use_separate_streams() {
    webhook().stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn json_prints_object_and_event_lines() {
    let object = concat!(
        r#"{"outcome":"completed","exit_code":0,"task_id":"task-*","agent_id":"local","skill":"github-webhook","#,
        r#""skill_digest":"sha256:*","output":{"valid":true},"output_encoding":"json","error":null,"#,
        r#""provider_calls":1,"duration_us":0,"log":[],"log_discarded":0}"#,
        "\n"
    );
    webhook().args(["--json"]).stdout(object).stderr(WEBHOOK_RECORDS).code(0);
}

#[test]
fn granted_reveal_completes() {
    let input = r#"{"method":"GET","host":"examplebucket.s3.amazonaws.com","path":"/test.txt","region":"us-east-1","service":"s3","access-key-id":"AKIAIOSFODNN7EXAMPLE","datetime":"20130524T000000Z","expires-seconds":86400}"#;
    let url = concat!(
        r#"{"url":"https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"#,
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request",
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host",
        r#"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"}"#
    );
    let name = "aws-secret-access-key";
    Far::run(guests::AWS_PRESIGN, "--grant aws-secret-access-key:reveal --env-file aws.env --input")
        .args([input])
        .secrets_file("aws.env", "AWS_SECRET_ACCESS_KEY='wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'\n")
        .stdout(url)
        .stderr(events([
            "task.admitted",
            "task.started",
            &format!("secret.requested {name} provider=dotenv"),
            &format!("secret.fetched {name} version=env-* provider=dotenv outcome=completed cache=miss duration=*us"),
            &format!("secret.injected {name} version=env-* provider=dotenv outcome=completed cache=miss duration=*us"),
            &format!(
                "secret.revealed {name} version=env-* provider=dotenv operation=reveal outcome=completed duration=*us"
            ),
            &format!("secret.wiped {name} version=env-* provider=dotenv"),
            "task.finished outcome=completed duration=*us",
        ]))
        .code(0);
}

#[test]
fn skill_log_follows_events() {
    let steps = r#"{"do":"log","level":"warn","message":"first\n\n third "},{"do":"print","text":"out\n"},{"do":"eprint","text":"err"}"#;
    Far::run(guests::PROBE, "")
        .steps(steps)
        .stdout(r#"[{"ok":{}},{"ok":{}},{"ok":{}}]"#)
        .stderr(
            events([
                "task.admitted",
                "task.started",
                "skill.logged level=warn length=14",
                "task.finished outcome=completed duration=*us",
            ]) + "skill warn: first\nskill warn:\nskill warn:  third\nskill stdout: out\nskill stderr: err\n",
        )
        .code(0);
}
