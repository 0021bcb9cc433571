//! An OpenBao server with secrets, and providers that log in over TLS with a wrapped secret id.

use std::path::PathBuf;
use std::sync::Arc;

use far_core::AgentId;
use far_providers::Vault;
use far_providers::vault::{Address, Auth, Engine, LeaseJournalConfig, Mounts, SecretId, VaultConfig};
use far_servers::fault::Proxy;
use far_servers::http::{Request, send};
use far_servers::https::Https;
use far_servers::{Authority, OpenBao, Postgres, or_skip};
use serde_json::{Value, json};

use crate::traces::canaries::Canaries;
use crate::traces::front;
use crate::traces::secret_files::SecretFiles;

const CREATE: &str = r#"CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"#;
const POLICY: &str = r#"path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }"#;
const ROLE: &str = "far";

/// The server and the TLS front.
pub(crate) struct Bao {
    server: OpenBao,
    postgres: Option<Postgres>,
    front: Https,
    secret_files: SecretFiles,
    ca_file: PathBuf,
    token_file: PathBuf,
}

impl Bao {
    /// Starts the servers if they are available. Their temporary files are not searched.
    pub(crate) fn servers() -> Option<(OpenBao, Option<Postgres>)> {
        let server = or_skip(OpenBao::dev())?;
        Some((server, or_skip(Postgres::start())))
    }

    /// Writes secrets into the server and starts the front.
    pub(crate) fn of(
        (server, postgres): (OpenBao, Option<Postgres>),
        authority: &Authority,
        canaries: &Canaries,
        secret_files: &SecretFiles,
    ) -> Self {
        canaries.learn("root-token", server.root_token());
        let write = |path: &str, body: Value| server.api("POST", path, &body).unwrap();
        server.mount_kv("kv").unwrap();
        write("sys/mounts/old", json!({ "type": "kv", "options": { "version": "1" } }));
        write("old/app", json!({ "value": canaries.new_value("kv-1") }));
        let of_two =
            |name| json!({ "data": { "value": canaries.new_value(name), "other": canaries.new_value("kv-2-other") } });
        write("kv/data/app", of_two("kv-2-replaced"));
        write("kv/data/app", of_two("kv-2"));
        write("sys/policies/acl/all", json!({ "policy": POLICY }));
        write("sys/auth/approle", json!({ "type": "approle" }));
        write("auth/approle/role/far", json!({ "token_policies": "all", "token_ttl": "20m" }));
        write("auth/approle/role/far/role-id", json!({ "role_id": ROLE }));
        if let Some(postgres) = &postgres {
            canaries.learn("database-password", postgres.password());
            write("sys/mounts/db", json!({ "type": "database" }));
            let at = format!("{{{{username}}}}:{{{{password}}}}@{}", postgres.address());
            write(
                "db/config/main",
                json!({
                    "plugin_name": "postgresql-database-plugin", "allowed_roles": "*",
                    "connection_url": format!("postgresql://{at}/postgres?sslmode=disable"),
                    "username": Postgres::USER, "password": postgres.password(),
                }),
            );
            let role = json!({ "db_name": "main", "creation_statements": [CREATE], "default_ttl": "1h" });
            write("db/roles/app", role);
        }
        let front = front::start(&server, authority, canaries);
        let ca_file = secret_files.write("ca.pem", &authority.pem());
        let token_file = secret_files.write("root-token", server.root_token());
        Self { server, postgres, front, secret_files: secret_files.clone(), ca_file, token_file }
    }

    /// Reports whether the server issues database users.
    pub(crate) fn has_database(&self) -> bool {
        self.postgres.is_some()
    }

    /// Writes another version of the secret in KV version 2.
    pub(crate) fn put(&self, value: &str) {
        let data = json!({ "data": { "value": value, "other": "x" } });
        self.server.api("POST", "kv/data/app", &data).unwrap();
    }

    /// Returns a provider that logs in with a wrapped secret id and keeps a lease journal in this
    /// folder.
    pub(crate) fn provider(&self, canaries: &Canaries, journal: PathBuf) -> Arc<Vault> {
        let wrapping = self.wrapped();
        canaries.learn("wrapping-token", &wrapping);
        let secret_id = SecretId::Wrapped(self.secret_files.write("wrapping", &wrapping));
        let journal = LeaseJournalConfig { folder: journal, agent_id: AgentId::parse("traces").unwrap() };
        let config = self.config(Auth::AppRole { mount: "approle".to_owned(), role_id: ROLE.to_owned(), secret_id });
        let known = ["kv/app", "kv/absent", "old/app"].map(far_core::provider::Reference::new).to_vec();
        Arc::new(Vault::open_with_lease_journal("vault".parse().unwrap(), config, known, &journal).unwrap())
    }

    /// Returns the configuration of a provider.
    pub(crate) fn config(&self, auth: Auth) -> VaultConfig {
        let mounts = Mounts::default().with("old", Engine::KvV1).unwrap().with("db", Engine::Database).unwrap();
        VaultConfig {
            address: Address::parse(&format!("https://localhost:{}", self.front.port())).unwrap(),
            namespace: None,
            ca_file: Some(self.ca_file.clone()),
            authorities: None,
            auth,
            mounts,
            child_policies: Vec::new(),
        }
    }

    /// Returns a login with the server's root token.
    pub(crate) fn root(&self) -> Auth {
        Auth::Token { file: self.token_file.clone() }
    }

    /// Starts a proxy without TLS that injects faults into answers.
    pub(crate) fn proxy(&self) -> (Proxy, VaultConfig) {
        let proxy = Proxy::start(self.server.socket()).unwrap();
        let address = Address::parse(&proxy.address()).unwrap();
        (proxy, VaultConfig { address, ca_file: None, ..self.config(self.root()) })
    }

    fn wrapped(&self) -> String {
        let headers = [("x-vault-token", self.server.root_token()), ("x-vault-wrap-ttl", "300")];
        let path = "/v1/auth/approle/role/far/secret-id";
        let request = Request { method: "POST", path, headers: &headers, body: b"{}" };
        let answer = send(self.server.socket(), &request).unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["wrap_info"]["token"].as_str().unwrap().to_owned()
    }
}
