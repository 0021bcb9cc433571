//! Certificates that the server issues for each owner.

use std::time::Duration;

use far_core::provider::{
    Description, DynamicSecrets, Fetched, ProviderError, Reference, SecretAdmin, SecretOwner, SecretProvider,
};
use far_core::{AgentId, ProviderId, VersionSelector};
use far_providers::vault::{Auth, Engine, LedgerConfig, Mounts, Recovered, Vault, VaultConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde_json::{Value, json};

use crate::bao::{Bao, Files};
use crate::config;
use crate::world::{files, owner};

/// What the documentation says that the provider's own token needs.
const POLICY: &str = r#"
path "pki/issue/web" { capabilities = ["update"] }
path "pki/roles/web" { capabilities = ["read"] }
path "pki/revoke" { capabilities = ["update"] }
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"#;
const NAME: &str = "task.internal";

struct World {
    bao: Bao,
    files: Files,
}

impl World {
    /// With more that is said of the role.
    fn start(role: &Value) -> Option<Self> {
        let bao = Bao::start()?;
        bao.ok("sys/mounts/pki", r#"{"type":"pki","config":{"max_lease_ttl":"24h"}}"#);
        bao.ok("pki/root/generate/internal", r#"{"common_name":"root","key_type":"ec","ttl":"24h"}"#);
        let mut whole = json!({
            "allowed_domains": "internal", "allow_subdomains": true, "key_type": "ec", "key_bits": 256, "ttl": "10m",
        });
        whole.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
        bao.ok("pki/roles/web", &whole.to_string());
        let world = Self { bao, files: Files::new() };
        world.permit(POLICY);
        Some(world)
    }

    fn permit(&self, policy: &str) {
        self.bao.ok("sys/policies/acl/far", &json!({ "policy": policy }).to_string());
    }

    fn ledger(&self) -> LedgerConfig {
        LedgerConfig { folder: self.files.path().join("leases"), agent_id: AgentId::parse("local").unwrap() }
    }

    fn vault(&self) -> Vault {
        let token = self.bao.ok("auth/token/create", r#"{"policies":["far"],"ttl":"1h"}"#);
        let file = self.files.write("far", token["auth"]["client_token"].as_str().unwrap());
        let config = VaultConfig { mounts: mounts(), ..config(&self.bao, Auth::Token { file }) };
        let known = vec![reference("pem")];
        Vault::open_with_ledger(ProviderId::parse("vault").unwrap(), config, known, &self.ledger()).unwrap()
    }

    /// Whether a certificate is revoked, as the server says of it, and as its list says to whoever checks certificates.
    fn is_revoked(&self, serial: &str) -> bool {
        let told = self.bao.ask("GET", &format!("pki/cert/{serial}"))["data"]["revocation_time"].as_u64().unwrap() > 0;
        let list = self.bao.ask("GET", "pki/cert/crl")["data"]["certificate"].as_str().unwrap().to_owned();
        let list = CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap();
        let serial: Vec<_> = serial.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let listed = list.as_ref().windows(serial.len()).any(|bytes| bytes == serial);
        assert_eq!(told, listed, "{serial:?}");
        told
    }

    fn issued(&self) -> usize {
        // One of them is the authority's.
        self.bao.ask("GET", "pki/certs?list=true")["data"]["keys"].as_array().unwrap().len() - 1
    }
}

fn mounts() -> Mounts {
    Mounts::default().with("pki", Engine::Pki).unwrap()
}

fn reference(field: &str) -> Reference {
    mounts().certificate("pki/issue/web", NAME, (!field.is_empty()).then_some(field)).unwrap()
}

async fn read(vault: &Vault, field: &str, owner: &SecretOwner) -> Result<Fetched, ProviderError> {
    vault.issue(&reference(field), &VersionSelector::Current, owner).await
}

async fn text(vault: &Vault, field: &str, owner: &SecretOwner) -> String {
    String::from_utf8(read(vault, field, owner).await.unwrap().value.expose().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_issued_for_a_holder_and_revoked_with_it() {
    let Some(world) = World::start(&json!({})) else { return };
    let vault = world.vault();
    let (one, other) = (owner(), owner());
    let fetched = read(&vault, "serial_number", &one).await.unwrap();
    let serial = String::from_utf8(fetched.value.expose().to_vec()).unwrap();
    assert_eq!(fetched.version.as_str(), serial);
    assert!(!fetched.lease.unwrap().renewable);
    let ttl = fetched.ttl.unwrap();
    assert!(ttl <= Duration::from_secs(600) && ttl > Duration::from_secs(570), "{ttl:?}");
    let whole: Value = serde_json::from_str(&text(&vault, "", &one).await).unwrap();
    assert_eq!(whole["serial_number"].as_str(), Some(&*serial));
    for field in ["certificate", "private_key", "issuing_ca"] {
        assert_eq!(whole[field].as_str(), Some(&*text(&vault, field, &one).await), "{field}");
    }
    assert_eq!(whole["ca_chain"], serde_json::from_str::<Value>(&text(&vault, "ca_chain", &one).await).unwrap());
    assert_eq!(world.issued(), 1, "all fields are of one certificate");

    let neighbour = text(&vault, "serial_number", &other).await;
    assert_eq!(world.issued(), 2);
    let ledger = std::fs::read_to_string(world.ledger().folder.join(&files(&world.ledger().folder)[0])).unwrap();
    assert!(ledger.contains(&serial) && !ledger.contains("BEGIN"), "{ledger}");
    assert!(!world.is_revoked(&serial));
    vault.revoke_all(&one).await.unwrap();
    assert!(world.is_revoked(&serial) && !world.is_revoked(&neighbour));
    vault.close().await.unwrap();
    assert!(world.is_revoked(&neighbour) && files(&world.ledger().folder).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn its_pem_is_what_a_client_shows() {
    let Some(world) = World::start(&json!({})) else { return };
    let vault = world.vault();
    let pem = read(&vault, "pem", &owner()).await.unwrap().value;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.expose()).collect::<Result<_, _>>().unwrap();
    assert_eq!(chain.len(), 2, "its own, and the authority's");
    let key = PrivateKeyDer::from_pem_slice(pem.expose()).unwrap();
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).unwrap();
    vault.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_with_a_lease_ends_by_it() {
    let Some(world) = World::start(&json!({ "generate_lease": true })) else { return };
    // What ends a lease is enough.
    world.permit(&POLICY.replace("pki/revoke", "pki/x"));
    let vault = world.vault();
    let one = owner();
    let fetched = read(&vault, "serial_number", &one).await.unwrap();
    let (serial, lease) = (fetched.version.to_string(), fetched.lease.unwrap());
    assert!(lease.id.as_str().starts_with("pki/issue/web/"), "{:?}", lease.id);
    vault.release(&lease.id).await.unwrap();
    assert!(world.is_revoked(&serial));
    let next = read(&vault, "serial_number", &one).await.unwrap().version;
    vault.revoke_all(&one).await.unwrap();
    assert!(world.is_revoked(next.as_str()) && next.as_str() != serial);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_given_back_and_replaced_as_any_secret() {
    let Some(world) = World::start(&json!({})) else { return };
    let vault = world.vault();
    let one = owner();
    let old = read(&vault, "pem", &one).await.unwrap();
    let lease = old.lease.unwrap().id;
    assert_eq!(vault.renew(&lease).await, Err(ProviderError::Unsupported));
    let new = vault.reissue(&reference("pem"), &lease, &one).await.unwrap();
    assert!(old.version != new.version && !world.is_revoked(old.version.as_str()));
    vault.release(&lease).await.unwrap();
    assert!(world.is_revoked(old.version.as_str()) && !world.is_revoked(new.version.as_str()));
    vault.revoke_all(&one).await.unwrap();
    assert!(world.is_revoked(new.version.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_had_issued_is_revoked_by_the_next() {
    let Some(world) = World::start(&json!({})) else { return };
    let lost = world.vault();
    let serial = text(&lost, "serial_number", &owner()).await;
    drop(lost);
    assert!(!world.is_revoked(&serial));
    assert_eq!(world.vault().recover().await, Recovered { ended: 2, failed: 0, unsound: 0 });
    assert!(world.is_revoked(&serial));
    assert!(files(&world.ledger().folder).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_issued_is_denied_and_what_is_there_is_told() {
    let Some(world) = World::start(&json!({})) else { return };
    let vault = world.vault();
    let get = async |path: &str, name: &str| {
        let reference = mounts().certificate(path, name, None).unwrap();
        vault.issue(&reference, &VersionSelector::Current, &owner()).await.err()
    };
    assert_eq!(get("pki/issue/web", "task.example.com").await, Some(ProviderError::Denied));
    assert_eq!(get("pki/issue/other", NAME).await, Some(ProviderError::Denied));
    world.permit(&format!("{POLICY}\npath \"pki/issue/*\" {{ capabilities = [\"update\"] }}"));
    assert_eq!(get("pki/issue/other", NAME).await, Some(ProviderError::NotFound));
    assert_eq!(vault.list_secrets().await, Ok(vec![reference("pem")]));
    let described = vault.describe(&reference("pem")).await;
    assert_eq!(described, Ok(Description::dynamic()));
    let nobodys = vault.get_secret(&reference("pem"), &VersionSelector::Current).await;
    assert_eq!(nobodys.err(), Some(ProviderError::Unsupported));
    assert_eq!(world.issued(), 0);
    vault.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_the_server_does_not_store_is_told_as_not_ended() {
    let Some(world) = World::start(&json!({ "no_store": true })) else { return };
    let vault = world.vault();
    let one = owner();
    read(&vault, "pem", &one).await.unwrap();
    assert_eq!(vault.revoke_all(&one).await, Err(ProviderError::Unsupported));
    assert_eq!(files(&world.ledger().folder).len(), 1, "it stays written down");
}
