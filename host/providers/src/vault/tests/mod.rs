//! Tests with a scripted server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use far_core::provider::{
    AbsenceReason, DynamicSecrets, FetchedSecret, ProviderError, RefreshOutcome, SecretAdmin, SecretProvider,
};
use far_core::{Version, VersionSelector};

use super::*;

mod certificates;
mod faults;
mod leases;
mod pending;
mod sessions;
mod static_roles;

use crate::network::mock_server::{MockServer, Reply};

/// A secret that no error and no `Debug` output may contain.
const CANARY: &str = "s3cr3t-canary";

/// A directory for credential files.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes an owner-only file.
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

/// Creates a provider with a token that the scripted server accepts.
fn with_token(server: &MockServer, settings: Settings) -> (Vault, Files) {
    let files = Files::new();
    let auth = Auth::Token { file: files.write("token", "t0ken\n") };
    (open(config(&server.address, auth), &[], settings), files)
}

async fn get(vault: &Vault, reference: &str) -> Result<FetchedSecret, ProviderError> {
    vault.get_secret(&Reference::new(reference), &VersionSelector::Current).await
}

/// Returns the value as a string, and the version.
async fn current(vault: &Vault, reference: &str) -> Result<(String, String), ProviderError> {
    get(vault, reference).await.map(|fetched| value_and_version(&fetched))
}

async fn exactly(vault: &Vault, reference: &str, version: &str) -> Result<(String, String), ProviderError> {
    let version = VersionSelector::Exactly(Version::parse(version).unwrap());
    vault.get_secret(&Reference::new(reference), &version).await.map(|fetched| value_and_version(&fetched))
}

fn value_and_version(fetched: &FetchedSecret) -> (String, String) {
    (String::from_utf8(fetched.value.expose().to_vec()).unwrap(), fetched.version.to_string())
}
