//! `SSL_CERT_FILE` and `SSL_CERT_DIR`: followed as a `ca-file` is, and as it is checked.

use far_servers::Authority;

use crate::fixture::Far;
use crate::run::completed::{WEBHOOK_EVENTS, webhook};

const CONFIG: &str = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n";

fn writable(variable: &str, path: &str, mode: &str) -> String {
    format!(
        "error: cannot use the authorities that {variable} names\n  cause: '{path}' can be changed by others: its mode is \
         {mode}\n  help: take the right away: chmod go-w '{path}', or unset {variable}, for the platform's authorities\n"
    )
}

#[test]
fn named_file_is_followed() {
    let far = webhook().file("ca.pem", Authority::new().pem()).variable("SSL_CERT_FILE", "ca.pem");
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn named_folder_is_followed() {
    let far = webhook().folder("certs").file("certs/ca.pem", Authority::new().pem());
    let far = far.mode("certs", 0o755).variable("SSL_CERT_DIR", "certs");
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn file_that_others_can_change_is_refused() {
    let pem = Authority::new().pem();
    let far = || webhook().file("ca.pem", &pem).mode("ca.pem", 0o666).variable("SSL_CERT_FILE", "ca.pem");
    far().stderr(writable("SSL_CERT_FILE", "ca.pem", "0666")).code(2);
    let linked = far().link("link.pem", "ca.pem").variable("SSL_CERT_FILE", "link.pem");
    linked.stderr(writable("SSL_CERT_FILE", "link.pem", "0666")).code(2);
}

#[test]
fn folder_that_others_can_change_is_refused() {
    let pem = Authority::new().pem();
    let far = |folder, file| {
        let far = webhook().folder("certs").file("certs/ca.pem", &pem).mode("certs/ca.pem", file);
        far.mode("certs", folder).variable("SSL_CERT_DIR", "certs")
    };
    far(0o777, 0o644).stderr(writable("SSL_CERT_DIR", "certs", "0777")).code(2);
    far(0o755, 0o664).stderr(writable("SSL_CERT_DIR", "certs/ca.pem", "0664")).code(2);
}

#[test]
fn absent_or_irregular_file_is_refused() {
    let or = "or unset SSL_CERT_FILE, for the platform's authorities";
    let head = "error: cannot use the authorities that SSL_CERT_FILE names\n  cause: ";
    let absent = "failed to read 'absent.pem'\n  cause: No such file or directory (os error 2)\n  help: check that the file \
                  is there and that you may read it";
    webhook().variable("SSL_CERT_FILE", "absent.pem").stderr(format!("{head}{absent}, {or}\n")).code(2);
    let pipe = "'pipe' is not a regular file\n  help: name a file, not a folder, pipe or device";
    webhook().pipe("pipe").variable("SSL_CERT_FILE", "pipe").stderr(format!("{head}{pipe}, {or}\n")).code(2);
    let none = "error: no certificates can be taken from empty.pem\n  cause: there is no certificate in it, or one that cannot \
                be read\n  help: name a file with certificates in PEM, each from '-----BEGIN CERTIFICATE-----'\n";
    webhook().file("empty.pem", "").variable("SSL_CERT_FILE", "empty.pem").stderr(none).code(2);
}

#[test]
fn check_prints_variable() {
    let pem = Authority::new().pem();
    let check = || Far::new().words("check --config far.toml").file("ca.pem", &pem).env_file("ALPHA=x-canary-1f0a\n");
    let table = "PROVIDER  STATE\ndev       reached, has 1 secret\n\nSECRET  PROVIDER  THERE  OPERATIONS  SCOPE  TTL  WHEN LEAKED  SKILLS  DESTINATIONS\n";
    let head = "far.toml: valid\nagent local, wasi inert, swap refused\n";
    let named = check().file("far.toml", CONFIG).variable("SSL_CERT_FILE", "ca.pem");
    named.stdout(format!("{head}certificates of: SSL_CERT_FILE: ca.pem\n\n{table}")).code(0);
    let own = check().file("far.toml", format!("[egress]\nca-file = 'ca.pem'\n{CONFIG}"));
    let egress =
        "requests without a secret: none\nnetworks besides the public ones: none\nhosts that are not looked up: none\n";
    own.variable("SSL_CERT_FILE", "absent.pem")
        .stdout(format!("{head}{egress}certificates of: ca.pem\n\n{table}"))
        .code(0);
    let refused = check().file("far.toml", CONFIG).mode("ca.pem", 0o602).variable("SSL_CERT_FILE", "ca.pem");
    refused
        .stdout(format!("{head}certificates of: SSL_CERT_FILE: ca.pem\n\n{table}"))
        .stderr(writable("SSL_CERT_FILE", "ca.pem", "0602"))
        .code(2);
}
