//! `far check`.

use crate::fixture::{Far, usage};

const PROVIDER: &str = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n";
const HEAD: &str = "far.toml: valid\nagent local, wasi inert, swap refused\n\n";
const NONE: &str = "SECRET  PROVIDER  FOUND  OPERATIONS  SCOPE  TTL  WHEN LEAKED  SKILLS  DESTINATIONS\n";
const FOUR: &str = "PROVIDER  STATE\ndev       reachable, has 4 secrets\n";

/// Returns a check of this `far.toml`.
fn check(text: &str) -> Far {
    Far::new().words("check --config far.toml").file("far.toml", text)
}

/// Asserts the error of this `far.toml`.
fn refused(text: &str, stderr: &str) {
    check(text).stderr(stderr).code(2);
}

#[test]
fn permitted_secrets_are_listed() {
    let digest = "0".repeat(64);
    let far = check(&format!(
        "[agent]\nid = 'far-agent-7'\nswap = 'allowed'\n[runtime]\nwasi = 'strict'\n{PROVIDER}\
         [secrets.github-webhook-secret]\nprovider = 'dev'\noperations = ['sign', 'refresh']\nttl = '15m'\n\
         [secrets.deploy]\nprovider = 'dev'\npath = 'alpha'\noperations = ['seal']\nscope = 'agent'\n\
         destinations = ['https://api.github.com/repos', 'https://*.example.com']\nskills = ['sha256:{digest}']\nwhen-leaked = 'fail'\n"
    ));
    let table = "\
far.toml: valid
agent far-agent-7, wasi strict, swap allowed

PROVIDER  STATE
dev       reachable, has 4 secrets

SECRET                 PROVIDER  FOUND  OPERATIONS    SCOPE  TTL  WHEN LEAKED  SKILLS                                                                   DESTINATIONS
deploy                 dev       yes    seal          agent  1h   fail         sha256:*  https://api.github.com/repos https://*.example.com
github-webhook-secret  dev       yes    sign,refresh  task   15m  replace      every skill                                                              -
";
    far.stdout(table).code(0);
}

#[test]
fn counted_repeats_are_shown() {
    let counted = check(&format!("[pal]\nrepeats = 'counted'\n{PROVIDER}"));
    let output = counted.command().output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("swap refused, repeated handles counted\n"), "{stdout}");
    let output = counted.args(["--json"]).command().output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains(r#""repeats":"counted""#));
}

#[test]
fn lifetime_and_rotation_are_shown() {
    let text = format!(
        "{PROVIDER}[secrets.alpha]\nprovider = 'dev'\noperations = ['sign']\nttl = '15m'\nstale = '5m'\n\
         rotate = {{ every = '24h' }}\n"
    );
    let table = "\
SECRET  PROVIDER  FOUND  OPERATIONS  SCOPE  TTL                                           WHEN LEAKED  SKILLS       DESTINATIONS
alpha   dev       yes    sign        task   15m, 5m stale, rotated every 1d, overlap 10m  replace      every skill  -
";
    check(&text).stdout(format!("{HEAD}{FOUR}\n{table}")).code(0);
    let object = concat!(
        r#""rotate":{"every_ms":86400000,"overlap_ms":600000},"scope":"task","signing":"hmac","skills":null,"#,
        r#""stale_ms":300000,"ttl_ms":900000"#
    );
    let output = check(&text).args(["--json"]).command().output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(object), "{stdout}");
}

#[test]
fn empty_catalog_is_valid() {
    check(PROVIDER).stdout(format!("{HEAD}{FOUR}\n{NONE}")).code(0);
    check("").stdout(format!("{HEAD}PROVIDER  STATE\n\n{NONE}")).code(0);
}

