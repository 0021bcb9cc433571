//! The shared fixture: a server with a database engine, and the database.

use std::path::Path;

use far_core::provider::{Reference, SecretOwner};
use far_core::{AgentId, ProviderId};
use far_providers::vault::{Auth, Engine, LeaseJournalConfig, Vault, VaultConfig};
use far_servers::{Postgres, or_skip};
use serde_json::json;

use crate::bao::{Bao, Files};
use crate::config;

/// Creates users that can log in and have no other permissions.
const CREATE: &str = r#"CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"#;
/// The documented policy of the provider's own token.
pub(crate) const POLICY: &str = r#"
path "db/creds/app" { capabilities = ["read"] }
path "db/roles/app" { capabilities = ["read"] }
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"#;

/// A server with a database engine, and the database.
pub(crate) struct World {
    pub(crate) bao: Bao,
    pub(crate) postgres: Postgres,
    pub(crate) files: Files,
}

impl World {
    /// Starts both, with leases of `ttl` seconds.
    pub(crate) fn start(ttl: u32) -> Option<Self> {
        let (postgres, bao) = (or_skip(Postgres::start())?, Bao::start()?);
        let url =
            format!("postgresql://{{{{username}}}}:{{{{password}}}}@{}/postgres?sslmode=disable", postgres.address());
        let connection = json!({
            "plugin_name": "postgresql-database-plugin", "allowed_roles": "app", "connection_url": url,
            "username": Postgres::USER, "password": postgres.password(),
        });
        bao.ok("sys/mounts/db", r#"{"type":"database"}"#);
        bao.ok("db/config/main", &connection.to_string());
        let role = json!({
            "db_name": "main", "creation_statements": [CREATE],
            "default_ttl": format!("{ttl}s"), "max_ttl": "1h",
        });
        bao.ok("db/roles/app", &role.to_string());
        let world = Self { bao, postgres, files: Files::new() };
        world.permit(POLICY);
        Some(world)
    }

    /// Replaces the policy of the provider's own token.
    pub(crate) fn permit(&self, policy: &str) {
        self.bao.ok("sys/policies/acl/far", &json!({ "policy": policy }).to_string());
    }

    /// Returns a configuration with the documented permissions only.
    pub(crate) fn config(&self) -> VaultConfig {
        let token = self.bao.ok("auth/token/create", r#"{"policies":["far"],"ttl":"1h"}"#);
        let file = self.files.write("far", token["auth"]["client_token"].as_str().unwrap());
        let config = config(&self.bao, Auth::Token { file });
        VaultConfig { mounts: config.mounts.with("db", Engine::Database).unwrap(), ..config }
    }

    pub(crate) fn journal(&self) -> LeaseJournalConfig {
        LeaseJournalConfig { folder: self.files.path().join("leases"), agent_id: AgentId::parse("local").unwrap() }
    }

    pub(crate) fn vault(&self) -> Vault {
        self.vault_with(self.config())
    }

    pub(crate) fn vault_with(&self, config: VaultConfig) -> Vault {
        let known = vec![Reference::new("db/creds/app#password")];
        Vault::open_with_lease_journal(ProviderId::parse("vault").unwrap(), config, known, &self.journal()).unwrap()
    }

    /// Returns the number of unrevoked users.
    pub(crate) fn users(&self) -> usize {
        self.count("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'v-%'")
    }

    pub(crate) fn count(&self, statement: &str) -> usize {
        self.postgres.query(statement).unwrap().parse().unwrap()
    }

    pub(crate) fn is_user(&self, user: &str) -> bool {
        self.count(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{user}'")) == 1
    }

    /// Returns the number of tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.bao.ask("GET", "auth/token/accessors?list=true")["data"]["keys"].as_array().unwrap().len()
    }
}

pub(crate) fn owner() -> SecretOwner {
    SecretOwner::random().unwrap()
}

pub(crate) fn files(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "key").collect()
}
