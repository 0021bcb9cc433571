//! Dynamic secrets: users of a real database that are used, renewed, reissued and revoked.

use far_core::provider::{DynamicSecrets, FetchedSecret, LeaseId, Reference, SecretOwner, SecretProvider};
use far_core::{AgentId, VersionSelector};
use far_providers::vault::{Engine, LeaseJournalConfig, Mounts, VaultConfig};
use far_servers::{Failure, Postgres};
use serde_json::{Value, json};

use super::backend::Vault;
use super::{Row, row};

const ROLE: &str = "db/creds/app";
/// Creates a user that can only log in.
const CREATE: &str = r#"CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"#;

pub(super) async fn all(vault: &Vault, report: &mut impl FnMut(&Row)) -> Result<(), Failure> {
    let postgres = Postgres::start()?;
    let database = Database::at(vault, &postgres)?;
    report(&row(vault, "lease.used", "logs in", database.used()).await);
    report(&row(vault, "lease.renewed", "a time, and logs in", database.renewed()).await);
    report(&row(vault, "lease.reissued", "both log in, then the second alone", database.reissued()).await);
    report(&row(vault, "lease.revoked", "gone; again: done", database.revoked()).await);
    report(&row(vault, "lease.owner-revoked", "gone; a neighbor's logs in", database.owner_revoked()).await);
    report(&row(vault, "lease.without-owner", "unsupported", database.without_owner()).await);
    Ok(())
}

struct Database<'a> {
    postgres: &'a Postgres,
    provider: far_providers::Vault,
    /// The folder of the lease journal.
    _journal: tempfile::TempDir,
}

impl<'a> Database<'a> {
    fn at(vault: &Vault, postgres: &'a Postgres) -> Result<Self, Failure> {
        let url =
            format!("postgresql://{{{{username}}}}:{{{{password}}}}@{}/postgres?sslmode=disable", postgres.address());
        let connection = json!({
            "plugin_name": "postgresql-database-plugin", "allowed_roles": "*", "connection_url": url,
            "username": Postgres::USER, "password": postgres.password(),
        });
        let role = json!({ "db_name": "main", "creation_statements": [CREATE], "default_ttl": "60s", "max_ttl": "1h" });
        vault.server.api("POST", "sys/mounts/db", &json!({ "type": "database" }))?;
        vault.server.api("POST", "db/config/main", &connection)?;
        vault.server.api("POST", "db/roles/app", &role)?;
        let ledger = tempfile::tempdir().unwrap();
        let config = LeaseJournalConfig {
            folder: ledger.path().join("leases"),
            agent_id: AgentId::parse("conformance").unwrap(),
        };
        let mounts = Mounts::default().with("db", Engine::Database).unwrap();
        let vault_config = VaultConfig { mounts, ..vault.config_at(&vault.server.address()) };
        let id = "vault".parse().unwrap();
        let provider = far_providers::Vault::open_with_lease_journal(id, vault_config, Vec::new(), &config).unwrap();
        Ok(Self { postgres, provider, _journal: ledger })
    }

    async fn issue(&self, owner: &SecretOwner) -> (FetchedSecret, User) {
        let fetched = self.provider.issue(&Reference::new(ROLE), &VersionSelector::Current, owner).await;
        let fetched = fetched.unwrap();
        let user = User::of(&fetched);
        (fetched, user)
    }

    fn logs_in(&self, user: &User) -> bool {
        self.postgres.query_as(&user.name, &user.password, "SELECT 1").is_ok()
    }

    fn exists(&self, user: &User) -> bool {
        let statement = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{}'", user.name);
        self.postgres.query(&statement).unwrap() != "0"
    }

    async fn used(&self) -> String {
        let owner = SecretOwner::random().unwrap();
        let (_, user) = self.issue(&owner).await;
        let seen = if self.logs_in(&user) { "logs in" } else { "is refused" };
        self.provider.revoke_all(&owner).await.unwrap();
        seen.to_owned()
    }

    async fn renewed(&self) -> String {
        let owner = SecretOwner::random().unwrap();
        let (fetched, user) = self.issue(&owner).await;
        let lasts = self.provider.renew(&lease(&fetched)).await;
        let time = lasts.map_or_else(|error| error.kind(), |lasts| if lasts.is_zero() { "no time" } else { "a time" });
        let seen = format!("{time}, and {}", if self.logs_in(&user) { "logs in" } else { "is refused" });
        self.provider.revoke_all(&owner).await.unwrap();
        seen
    }

    async fn reissued(&self) -> String {
        let owner = SecretOwner::random().unwrap();
        let (first, before) = self.issue(&owner).await;
        let role = Reference::new(ROLE);
        let second = self.provider.reissue(&role, &lease(&first), &owner).await.unwrap();
        let after = User::of(&second);
        let both = before.name != after.name && self.logs_in(&before) && self.logs_in(&after);
        self.provider.release(&lease(&first)).await.unwrap();
        let alone = !self.exists(&before) && self.logs_in(&after);
        self.provider.revoke_all(&owner).await.unwrap();
        let verdict = |holds: bool, expected: &'static str| if holds { expected } else { "failed" };
        format!("{}, then {}", verdict(both, "both log in"), verdict(alone, "the second alone"))
    }

    async fn revoked(&self) -> String {
        let owner = SecretOwner::random().unwrap();
        let (fetched, user) = self.issue(&owner).await;
        self.provider.release(&lease(&fetched)).await.unwrap();
        let gone = if self.exists(&user) { "still there" } else { "gone" };
        let again = self.provider.release(&lease(&fetched)).await;
        let seen = format!("{gone}; again: {}", again.map_or_else(|error| error.kind(), |()| "done"));
        self.provider.revoke_all(&owner).await.unwrap();
        seen
    }

    async fn owner_revoked(&self) -> String {
        let (one, other) = (SecretOwner::random().unwrap(), SecretOwner::random().unwrap());
        let ((_, user), (_, neighbor)) = (self.issue(&one).await, self.issue(&other).await);
        self.provider.revoke_all(&one).await.unwrap();
        let gone = if self.exists(&user) { "still there" } else { "gone" };
        let seen = format!("{gone}; a neighbor's {}", if self.logs_in(&neighbor) { "logs in" } else { "is gone too" });
        self.provider.revoke_all(&other).await.unwrap();
        seen
    }

    /// Asks for a dynamic secret without an owner, which nothing would revoke.
    async fn without_owner(&self) -> String {
        let made = self.provider.get_secret(&Reference::new(ROLE), &VersionSelector::Current).await;
        made.map_or_else(|error| error.kind(), |_| "made").to_owned()
    }
}

struct User {
    name: String,
    password: String,
}

impl User {
    fn of(fetched: &FetchedSecret) -> Self {
        let user: Value = serde_json::from_slice(fetched.value.expose()).unwrap();
        let text = |key: &str| user[key].as_str().unwrap().to_owned();
        Self { name: text("username"), password: text("password") }
    }
}

fn lease(fetched: &FetchedSecret) -> LeaseId {
    fetched.lease.as_ref().unwrap().id.clone()
}