#[test]
fn env_file_is_checked_without_configuration() {
    let stdout = "\
no configuration: a task may use every granted secret of the .env file
agent local, wasi inert, swap refused

PROVIDER  STATE
dotenv    reachable, has 4 secrets

SECRET
alpha
beta
github-webhook-secret
payroll-db-password
";
    Far::new().args(["check"]).stdout(stdout).code(0);
    let other = stdout.replace("has 4 secrets", "has 1 secret").replace("alpha\nbeta\ngithub-webhook-secret\n", "");
    let far =
        Far::new().words("check --env-file other.env").secrets_file("other.env", "PAYROLL_DB_PASSWORD=x-canary-1\n");
    far.stdout(other).code(0);
}

#[test]
fn json_prints_one_object() {
    let far = check(&format!("{PROVIDER}[secrets.alpha]\nprovider = 'dev'\noperations = ['sign']\n")).args(["--json"]);
    let object = concat!(
        r#"{"agent_id":null,"command":"check","config":"far.toml","egress":{"authorities":null,"ca_file":null,"destinations":[],"hosts":{},"networks":[]},"exit_code":0,"ok":true,"problems":[],"#,
        r#""providers":[{"id":"dev","secrets":4,"state":"reached"}],"repeats":"each","secrets":[{"destinations":[],"name":"alpha","#,
        r#""only_sealed":false,"operations":["sign"],"placements":[],"present":true,"provider":"dev","reference":"alpha","rotate":null,"scope":"task","signing":"hmac","skills":null,"#,
        r#""stale_ms":0,"ttl_ms":3600000,"when_leaked":"replace"}],"swap":"refused","wasi":"inert"}"#,
        "\n"
    );
    far.stdout(object).code(0);
}

#[test]
fn permitted_absent_secret_is_reported() {
    let text = format!("{PROVIDER}[secrets.gamma]\nprovider = 'dev'\noperations = ['sign']\n");
    let table = "\
SECRET  PROVIDER  FOUND  OPERATIONS  SCOPE  TTL  WHEN LEAKED  SKILLS       DESTINATIONS
gamma   dev       NO     sign        task   1h   replace      every skill  -
";
    let stderr = "error: provider 'dev' has no secret 'gamma'\n  help: create the secret, set 'path' to its name in the provider, or remove it from the configuration\n";
    check(&text).stdout(format!("{HEAD}{FOUR}\n{table}")).stderr(stderr).code(2);
    let object = concat!(
        r#"{"agent_id":null,"command":"check","config":"far.toml","egress":{"authorities":null,"ca_file":null,"destinations":[],"hosts":{},"networks":[]},"exit_code":2,"ok":false,"problems":[{"about":"gamma","#,
        r#""error":{"causes":[],"help":"create the secret, set 'path' to its name in the provider, or remove it "#,
        r#"from the configuration","kind":"absent","message":"provider 'dev' has no secret 'gamma'"}}],"#,
        r#""providers":[{"id":"dev","secrets":4,"state":"reached"}],"repeats":"each","secrets":[{"destinations":[],"name":"gamma","#,
        r#""only_sealed":false,"operations":["sign"],"placements":[],"present":false,"provider":"dev","reference":"gamma","rotate":null,"scope":"task","signing":"hmac","skills":null,"#,
        r#""stale_ms":0,"ttl_ms":3600000,"when_leaked":"replace"}],"swap":"refused","wasi":"inert"}"#,
        "\n"
    );
    check(&text).args(["--json"]).stdout(object).code(2);
}

