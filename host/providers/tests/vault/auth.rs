//! Auth methods against a real server: login, expiry and replacement of the token.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use far_core::provider::{ProviderError, SecretProvider};
use far_providers::vault::{Address, Auth, SecretId, Vault};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SigningKey};

use crate::bao::{Bao, Files, free_port};
use crate::cluster;
use crate::{config, current, eventually, get, open, pair};

/// The documentation, which contains the provider's policy.
const PAGE: &str = include_str!("../../../../docs/guides/vault.md");

/// Starts a server with the documented policy, a readable secret and an AppRole.
fn prepared(role: &str) -> Option<Bao> {
    let bao = Bao::start()?;
    policy(&bao);
    bao.ok("sys/auth/approle", r#"{"type":"approle"}"#);
    bao.ok("auth/approle/role/far", role);
    bao.ok("auth/approle/role/far/role-id", r#"{"role_id":"role-1"}"#);
    Some(bao)
}

fn policy(bao: &Bao) {
    bao.ok("kv/data/ci/github", r#"{"data":{"token":"v"}}"#);
    bao.ok("kv/data/other", r#"{"data":{"token":"v"}}"#);
    let hcl = PAGE.split("```hcl\n").nth(1).unwrap().split("```").next().unwrap();
    bao.ok("sys/policies/acl/far", &serde_json::json!({ "policy": hcl }).to_string());
}

fn secret_id(bao: &Bao) -> String {
    let answer = bao.ok("auth/approle/role/far/secret-id", "{}");
    answer["data"]["secret_id"].as_str().unwrap().to_owned()
}

fn approle(bao: &Bao, secret_id: SecretId) -> Vault {
    let auth = Auth::AppRole { mount: "approle".to_owned(), role_id: "role-1".to_owned(), secret_id };
    open(config(bao, auth), &["kv/ci/github#token"])
}

/// Revokes the tokens of all logins.
fn end_logins(bao: &Bao) {
    bao.ok("sys/leases/revoke-force/auth/approle/login", "{}");
}

/// Checks that the provider reads the permitted secret and no other.
async fn works(vault: &Vault) {
    assert_eq!(current(vault, "kv/ci/github#token").await, pair("v", "1"));
    assert_eq!(current(vault, "kv/other").await, Err(ProviderError::Denied));
    assert_eq!(vault.list_secrets().await.unwrap().len(), 1);
}

#[tokio::test]
async fn approle_works_with_documented_policy() {
    let Some(bao) = prepared(r#"{"token_policies":"far","token_ttl":"20m"}"#) else { return };
    let files = Files::new();
    let file = files.write("secret-id", &secret_id(&bao));
    let vault = approle(&bao, SecretId::File(file));
    works(&vault).await;
    assert_eq!(vault.metrics().logins(), 1);
}

#[tokio::test]
async fn revoked_token_is_replaced() {
    let Some(bao) = prepared(r#"{"token_policies":"far"}"#) else { return };
    let files = Files::new();
    let file = files.write("secret-id", &secret_id(&bao));
    let vault = approle(&bao, SecretId::File(file));
    assert!(get(&vault, "kv/ci/github").await.is_ok());
    end_logins(&bao);
    assert!(get(&vault, "kv/ci/github").await.is_ok());
    works(&vault).await;
    assert_eq!(vault.metrics().logins(), 2);

    bao.ask("DELETE", "auth/approle/role/far");
    end_logins(&bao);
    // A token is looked up at most once a second; until then the request is denied.
    let is_unauthenticated = async || get(&vault, "kv/ci/github").await.err() == Some(ProviderError::Unauthenticated);
    eventually(is_unauthenticated).await;
}

#[tokio::test]
async fn token_is_replaced_at_max_ttl() {
    let role = r#"{"token_policies":"far","token_ttl":"3s","token_max_ttl":"5s"}"#;
    let Some(bao) = prepared(role) else { return };
    let files = Files::new();
    let file = files.write("secret-id", &secret_id(&bao));
    let vault = approle(&bao, SecretId::File(file));
    works(&vault).await;
    // No request is sent meanwhile.
    eventually(async || vault.metrics().logins() == 2).await;
    works(&vault).await;
    assert_eq!(vault.metrics().logins(), 2);
}

#[tokio::test]
async fn wrapped_secret_id_is_unwrapped_once() {
    let Some(bao) = prepared(r#"{"token_policies":"far"}"#) else { return };
    let files = Files::new();
    let wrapping = bao.wrapped("auth/approle/role/far/secret-id");
    let vault = approle(&bao, SecretId::Wrapped(files.write("wrapping", &wrapping)));
    assert!(get(&vault, "kv/ci/github").await.is_ok());
    end_logins(&bao);
    works(&vault).await;
    assert_eq!((vault.metrics().logins(), vault.metrics().failed_unwraps()), (2, 0));

    // A second use of the wrapping token fails.
    let late = approle(&bao, SecretId::Wrapped(files.write("late", &wrapping)));
    assert_eq!(get(&late, "kv/ci/github").await.err(), Some(ProviderError::Unauthenticated));
    assert_eq!(late.metrics().failed_unwraps(), 1);

    // A wrapping token with a different creation path is rejected.
    let forged = bao.wrapped("sys/wrapping/wrap");
    let forged = approle(&bao, SecretId::Wrapped(files.write("forged", &forged)));
    assert_eq!(get(&forged, "kv/ci/github").await.err(), Some(ProviderError::Unauthenticated));
    assert_eq!(forged.metrics().failed_unwraps(), 1);
}

#[tokio::test]
async fn token_from_file_is_renewed() {
    let Some(bao) = prepared("{}") else { return };
    let files = Files::new();
    let token = bao.ok("auth/token/create", r#"{"policies":["far"],"ttl":"3s"}"#);
    let file = files.write("token", token["auth"]["client_token"].as_str().unwrap());
    let vault = open(config(&bao, Auth::Token { file }), &["kv/ci/github#token"]);
    works(&vault).await;
    let accessor = serde_json::json!({ "accessor": token["auth"]["accessor"] }).to_string();
    let lives = || bao.ok("auth/token/lookup-accessor", &accessor)["data"]["ttl"].as_u64().unwrap();
    eventually(async || lives() == 1).await;
    eventually(async || lives() > 1).await;
    works(&vault).await;
    assert_eq!(vault.metrics().logins(), 1);
    bao.ok("auth/token/revoke-accessor", &accessor);
    let is_unauthenticated = async || get(&vault, "kv/ci/github").await.err() == Some(ProviderError::Unauthenticated);
    eventually(is_unauthenticated).await;
}

#[tokio::test]
async fn jwt_method_logs_in() {
    let Some(bao) = prepared("{}") else { return };
    let files = Files::new();
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    bao.ok("sys/auth/jwt", r#"{"type":"jwt"}"#);
    let config_jwt = serde_json::json!({
        "jwt_validation_pubkeys": [key.public_key_pem()], "jwt_supported_algs": ["EdDSA"], "bound_issuer": "test",
    });
    bao.ok("auth/jwt/config", &config_jwt.to_string());
    let role = r#"{"role_type":"jwt","user_claim":"sub","bound_subject":"far","token_policies":["far"]}"#;
    bao.ok("auth/jwt/role/far", role);
    let signed = |subject: &str| {
        let claims = serde_json::json!({ "iss": "test", "sub": subject, "exp": 4_000_000_000_u64, "iat": 1, "nbf": 1 });
        let encode = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(text);
        let content =
            format!("{}.{}", encode(br#"{"alg":"EdDSA","typ":"JWT"}"#), encode(claims.to_string().as_bytes()));
        format!("{content}.{}", encode(&key.sign(content.as_bytes()).unwrap()))
    };
    let vault = |subject: &str| {
        let file = files.write(subject, &signed(subject));
        let auth = Auth::Jwt { mount: "jwt".to_owned(), role: "far".to_owned(), file };
        open(config(&bao, auth), &["kv/ci/github#token"])
    };
    works(&vault("far")).await;
    assert_eq!(get(&vault("other"), "kv/ci/github").await.err(), Some(ProviderError::Unauthenticated));
}

#[tokio::test]
async fn kubernetes_method_logs_in() {
    let Some(bao) = prepared("{}") else { return };
    let files = Files::new();
    bao.ok("sys/auth/kubernetes", r#"{"type":"kubernetes"}"#);
    let ca = rcgen::generate_simple_self_signed(vec!["cluster".to_owned()]).unwrap().cert.pem();
    let cluster = serde_json::json!({
        "kubernetes_host": cluster::start(), "kubernetes_ca_cert": ca, "token_reviewer_jwt": "a.b.c", "disable_local_ca_jwt": true, "disable_iss_validation": true,
    });
    bao.ok("auth/kubernetes/config", &cluster.to_string());
    let role = r#"{"bound_service_account_names":["far"],"bound_service_account_namespaces":["default"],"token_policies":["far"]}"#;
    bao.ok("auth/kubernetes/role/far", role);
    let claims = serde_json::json!({ "iss": "kubernetes", "exp": 4_000_000_000_u64, "iat": 1, "nbf": 1, "kubernetes.io": {
        "namespace": "default", "serviceaccount": { "name": "far", "uid": "u-1" },
    } });
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let token = format!("{}.{}.{}", encode(r#"{"alg":"RS256","typ":"JWT"}"#), encode(&claims.to_string()), encode("x"));
    // As in a pod: a link to a world-readable file.
    let file = files.write("..data", &token);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let token_file = file.with_file_name("token");
    std::os::unix::fs::symlink(&file, &token_file).unwrap();
    let auth = |role: &str| Auth::Kubernetes {
        mount: "kubernetes".to_owned(),
        role: role.to_owned(),
        token_file: token_file.clone(),
    };
    works(&open(config(&bao, auth("far")), &["kv/ci/github#token"])).await;
    let other = open(config(&bao, auth("other")), &[]);
    assert_eq!(get(&other, "kv/ci/github").await.err(), Some(ProviderError::Unauthenticated));
}

#[tokio::test]
async fn certificate_method_logs_in() {
    let files = Files::new();
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), Issuer::new(params, key))
    };
    let (ca, issuer) = authority("test");
    let issue = |name: &str, usage: ExtendedKeyUsagePurpose| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages.push(usage);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let (certificate, key) = issue("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let port = free_port();
    let listener = format!(
        "listener \"tcp\" {{\n address = \"127.0.0.1:{port}\"\n tls_cert_file = \"{}\"\n tls_key_file = \"{}\"\n}}\n",
        files.write("server.pem", &certificate).display(),
        files.write("server.key", &key).display(),
    );
    let Some(bao) = Bao::start_with(Some(&files.write("listener.hcl", &listener))) else { return };
    policy(&bao);
    bao.ok("sys/auth/cert", r#"{"type":"cert"}"#);
    let role = serde_json::json!({ "certificate": ca, "allowed_common_names": ["far"], "token_policies": ["far"] });
    bao.ok("auth/cert/certs/far", &role.to_string());

    let vault = |name: &str, ca: &str| {
        let (certificate, key) = issue(name, ExtendedKeyUsagePurpose::ClientAuth);
        let auth = Auth::Certificate {
            mount: "cert".to_owned(),
            role: Some("far".to_owned()),
            cert_file: files.write(&format!("{name}.pem"), &certificate),
            key_file: files.write(&format!("{name}.key"), &key),
        };
        let mut config = config(&bao, auth);
        config.address = Address::parse(&format!("https://127.0.0.1:{port}")).unwrap();
        config.ca_file = Some(files.write("ca.pem", ca));
        open(config, &["kv/ci/github#token"])
    };
    works(&vault("far", &ca)).await;
    assert_eq!(get(&vault("other", &ca), "kv/ci/github").await.err(), Some(ProviderError::Unauthenticated));
    let (stranger, _) = authority("stranger");
    assert_eq!(get(&vault("far", &stranger), "kv/ci/github").await.err(), Some(ProviderError::Unavailable));
}

#[tokio::test]
async fn namespace_selects_mounts() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    bao.ok("sys/namespaces/team", "{}");
    bao.ok("team/sys/mounts/kv", r#"{"type":"kv","options":{"version":"2"}}"#);
    eventually(async || bao.takes("team/kv/data/a", r#"{"data":{"f":"team"}}"#)).await;
    bao.ok("kv/data/a", r#"{"data":{"f":"root"}}"#);
    let mut config = config(&bao, Auth::Token { file: files.write("root", bao.root()) });
    config.namespace = Some("team".to_owned());
    let vault = open(config, &["kv/a#f"]);
    assert_eq!(current(&vault, "kv/a#f").await, pair("team", "1"));
    assert_eq!(vault.list_secrets().await.unwrap().len(), 1);
}
