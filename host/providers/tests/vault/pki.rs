//! Certificates issued by a real server to each owner.

use std::time::Duration;

use far_core::provider::{
    Description, DynamicSecrets, FetchedSecret, ProviderError, Reference, SecretAdmin, SecretOwner, SecretProvider,
};
use far_core::{AgentId, ProviderId, VersionSelector};
use far_providers::vault::{Auth, Engine, LeaseJournalConfig, LeaseRecoveryReport, Mounts, Vault, VaultConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde_json::{Value, json};

use crate::bao::{Bao, Files};
use crate::config;
use crate::world::{files, owner};

/// The documented policy of the provider's own token.
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
    /// Starts a server with additional settings of the role.
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

    fn journal(&self) -> LeaseJournalConfig {
        LeaseJournalConfig { folder: self.files.path().join("leases"), agent_id: AgentId::parse("local").unwrap() }
    }

    fn vault(&self) -> Vault {
        let token = self.bao.ok("auth/token/create", r#"{"policies":["far"],"ttl":"1h"}"#);
        let file = self.files.write("far", token["auth"]["client_token"].as_str().unwrap());
        let config = VaultConfig { mounts: mounts(), ..config(&self.bao, Auth::Token { file }) };
        let known = vec![reference("pem")];
        Vault::open_with_lease_journal(ProviderId::parse("vault").unwrap(), config, known, &self.journal()).unwrap()
    }

    /// Returns true if the certificate is revoked, according to both the API and the CRL.
    fn is_revoked(&self, serial: &str) -> bool {
        let is_revoked =
            self.bao.ask("GET", &format!("pki/cert/{serial}"))["data"]["revocation_time"].as_u64().unwrap() > 0;
        let list = self.bao.ask("GET", "pki/cert/crl")["data"]["certificate"].as_str().unwrap().to_owned();
        let list = CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap();
        let serial: Vec<_> = serial.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let listed = list.as_ref().windows(serial.len()).any(|bytes| bytes == serial);
        assert_eq!(is_revoked, listed, "{serial:?}");
        is_revoked
    }

    fn issued(&self) -> usize {
        // Excludes the authority's certificate.
        self.bao.ask("GET", "pki/certs?list=true")["data"]["keys"].as_array().unwrap().len() - 1
    }
}

fn mounts() -> Mounts {
    Mounts::default().with("pki", Engine::Pki).unwrap()
}

fn reference(field: &str) -> Reference {
    mounts().certificate("pki/issue/web", NAME, (!field.is_empty()).then_some(field)).unwrap()
}

async fn read(vault: &Vault, field: &str, owner: &SecretOwner) -> Result<FetchedSecret, ProviderError> {
    vault.issue(&reference(field), &VersionSelector::Current, owner).await
}

async fn text(vault: &Vault, field: &str, owner: &SecretOwner) -> String {
    String::from_utf8(read(vault, field, owner).await.unwrap().value.expose().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_is_revoked_with_owner() {
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
    assert_eq!(world.issued(), 1, "all fields share a certificate");

    let other_user = text(&vault, "serial_number", &other).await;
    assert_eq!(world.issued(), 2);
    let journal = std::fs::read_to_string(world.journal().folder.join(&files(&world.journal().folder)[0])).unwrap();
    assert!(journal.contains(&serial) && !journal.contains("BEGIN"), "{journal}");
    assert!(!world.is_revoked(&serial));
    vault.revoke_all(&one).await.unwrap();
    assert!(world.is_revoked(&serial) && !world.is_revoked(&other_user));
    vault.close().await.unwrap();
    assert!(world.is_revoked(&other_user) && files(&world.journal().folder).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pem_field_is_client_identity() {
    let Some(world) = World::start(&json!({})) else { return };
    let vault = world.vault();
    let pem = read(&vault, "pem", &owner()).await.unwrap().value;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.expose()).collect::<Result<_, _>>().unwrap();
    assert_eq!(chain.len(), 2, "the certificate and the authority's");
    let key = PrivateKeyDer::from_pem_slice(pem.expose()).unwrap();
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).unwrap();
    vault.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn leased_certificate_is_revoked_by_lease() {
    let Some(world) = World::start(&json!({ "generate_lease": true })) else { return };
    // Permission to revoke leases suffices.
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
async fn certificate_is_released_and_reissued() {
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
async fn recover_revokes_certificates_of_killed_process() {
    let Some(world) = World::start(&json!({})) else { return };
    let lost = world.vault();
    let serial = text(&lost, "serial_number", &owner()).await;
    drop(lost);
    assert!(!world.is_revoked(&serial));
    assert_eq!(world.vault().recover().await, LeaseRecoveryReport { revoked: 2, failed: 0, unverified: 0 });
    assert!(world.is_revoked(&serial));
    assert!(files(&world.journal().folder).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_certificate_name_is_denied() {
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
async fn unstored_certificate_cannot_be_revoked() {
    let Some(world) = World::start(&json!({ "no_store": true })) else { return };
    let vault = world.vault();
    let one = owner();
    read(&vault, "pem", &one).await.unwrap();
    assert_eq!(vault.revoke_all(&one).await, Err(ProviderError::Unsupported));
    assert_eq!(files(&world.journal().folder).len(), 1, "the journal keeps the entry");
}