#[test]
fn every_provider_problem_is_reported() {
    let text = format!(
        "{PROVIDER}[providers.old]\ntype = 'dotenv'\npath = 'old.env'\n[providers.open]\ntype = 'dotenv'\npath = 'open.env'\n\
         [secrets.alpha]\nprovider = 'old'\noperations = ['sign']\n"
    );
    let far = check(&text).secrets_file("open.env", "OPEN_CANARY=open-canary-11\n").mode("open.env", 0o644);
    let stdout = "\
PROVIDER  STATE
dev       reachable, has 4 secrets
old       cannot be opened
open      cannot be opened

SECRET  PROVIDER  FOUND    OPERATIONS  SCOPE  TTL  WHEN LEAKED  SKILLS       DESTINATIONS
alpha   old       unknown  sign        task   1h   replace      every skill  -
";
    let stderr = "\
error: 'old.env' does not exist
  help: create it with lines like 'NAME=value', then run 'chmod 600' on it
error: 'open.env' is accessible to other users (mode 0644)
  help: run 'chmod 600' on it, and replace its secrets if other users could read it
";
    far.stdout(format!("{HEAD}{stdout}")).stderr(stderr).code(2);
}

#[test]
fn configuration_errors_have_positions() {
    refused(
        &format!("{PROVIDER}[secrets.alpha]\nprovidr = 'dev'\n"),
        "error: far.toml:5:1: unknown key 'secrets.alpha.providr'\n  help: did you mean 'provider'?\n",
    );
    refused(
        &format!("{PROVIDER}[secrets.alpha]\nprovider = 'dav'\n"),
        "error: far.toml:5:12: 'secrets.alpha.provider': unknown provider\n  help: did you mean \
         'dev'?\n",
    );
    refused(
        "[agent\n",
        "error: far.toml:1:7: not valid TOML: unclosed table, expected `]`\n  help: fix this error; the rest of the file was not checked\n",
    );
    refused("[secret.alpha]\n", "error: far.toml:1:2: unknown key 'secret'\n  help: did you mean 'secrets'?\n");
    refused(
        &format!("{PROVIDER}[secrets.alpha]\nprovider = 'dev'\noperations = ['read']\n"),
        "error: far.toml:6:15: 'secrets.alpha.operations[0]': an operation is one of 'seal', 'sign', 'reveal', \
         'refresh'\n",
    );
    refused(
        "[providers.v]\ntype = 'kubernetes'\n",
        "error: far.toml:2:8: 'providers.v.type': provider type 'kubernetes' is not supported by this version of far\n  \
         help: supported types are \"dotenv\" and \"vault\"\n",
    );
    refused(
        &format!("{PROVIDER}[secrets.Alpha]\nprovider = 'dev'\n"),
        "error: far.toml:4:10: 'secrets.Alpha': a name is made of a-z, 0-9, '.', '_', '-' and '/': byte 0 is \
         invalid\n",
    );
}

#[test]
fn writable_configuration_is_refused() {
    let stderr = "error: 'far.toml' is writable by other users: its mode is 0666\n  help: remove the permission: chmod go-w \
                  'far.toml'\n";
    check(PROVIDER).mode("far.toml", 0o666).stderr(stderr).code(2);
}

#[test]
fn invalid_arguments_are_usage_errors() {
    let absent = "error: failed to read 'absent.toml'\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable\n";
    Far::new().words("check --config absent.toml").stderr(absent).code(2);
    let cases = [
        (
            "check --config far.toml --env-file .env",
            "the argument '--config <FILE>' cannot be used with '--env-file <FILE>'",
            "",
            "check --allow-swap --config <FILE>",
        ),
        ("check far.toml", "unexpected argument 'far.toml' found", "", "check [OPTIONS]"),
        (
            "check --confg far.toml",
            "unexpected argument '--confg' found",
            "a similar argument exists: '--config'",
            "check --allow-swap --config <FILE>",
        ),
    ];
    for (words, problem, tip, form) in cases {
        Far::new().words(words).stderr(usage(problem, tip, form)).code(2);
    }
    let object = |kind: &str, message: &str, causes: &str, help: &str| {
        format!(
            "{{\"outcome\":\"usage\",\"exit_code\":2,\"task_id\":null,\"agent_id\":null,\"skill\":null,\"skill_digest\":null,\
             \"output\":null,\"output_encoding\":null,\"error\":{{\"kind\":\"{kind}\",\"message\":\"{message}\",\
             \"causes\":[{causes}],\"help\":\"{help}\"}},\"provider_calls\":0,\"duration_us\":null,\"log\":[],\
             \"log_discarded\":0}}\n"
        )
    };
    let cause = "\"No such file or directory (os error 2)\"";
    let help = "check that the file exists and is readable";
    let unread = object("config", "failed to read 'absent.toml'", cause, help);
    Far::new().words("check --json --config absent.toml").stdout(unread).code(2);
    let unknown = object("arguments", "unexpected argument '--bogus' found", "", "see 'far check --help'");
    Far::new().words("check --bogus --json").stdout(unknown).code(2);
}

