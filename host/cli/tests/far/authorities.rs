//! `SSL_CERT_FILE` and `SSL_CERT_DIR`, used and checked like a `ca-file`.

use far_servers::Authority;

use crate::fixture::Far;
use crate::run::completed::{WEBHOOK_EVENTS, webhook};

const CONFIG: &str = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n";

fn writable(variable: &str, path: &str, mode: &str) -> String {
    format!(
        "error: cannot use the certificate authorities named by {variable}\n  cause: '{path}' is writable by other users: its mode is \
         {mode}\n  help: remove the permission: chmod go-w '{path}', or unset {variable} to use the platform's authorities\n"
    )
}

#[test]
fn authority_file_is_trusted() {
    let far = webhook().file("ca.pem", Authority::new().pem()).variable("SSL_CERT_FILE", "ca.pem");
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn authority_folder_is_trusted() {
    let far = webhook().folder("certs").file("certs/ca.pem", Authority::new().pem());
    let far = far.mode("certs", 0o755).variable("SSL_CERT_DIR", "certs");
    far.stdout(r#"{"valid":true}"#).stderr(WEBHOOK_EVENTS).code(0);
}

#[test]
fn writable_file_is_refused() {
    let pem = Authority::new().pem();
    let far = || webhook().file("ca.pem", &pem).mode("ca.pem", 0o666).variable("SSL_CERT_FILE", "ca.pem");
    far().stderr(writable("SSL_CERT_FILE", "ca.pem", "0666")).code(2);
    let linked = far().link("link.pem", "ca.pem").variable("SSL_CERT_FILE", "link.pem");
    linked.stderr(writable("SSL_CERT_FILE", "link.pem", "0666")).code(2);
}

#[test]
fn writable_folder_is_refused() {
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
    let or = "or unset SSL_CERT_FILE to use the platform's authorities";
    let head = "error: cannot use the certificate authorities named by SSL_CERT_FILE\n  cause: ";
    let absent = "failed to read 'absent.pem'\n  cause: No such file or directory (os error 2)\n  help: check that the file exists and is readable";
    webhook().variable("SSL_CERT_FILE", "absent.pem").stderr(format!("{head}{absent}, {or}\n")).code(2);
    let pipe = "'pipe' is not a regular file\n  help: pass a regular file, not a folder, pipe or device";
    webhook().pipe("pipe").variable("SSL_CERT_FILE", "pipe").stderr(format!("{head}{pipe}, {or}\n")).code(2);
    let none = "error: cannot use the certificates in 'empty.pem'\n  cause: the PEM text contains no certificate, or an \
                  invalid one\n  help: pass a file of PEM certificates, each beginning with '-----BEGIN CERTIFICATE-----'\n";
    webhook().file("empty.pem", "").variable("SSL_CERT_FILE", "empty.pem").stderr(none).code(2);
}

#[test]
fn check_prints_variable() {
    let pem = Authority::new().pem();
    let check = || Far::new().words("check --config far.toml").file("ca.pem", &pem).env_file("ALPHA=x-canary-1f0a\n");
    let table = "PROVIDER  STATE\ndev       reachable, has 1 secret\n\nSECRET  PROVIDER  FOUND  OPERATIONS  SCOPE  TTL  WHEN LEAKED  SKILLS  DESTINATIONS\n";
    let head = "far.toml: valid\nagent local, wasi inert, swap refused\n";
    let named = check().file("far.toml", CONFIG).variable("SSL_CERT_FILE", "ca.pem");
    named.stdout(format!("{head}certificate authorities: SSL_CERT_FILE: ca.pem\n\n{table}")).code(0);
    let own = check().file("far.toml", format!("[egress]\nca-file = 'ca.pem'\n{CONFIG}"));
    let egress = "requests without a secret: none\nadditional networks: none\nstatic host addresses: none\n";
    own.variable("SSL_CERT_FILE", "absent.pem")
        .stdout(format!("{head}{egress}certificate authorities: ca.pem\n\n{table}"))
        .code(0);
    let refused = check().file("far.toml", CONFIG).mode("ca.pem", 0o602).variable("SSL_CERT_FILE", "ca.pem");
    refused
        .stdout(format!("{head}certificate authorities: SSL_CERT_FILE: ca.pem\n\n{table}"))
        .stderr(writable("SSL_CERT_FILE", "ca.pem", "0602"))
        .code(2);
}
