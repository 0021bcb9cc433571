//! The provider against a server that does as it is told, for faults; and against a real one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use far_core::provider::{DynamicSecrets, Fetched, HowGone, ProviderError, Refreshed, SecretAdmin, SecretProvider};
use far_core::{Version, VersionSelector};

use super::*;

mod certificates;
mod faults;
mod leases;
mod pending;
mod sessions;
mod static_roles;

use crate::network::scripted::{Reply, Scripted};

/// What no error and no `Debug` may have in it.
const CANARY: &str = "s3cr3t-canary";

/// Files of credentials.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file that is its owner's alone.
    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}

fn config(address: &str, auth: Auth) -> VaultConfig {
    let mounts = Mounts::default().with("old", Engine::KvV1).unwrap();
    VaultConfig {
        address: Address::parse(address).unwrap(),
        namespace: None,
        ca_file: None,
        authorities: None,
        auth,
        mounts,
        child_policies: Vec::new(),
    }
}

fn open(config: VaultConfig, known: &[&str], settings: Settings) -> Vault {
    let known = known.iter().map(|text| Reference::new(text)).collect();
    Vault::with_settings(ProviderId::parse("vault").unwrap(), config, known, None, settings).unwrap()
}

/// A provider with a token from a file, which the scripted server takes.
fn with_token(server: &Scripted, settings: Settings) -> (Vault, Files) {
    let files = Files::new();
    let auth = Auth::Token { file: files.write("token", "t0ken\n") };
    (open(config(&server.address, auth), &[], settings), files)
}

async fn get(vault: &Vault, reference: &str) -> Result<Fetched, ProviderError> {
    vault.get_secret(&Reference::new(reference), &VersionSelector::Current).await
}

/// The value, as text, and the version.
async fn current(vault: &Vault, reference: &str) -> Result<(String, String), ProviderError> {
    get(vault, reference).await.map(|fetched| told(&fetched))
}

async fn exactly(vault: &Vault, reference: &str, version: &str) -> Result<(String, String), ProviderError> {
    let version = VersionSelector::Exactly(Version::parse(version).unwrap());
    vault.get_secret(&Reference::new(reference), &version).await.map(|fetched| told(&fetched))
}

fn told(fetched: &Fetched) -> (String, String) {
    (String::from_utf8(fetched.value.expose().to_vec()).unwrap(), fetched.version.to_string())
}
