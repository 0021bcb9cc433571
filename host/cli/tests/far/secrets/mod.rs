//! `far secrets`.

mod backend;
mod hostile;
mod idle;
mod waiting_run;

use self::waiting_run::{RunResult, WaitingRun};
use crate::fixture::Far;

const CONFIG: &str = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.alpha]\nprovider = 'dev'\noperations = ['sign']\n\
    [secrets.hook]\nprovider = 'dev'\npath = 'github-webhook-secret'\noperations = ['sign']\nscope = 'agent'\nttl = '15m'\n\
    stale = '5m'\nrotate = { every = '24h' }\n";
/// The masked version of a value from a `.env`.
const VERSION: &str = "env-*";

fn secrets(words: &str) -> Far {
    Far::new().words("secrets").words(words).file("far.toml", CONFIG)
}

/// Returns this many records of a requested secret.
fn requested(name: &str, times: usize) -> String {
    format!("* secret.requested {name} provider=dev cause=operator\n").repeat(times)
}

/// Returns the lines with collapsed spaces, because column widths depend on the process id.
fn narrow(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn list_shows_every_catalog_secret() {
    let table = format!(
        "\
SECRET  PROVIDER  REFERENCE              SCOPE  TTL                                           AGE  LEFT  VERSION
alpha   dev       alpha                  task   1h                                            -    -     {VERSION}
hook    dev       github-webhook-secret  agent  15m, 5m stale, rotated every 1d, overlap 10m  -    -     {VERSION}

no running processes of agent 'local'
"
    );
    secrets("list --config far.toml").stdout(table).code(0);
    let secret = |name: &str, reference: &str, rotate: &str, scope: &str, stale: u32, ttl: u32| {
        format!(
            r#"{{"age_ms":null,"leased":false,"left_ms":null,"name":"{name}","provider":"dev","reference":"{reference}","rotate":{rotate},"scope":"{scope}","stale_ms":{stale},"state":"known","ttl_ms":{ttl},"version":"{VERSION}"}}"#
        )
    };
    let rotate = r#"{"every_ms":86400000,"overlap_ms":600000}"#;
    let object = format!(
        "{{\"agent_id\":\"local\",\"command\":\"secrets list\",\"config\":\"far.toml\",\"exit_code\":0,\"ok\":true,\"problems\":[],\
         \"processes\":[],\"secrets\":[{},{}]}}\n",
        secret("alpha", "alpha", "null", "task", 0, 3_600_000),
        secret("hook", "github-webhook-secret", rotate, "agent", 300_000, 900_000),
    );
    secrets("list --config far.toml --json").stdout(object).code(0);
}

#[test]
fn env_file_is_listed_without_configuration() {
    let table = format!(
        "\
SECRET  PROVIDER  REFERENCE  SCOPE  TTL  AGE  LEFT  VERSION
alpha   dotenv    alpha      task   1h   -    -     {VERSION}
beta    dotenv    beta       task   1h   -    -     {VERSION}
"
    );
    let two = "BETA=beta-canary-c05e22\nALPHA=alpha-canary-7f3a91\n";
    Far::new().words("secrets list").env_file(two).stdout(&table).code(0);
    let other = Far::new().words("secrets list --env-file other.env").secrets_file("other.env", two);
    other.stdout(table).code(0);
}

#[test]
fn unknown_secret_is_usage_error() {
    for command in ["refresh", "rotate", "revoke"] {
        let unknown = |name: &str, help: &str| {
            let stderr = format!("error: secret '{name}' is not in the configuration\n  help: {help}\n");
            secrets(&format!("{command} {name} --config far.toml")).stderr(stderr).code(2);
        };
        unknown("alhpa", "did you mean 'alpha'?");
        unknown("HOOK", "did you mean 'hook'?");
        unknown("payroll-db-password", "run 'far secrets list' with the same --config to see the configured secrets");
        unknown("../alpha", "run 'far secrets list' with the same --config to see the configured secrets");
    }
}

#[test]
fn backend_is_asked_without_processes() {
    let none = "  processes  none running\n";
    let report = |head: &str, backend: &str| format!("alpha: {head}\n  backend    {backend}\n{none}");
    let refreshed = report("refreshed", "'dev' has version env-*");
    secrets("refresh alpha --config far.toml").stdout(refreshed).stderr(requested("alpha", 1)).code(0);
    let rotated = report("rotated", "'dev' does not create versions; processes read the current one");
    secrets("rotate alpha --config far.toml").stdout(rotated).stderr(requested("alpha", 2)).code(0);
    let backend = "'dev' does not support revocation: the secret is still valid";
    let revoked = report("revoked in processes only", backend);
    secrets("revoke alpha --config far.toml").stdout(revoked).stderr(requested("alpha", 2)).code(0);
    let object = concat!(
        r#"{"backend":{"state":"unsupported","version":null},"command":"secrets revoke","exit_code":0,"ok":true,"problems":[],"#,
        r#""processes":[],"provider":"dev","secret":"alpha"}"#,
        "\n"
    );
    let record = |seq: u32| {
        format!(
            "{{\"v\":1,\"seq\":{seq},\"ts\":\"*\",\"task_id\":null,\"agent_id\":\"local\",\"skill\":null,\"skill_digest\":null,\
             \"event\":\"secret.requested\",\"secret_name\":\"alpha\",\"provider\":\"dev\",\"cause\":\"operator\"}}\n"
        )
    };
    let far = secrets("revoke alpha --config far.toml --json --pal pal.jsonl").stdout(object);
    let ran = far.stderr(record(1) + &record(2)).code(0);
    assert_eq!(ran.written("pal.jsonl"), record(1) + &record(2));
}

#[test]
fn unrecordable_command_is_not_executed() {
    let run = WaitingRun::dotenv(|far| far).waiting();
    for command in ["refresh", "rotate", "revoke"] {
        let (code, stdout, stderr) = run.also(&format!("secrets {command} token --config far.toml --pal /dev/full"));
        assert_eq!((code, stdout.as_str()), (Some(5), ""), "{command}");
        let message = "error: cannot record the event: the audit log is unavailable\n  cause: a record could not be written: no \
                    storage space\n  help: no operation runs without a recorded event; check the file given to --audit or --pal\n";
        assert_eq!(stderr, requested("token", 1) + message, "{command}");
    }
    let RunResult { code, stderr, sent, .. } = run.end();
    assert_eq!((code, sent.is_some()), (Some(0), true), "the process got no request: {stderr}");
    assert!(!stderr.contains("cause=operator"), "{stderr}");
}

#[test]
fn held_handle_reports_revocation() {
    let run = WaitingRun::dotenv(|far| far.words("--pal pal.jsonl")).waiting();
    let (code, stdout, stderr) = run.also("secrets list --config far.toml");
    let table = format!(
        "\
SECRET  PROVIDER  REFERENCE  SCOPE  TTL  AGE  LEFT  VERSION
token   dev       token      task   1h   -    -     {VERSION}

PROCESS  SECRET  PROVIDER  SCOPE  LEFT  STATE  VERSION
PID  token   dev       task   59m   cached   env-*
"
    );
    assert_eq!((code, narrow(&stdout), stderr.as_str()), (Some(0), narrow(&table), ""));

    let (code, stdout, stderr) = run.also("secrets revoke token --config far.toml --audit kept/operator.jsonl");
    let (events, audit) = stderr.split_once("audit kept/operator.jsonl: head ").unwrap();
    assert_eq!((code, events), (Some(0), requested("token", 2).as_str()), "{audit}");
    let backend = "backend 'dev' does not support revocation: the secret is still valid";
    assert_eq!(narrow(&stdout), ["token: revoked in processes only", backend, "process PID wiped 1 value"]);
    let (code, stdout, _) = run.also("secrets list --config far.toml --json");
    assert!(code == Some(0) && stdout.contains(r#""processes":[{"kept":[],"process":PID}]"#), "{stdout}");

    let RunResult { code, stderr, sent, far } = run.end();
    assert_eq!((code, sent), (Some(1), None), "{stderr}");
    assert!(stderr.ends_with("error: the skill failed: the secret was revoked\n"), "{stderr}");
    assert!(stderr.contains("* secret.wiped     token version=env-* provider=dev cause=operator\n"), "{stderr}");
    let pal = std::fs::read_to_string(far.path("pal.jsonl")).unwrap();
    let wiped = pal.lines().find(|line| line.contains("secret.wiped")).unwrap();
    assert!(wiped.contains(r#""task_id":null"#) && wiped.contains(r#""cause":"operator""#), "{wiped}");
}
