//! The backends under test, and an operator's changes to them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use far_core::provider::{Reference, SecretProvider};
use far_providers::DotEnv;
use far_providers::vault::{Address, Auth, Mounts, VaultConfig};
use far_servers::{Failure, OpenBao};
use serde_json::json;
use tempfile::TempDir;

/// The features of a backend.
#[derive(Clone, Copy)]
pub(super) struct Features {
    /// Older versions can be read.
    pub(super) versions: bool,
    /// A version can be revoked.
    pub(super) revocation: bool,
    /// The backend distinguishes removed secrets from unknown ones.
    pub(super) tombstones: bool,
    /// The backend loads all of its secrets or none: an oversized secret is absent, and the others
    /// keep their values.
    pub(super) all_or_nothing: bool,
}

pub(super) trait Backend: Sync {
    fn name(&self) -> &'static str;
    /// Returns the server's name and version.
    fn server(&self) -> [&'static str; 2];
    fn features(&self) -> Features;
    /// Returns a new provider.
    fn provider(&self) -> Arc<dyn SecretProvider>;
    /// Returns the reference of a secret.
    fn reference(&self, name: &str) -> Reference;
    /// Writes a new version of a secret.
    fn put(&self, name: &str, value: &str);
    fn remove(&self, name: &str);
}

/// A `.env` in a separate folder.
pub(super) struct DotEnvFile {
    folder: TempDir,
    secrets: Mutex<Vec<(String, String)>>,
}

impl DotEnvFile {
    pub(super) fn new() -> Self {
        let file = Self { folder: tempfile::tempdir().unwrap(), secrets: Mutex::default() };
        file.write();
        file
    }

    fn write(&self) {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let line = |(name, value): &(String, String)| {
            format!("{}=\"{}\"\n", name.to_uppercase().replace('-', "_"), quoted(value))
        };
        let text: String = self.secrets.lock().unwrap().iter().map(line).collect();
        // Replaces the file atomically, like an editor.
        let (new, path) = (self.folder.path().join("new"), self.folder.path().join(".env"));
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o600)).unwrap();
        fs::rename(new, path).unwrap();
    }
}

impl Backend for DotEnvFile {
    fn name(&self) -> &'static str {
        "dotenv"
    }

    fn server(&self) -> [&'static str; 2] {
        ["a file", "-"]
    }

    fn features(&self) -> Features {
        Features { versions: false, revocation: false, tombstones: false, all_or_nothing: true }
    }

    fn provider(&self) -> Arc<dyn SecretProvider> {
        Arc::new(DotEnv::open("dotenv".parse().unwrap(), &self.folder.path().join(".env")).unwrap())
    }

    fn reference(&self, name: &str) -> Reference {
        Reference::new(name)
    }

    fn put(&self, name: &str, value: &str) {
        let mut secrets = self.secrets.lock().unwrap();
        secrets.retain(|(other, _)| other != name);
        secrets.push((name.to_owned(), value.to_owned()));
        drop(secrets);
        self.write();
    }

    fn remove(&self, name: &str) {
        self.secrets.lock().unwrap().retain(|(other, _)| other != name);
        self.write();
    }
}

/// An OpenBao server with state on disk, an audit log, and a KV version 2 engine at `kv`.
pub(super) struct Vault {
    pub(super) server: OpenBao,
    folder: TempDir,
}

impl Vault {
    pub(super) fn start() -> Result<Self, Failure> {
        let server = OpenBao::on_disk()?;
        server.mount_kv("kv")?;
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        fs::write(&token, server.root_token()).unwrap();
        fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
        Ok(Self { server, folder })
    }

    /// Returns a provider that connects to this address.
    pub(super) fn provider_at(&self, address: &str) -> Arc<far_providers::Vault> {
        let known = ["one", "two"].map(|name| self.reference(name)).to_vec();
        Arc::new(far_providers::Vault::open("vault".parse().unwrap(), self.config_at(address), known).unwrap())
    }

    /// Returns the configuration of such a provider.
    pub(super) fn config_at(&self, address: &str) -> VaultConfig {
        VaultConfig {
            address: Address::parse(address).unwrap(),
            namespace: None,
            ca_file: None,
            authorities: None,
            auth: Auth::Token { file: self.folder.path().join("token") },
            mounts: Mounts::default(),
            child_policies: Vec::new(),
        }
    }

    /// Returns the number of reads of the value in the server's audit log.
    pub(super) fn read_count(&self, name: &str) -> usize {
        let path = format!("\"path\":\"kv/data/conformance/{name}\"");
        let is_read = |line: &&str| {
            line.contains(&path) && line.contains("\"type\":\"request\"") && line.contains("\"operation\":\"read\"")
        };
        self.server.audit_log().lines().filter(is_read).count()
    }
}

impl Backend for Vault {
    fn name(&self) -> &'static str {
        "vault"
    }

    fn server(&self) -> [&'static str; 2] {
        ["OpenBao", OpenBao::VERSION]
    }

    fn features(&self) -> Features {
        Features { versions: true, revocation: true, tombstones: true, all_or_nothing: false }
    }

    fn provider(&self) -> Arc<dyn SecretProvider> {
        self.provider_at(&self.server.address())
    }

    fn reference(&self, name: &str) -> Reference {
        Mounts::default().reference(&format!("kv/conformance/{name}"), Some("value")).unwrap()
    }

    fn put(&self, name: &str, value: &str) {
        let data = json!({ "data": { "value": value, "other": "x" } });
        self.server.api("POST", &format!("kv/data/conformance/{name}"), &data).unwrap();
    }

    fn remove(&self, name: &str) {
        self.server.api("DELETE", &format!("kv/data/conformance/{name}"), &serde_json::Value::Null).unwrap();
    }
}
