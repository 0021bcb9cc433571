//! The metrics file of `--metrics`, written completely on every outcome.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Output;

use far_core::memory::{backing, usage};
use far_tests::guests;

use super::completed::{WEBHOOK_EVENTS, webhook};
use crate::fixture::{Far, FinishedRun};

const VALID: &str = r#"{"valid":true}"#;

/// The metrics of the webhook verifier, with `*` for durations.
const WEBHOOK: &str = r#"# HELP far_events Events of the PAL.
# TYPE far_events counter
far_events_total{event="secret.fetched",outcome="completed",cache="miss",cause="",provider="dotenv"} 1
far_events_total{event="secret.injected",outcome="completed",cache="miss",cause="",provider="dotenv"} 1
far_events_total{event="secret.requested",outcome="",cache="",cause="",provider="dotenv"} 1
far_events_total{event="secret.signed",outcome="completed",cache="",cause="",provider="dotenv"} 1
far_events_total{event="secret.wiped",outcome="",cache="",cause="",provider="dotenv"} 1
far_events_total{event="task.admitted",outcome="",cache="",cause="",provider=""} 1
far_events_total{event="task.finished",outcome="completed",cache="",cause="",provider=""} 1
far_events_total{event="task.started",outcome="",cache="",cause="",provider=""} 1
# HELP far_secret_fetch_seconds Duration of a provider's response with a secret.
# TYPE far_secret_fetch_seconds histogram
# UNIT far_secret_fetch_seconds seconds
far_secret_fetch_seconds_sum{provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_count{provider="dotenv",outcome="completed"} 1
far_secret_fetch_seconds_bucket{le="0.0005",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.001",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.0025",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.005",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.01",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.025",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.05",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.1",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.25",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="0.5",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="1.0",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="2.5",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="10.0",provider="dotenv",outcome="completed"} *
far_secret_fetch_seconds_bucket{le="+Inf",provider="dotenv",outcome="completed"} 1
# HELP far_task_seconds Duration of tasks, from admission.
# TYPE far_task_seconds histogram
# UNIT far_task_seconds seconds
far_task_seconds_sum{outcome="completed"} *
far_task_seconds_count{outcome="completed"} 1
far_task_seconds_bucket{le="0.005",outcome="completed"} *
far_task_seconds_bucket{le="0.01",outcome="completed"} *
far_task_seconds_bucket{le="0.025",outcome="completed"} *
far_task_seconds_bucket{le="0.05",outcome="completed"} *
far_task_seconds_bucket{le="0.1",outcome="completed"} *
far_task_seconds_bucket{le="0.25",outcome="completed"} *
far_task_seconds_bucket{le="0.5",outcome="completed"} *
far_task_seconds_bucket{le="1.0",outcome="completed"} *
far_task_seconds_bucket{le="5.0",outcome="completed"} *
far_task_seconds_bucket{le="10.0",outcome="completed"} *
far_task_seconds_bucket{le="30.0",outcome="completed"} *
far_task_seconds_bucket{le="300.0",outcome="completed"} *
far_task_seconds_bucket{le="+Inf",outcome="completed"} 1
# HELP far_violations Violations by reason.
# TYPE far_violations counter
far_violations_total{reason="claims"} 0
far_violations_total{reason="destination"} 0
far_violations_total{reason="foreign-token"} 0
far_violations_total{reason="invalid-name"} 0
far_violations_total{reason="invalid-version"} 0
far_violations_total{reason="leaked"} 0
far_violations_total{reason="not-permitted"} 0
far_violations_total{reason="operation"} 0
far_violations_total{reason="outside-run"} 0
far_violations_total{reason="placement"} 0
far_violations_total{reason="signing"} 0
far_violations_total{reason="signing-key"} 0
far_violations_total{reason="undeclared"} 0
far_violations_total{reason="ungranted"} 0
far_violations_total{reason="version"} 0
# HELP far_locked_memory_bytes Locked memory: used by live values, and the budget.
# TYPE far_locked_memory_bytes gauge
# UNIT far_locked_memory_bytes bytes
far_locked_memory_bytes{state="budget"} BUDGET
far_locked_memory_bytes{state="used"} *
# HELP far_locked_memory_info Kind of the locked memory.
# TYPE far_locked_memory_info gauge
far_locked_memory_info{kind="BACKING"} 1
# EOF
"#;

/// Masks durations, and the memory in use, which another thread may be about to free.
fn mask(text: &str) -> String {
    let is_bucket = |name: &str| name.contains("_bucket{") && !name.contains("+Inf");
    let is_time = |name: &str| name.contains("_sum{") || name.contains("\"used\"") || is_bucket(name);
    let masked = |line: &str| match line.rsplit_once(' ') {
        Some((name, _)) if is_time(name) => format!("{name} *\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(masked).collect()
}

/// Asserts that a run of the verifier succeeds with this warning.
#[track_caller]
fn verifies(far: Far, warning: &str) -> FinishedRun {
    far.stdout(VALID).stderr(format!("{WEBHOOK_EVENTS}{warning}")).code(0)
}

#[test]
fn metrics_file_has_run_counters() {
    let ran = verifies(webhook().words("--metrics far.prom"), "");
    let written = fs::read_to_string(ran.folder.path().join("far.prom")).unwrap();
    let machine = WEBHOOK.replace("BUDGET", &usage().budget.to_string()).replace("BACKING", backing().as_str());
    assert_eq!(mask(&written), machine);
}

/// Returns the exit code and the metrics file of a run.
#[track_caller]
fn written(far: &Far) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = far.command().output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(!stderr.contains("warning"), "{stderr}");
    let written = fs::read_to_string(far.path("far.prom")).unwrap();
    assert!(written.ends_with("# EOF\n"), "{written}");
    (status.code(), written)
}

/// Returns the counter line for one task with this outcome.
fn ended(outcome: &str) -> String {
    format!("far_task_seconds_count{{outcome=\"{outcome}\"}} 1\n")
}

#[test]
fn metrics_are_written_on_every_outcome() {
    let probe = |words: &str, steps: &str| Far::run(guests::PROBE, words).steps(steps);
    let get = r#"{"do":"get","name":"alpha"}"#;
    let task =
        format!("skill = {:?}\n[input]\nsteps = [{{ do = 'spin' }}]\n[limits]\ntimeout = '200ms'\n", guests::PROBE);
    let gone = "[providers.vault]\ntype = 'vault'\naddress = 'http://127.0.0.1:1'\nauth = { method = 'token', token-file = \
                'token' }\n[secrets.alpha]\nprovider = 'vault'\npath = 'secret/a'\nfield = 'f'\noperations = ['sign']\n";
    let away = probe("--grant alpha:sign --config far.toml", &format!(r#"{get},{{"do":"fail","message":"m"}}"#));
    let away = away.file("far.toml", gone).file("token", "t0ken").mode("token", 0o600);
    let cases = [
        (probe("", r#"{"do":"fail","message":"m"}"#), 1, ended("skill-error")),
        (probe("--grant alpha:sign", r#"{"do":"get","name":"beta"}"#), 3, ended("scope-violation")),
        (
            probe("--grant alpha:sign", r#"{"do":"get","name":"beta"}"#),
            3,
            "far_violations_total{reason=\"ungranted\"} 1\n".to_owned(),
        ),
        (Far::new().words("run --task task.toml").file("task.toml", task), 4, ended("timed-out")),
        (
            away,
            5,
            "far_backend_calls_total{provider=\"vault\",server=\"backend\",outcome=\"unavailable\"} 1\n".to_owned(),
        ),
        (probe("--grant alpha:sign --pal /dev/full", get), 5, ended("audit-unavailable")),
        (
            Far::run("skill.wasm", "").file("skill.wasm", "no component"),
            3,
            "far_events_total{event=\"task.refused\",outcome=\"refused\",cache=\"\",cause=\"\",provider=\"\"} 1\n"
                .to_owned(),
        ),
    ];
    for (far, code, line) in cases {
        let far = far.words("--metrics far.prom").file("far.prom", "far_of_another_run 1\n");
        let (seen, written) = written(&far);
        assert_eq!(seen, Some(code));
        assert!(written.contains(&line) && !written.contains("another_run"), "{line}{written}");
    }
}

#[test]
fn run_without_task_counts_no_events() {
    let cases = [(Far::run("none.wasm", ""), 2), (webhook().words("--pal no/pal"), 5)];
    for (far, code) in cases {
        let (seen, written) = written(&far.words("--metrics far.prom").file("far.prom", "far_of_another_run 1\n"));
        assert_eq!(seen, Some(code));
        assert!(written.starts_with("# HELP far_violations "), "no event and no task: {written}");
    }
}

#[test]
fn metrics_file_is_replaced_atomically() {
    let far = webhook().words("--metrics far.prom").file("far.prom", "before\n").mode("far.prom", 0o600);
    let mut before = File::open(far.path("far.prom")).unwrap();
    let ran = verifies(far, "");
    let mut text = String::new();
    before.read_to_string(&mut text).unwrap();
    assert_eq!(text, "before\n", "open readers keep the old file");
    let now = ran.folder.path().join("far.prom").metadata().unwrap();
    assert_ne!(now.ino(), before.metadata().unwrap().ino());
    assert_eq!(now.permissions().mode() & 0o7777, 0o644);
    let mut names: Vec<_> = fs::read_dir(&ran.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_unstable();
    assert_eq!(names, [".env", "far.prom"], "no temporary files are left");
}

#[test]
fn umask_limits_metrics_file_mode() {
    let far = webhook().words("--metrics far.prom");
    assert!(far.command_after("umask 027").output().unwrap().status.success());
    assert_eq!(far.path("far.prom").metadata().unwrap().permissions().mode() & 0o7777, 0o640);
}

#[test]
fn unwritable_metrics_file_is_warning() {
    let warned = |why: &str| format!("warning: {why}\n");
    let no_file = |path: &str| warned(&format!("'{path}' is not a regular file"));
    let ran = verifies(webhook().words("--metrics link").link("link", "far.prom"), &no_file("link"));
    assert!(!ran.folder.path().join("far.prom").exists(), "the link is not followed");
    assert!(ran.folder.path().join("link").is_symlink(), "the link is not replaced");
    verifies(webhook().words("--metrics pipe").pipe("pipe"), &no_file("pipe"));
    verifies(webhook().words("--metrics folder").folder("folder"), &no_file("folder"));
    verifies(webhook().words("--metrics /dev/null"), &no_file("/dev/null"));
    let nowhere = "cannot write the metrics to 'no/far.prom': No such file or directory (os error 2)";
    verifies(webhook().words("--metrics no/far.prom"), &warned(nowhere));

    let violation = Far::run(guests::SNOOP, "--grant github-webhook-secret:sign --json --metrics no/far.prom");
    let output = violation.command().output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let line = format!("{{\"error\":\"{nowhere}\",\"event\":\"metrics.unwritten\",\"v\":1}}\n");
    assert!(stderr.ends_with(&line), "{stderr}");
}
