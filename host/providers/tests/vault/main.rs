//! Tests of the Vault backend against a real OpenBao server, which implements the same API.
//!
//! Each test starts its own server on loopback, with in-memory storage.

#![expect(clippy::disallowed_methods, reason = "provider tests call the provider directly")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot be set up fails")]

mod auth;
mod bao;
mod cluster;
mod database;
mod kv;
mod outage;
mod pki;
mod reissuing;
mod revoking;
mod static_roles;
mod world;

use std::time::Duration;

use far_core::provider::{FetchedSecret, ProviderError, Reference, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_providers::vault::{Address, Auth, Engine, Mounts, Vault, VaultConfig};

use bao::{Bao, Files};

fn mounts() -> Mounts {
    Mounts::default().with("old", Engine::KvV1).unwrap().with("teams/a/kv", Engine::KvV2).unwrap()
}

fn config(bao: &Bao, auth: Auth) -> VaultConfig {
    let address = Address::parse(&bao.address).unwrap();
    VaultConfig {
        address,
        namespace: None,
        ca_file: None,
        authorities: None,
        auth,
        mounts: mounts(),
        child_policies: Vec::new(),
    }
}

fn open(config: VaultConfig, known: &[&str]) -> Vault {
    let known = known.iter().map(|text| Reference::new(text)).collect();
    Vault::open(ProviderId::parse("vault").unwrap(), config, known).unwrap()
}

/// Opens a provider with the root token.
fn as_root(bao: &Bao, files: &Files, known: &[&str]) -> Vault {
    open(config(bao, Auth::Token { file: files.write("root", bao.root()) }), known)
}

async fn get(vault: &Vault, reference: &str) -> Result<FetchedSecret, ProviderError> {
    vault.get_secret(&Reference::new(reference), &VersionSelector::Current).await
}

async fn current(vault: &Vault, reference: &str) -> Result<(String, String), ProviderError> {
    get(vault, reference).await.map(|fetched| value_and_version(&fetched))
}

async fn exactly(vault: &Vault, reference: &str, version: &str) -> Result<(String, String), ProviderError> {
    let version = VersionSelector::Exactly(Version::parse(version).unwrap());
    vault.get_secret(&Reference::new(reference), &version).await.map(|fetched| value_and_version(&fetched))
}

/// Returns the value as a string, and the version.
fn value_and_version(fetched: &FetchedSecret) -> (String, String) {
    (String::from_utf8(fetched.value.expose().to_vec()).unwrap(), fetched.version.to_string())
}

fn pair(value: &str, version: &str) -> Result<(String, String), ProviderError> {
    Ok((value.to_owned(), version.to_owned()))
}

/// Waits until the condition is true.
async fn eventually(condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}