#[test]
fn egress_rules_are_shown() {
    let far = check(&format!(
        "[egress]\ndestinations = ['GET https://a.example', 'https://b.example/c']\nnetworks = ['10.0.0.0/8', 'fd00::/8']\nhosts = {{ 'a.example' = '10.0.0.5' }}\n{PROVIDER}"
    ));
    let head = "\
far.toml: valid
agent local, wasi inert, swap refused
requests without a secret: GET https://a.example https://b.example/c
additional networks: 10.0.0.0/8 fd00::/8
static host addresses: a.example at 10.0.0.5:0
certificate authorities: the platform

";
    far.stdout(format!("{head}{FOUR}\n{NONE}")).code(0);
}

#[test]
fn invalid_authorities_are_refused() {
    let far = check(&format!("[egress]\nca-file = 'ca.pem'\n{PROVIDER}")).file("ca.pem", "no certificate");
    let head = "\
far.toml: valid
agent local, wasi inert, swap refused
requests without a secret: none
additional networks: none
static host addresses: none
certificate authorities: ca.pem

";
    let stderr = "error: cannot use the certificates in 'ca.pem'\n  cause: the PEM text contains no certificate, or an \
                  invalid one\n  help: pass a file of PEM certificates, each beginning with '-----BEGIN CERTIFICATE-----'\n";
    far.stdout(format!("{head}{FOUR}\n{NONE}")).stderr(stderr).code(2);
    refused(
        "[egress]\nnetworks = ['10.0.0.1']\n",
        "error: far.toml:2:13: 'egress.networks[0]': a network has the form 10.20.0.0/16 or fd00::/8\n",
    );
    refused(
        "[egress]\nca = 'x'\n",
        "error: far.toml:2:1: unknown key 'egress.ca'\n  help: use one of 'destinations', 'networks', 'ca-file', 'hosts'\n",
    );
}

#[test]
fn writable_authorities_are_refused() {
    let stderr = "error: 'ca.pem' is writable by other users: its mode is 0664\n  help: remove the permission: chmod go-w 'ca.pem'\n";
    let ca_file = |text: &str| check(text).file("ca.pem", "").mode("ca.pem", 0o664).stderr(stderr);
    let head = "\
far.toml: valid
agent local, wasi inert, swap refused
requests without a secret: none
additional networks: none
static host addresses: none
certificate authorities: ca.pem

";
    ca_file(&format!("[egress]\nca-file = 'ca.pem'\n{PROVIDER}")).stdout(format!("{head}{FOUR}\n{NONE}")).code(2);
    let table = "\
far.toml: valid
agent local, wasi inert, swap refused

PROVIDER  STATE
dev       cannot be opened

SECRET  PROVIDER  FOUND    OPERATIONS  SCOPE  TTL  WHEN LEAKED  SKILLS       DESTINATIONS
app     dev       unknown  seal        task   1h   replace      every skill  https://api.github.com
";
    ca_file(&format!(
        "{PROVIDER}[secrets.app]\nprovider = 'dev'\npath = 'alpha'\nkind = 'github-app'\ndestinations = \
         ['https://api.github.com']\ngithub-app = {{ app-id = '12', installation = 34, ca-file = 'ca.pem' }}\n"
    ))
    .stdout(table)
    .code(2);
}
