//! Dynamic users of a real database.

use std::sync::Arc;
use std::time::Duration;

use far_core::provider::{
    Description, DynamicSecrets, FetchedSecret, ProviderError, Reference, SecretAdmin, SecretOwner, SecretProvider,
};
use far_core::{AgentId, ProviderId, Version, VersionSelector};
use far_providers::vault::{Auth, LeaseJournalConfig, LeaseRecoveryReport, Vault, VaultConfig};
use serde_json::json;

use crate::eventually;
use crate::world::{POLICY, World, files, owner};

async fn read(vault: &Vault, field: &str, owner: &SecretOwner) -> Result<FetchedSecret, ProviderError> {
    let reference = Reference::new(&format!("db/creds/app{field}"));
    vault.issue(&reference, &VersionSelector::Current, owner).await
}

async fn text(vault: &Vault, field: &str, owner: &SecretOwner) -> String {
    String::from_utf8(read(vault, field, owner).await.unwrap().value.expose().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn database_user_is_revoked_with_owner() {
    let Some(world) = World::start(600) else { return };
    let vault = world.vault();
    assert!(vault.dynamic().is_some());
    let (one, other) = (owner(), owner());
    let tokens = world.tokens();

    let (user, password) = (text(&vault, "#username", &one).await, text(&vault, "#password", &one).await);
    assert_eq!(world.postgres.query_as(&user, &password, "SELECT current_user").unwrap(), user);
    let whole: serde_json::Value = serde_json::from_str(&text(&vault, "", &one).await).unwrap();
    assert_eq!((whole["username"].as_str(), whole["password"].as_str()), (Some(&*user), Some(&*password)));
    assert_eq!((world.users(), world.tokens()), (1, tokens + 1), "one lease and one token");

    let other_user = text(&vault, "#username", &other).await;
    assert_eq!((world.users(), world.tokens()), (2, tokens + 2));
    let journal = std::fs::read_to_string(world.journal().folder.join(&files(&world.journal().folder)[0])).unwrap();
    assert!(!journal.contains(&password) && !journal.contains(&user), "{journal}");

    vault.revoke_all(&one).await.unwrap();
    assert!(!world.is_user(&user) && world.is_user(&other_user));
    assert!(world.postgres.query_as(&user, &password, "SELECT 1").is_err());
    assert_eq!(world.tokens(), tokens + 1);
    assert_eq!(read(&vault, "#username", &one).await.err(), Some(ProviderError::Unavailable), "the owner has ended");
    vault.revoke_all(&other).await.unwrap();
    assert_eq!((world.users(), world.tokens()), (0, tokens));
    assert!(files(&world.journal().folder).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn last_release_revokes_lease() {
    let Some(world) = World::start(60) else { return };
    let vault = world.vault();
    let one = owner();
    let user = read(&vault, "#username", &one).await.unwrap();
    let password = read(&vault, "#password", &one).await.unwrap();
    let (lease, ttl) = (user.lease.clone().unwrap(), user.ttl.unwrap());
    assert_eq!((user.version.clone(), Some(lease.clone())), (password.version.clone(), password.lease.clone()));
    assert!(lease.renewable && user.version.as_str().starts_with("lease-"));
    assert!(ttl <= Duration::from_secs(60) && ttl > Duration::from_secs(50), "{ttl:?}");
    let exactly = VersionSelector::Exactly(user.version.clone());
    assert!(vault.issue(&Reference::new("db/creds/app"), &exactly, &one).await.is_ok());
    let other = VersionSelector::Exactly(Version::parse("other").unwrap());
    assert!(vault.issue(&Reference::new("db/creds/app"), &other, &one).await.is_err());

    let lasts = vault.renew(&lease.id).await.unwrap();
    assert!(lasts <= Duration::from_secs(60) && lasts > Duration::from_secs(50), "{lasts:?}");
    for expected in [1, 1, 0] {
        vault.release(&lease.id).await.unwrap();
        assert_eq!(world.users(), expected, "three shares were handed out");
    }
    vault.release(&lease.id).await.unwrap();
    assert_eq!(vault.renew(&lease.id).await, Err(ProviderError::NotFound));
    read(&vault, "#username", &one).await.unwrap();
    assert_eq!(world.users(), 1, "a new user");
    vault.revoke_all(&one).await.unwrap();
    assert_eq!(world.users(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamic_secret_requires_owner() {
    let Some(world) = World::start(60) else { return };
    let vault = world.vault();
    let reference = Reference::new("db/creds/app#password");
    let result = vault.get_secret(&reference, &VersionSelector::Current).await;
    assert_eq!(result.err(), Some(ProviderError::Unsupported));
    let refreshed = vault.refresh_secret(&reference, &Version::parse("x").unwrap()).await;
    assert_eq!(refreshed.err(), Some(ProviderError::Unsupported));
    assert_eq!(vault.list_secrets().await, Ok(vec![reference.clone()]));
    let leased = Description::dynamic();
    assert_eq!(vault.describe(&reference).await, Ok(leased));
    let unknown = Reference::new("db/creds/other");
    world.permit(&format!("{POLICY}\npath \"db/creds/*\" {{ capabilities = [\"read\"] }}"));
    let result = vault.issue(&unknown, &VersionSelector::Current, &owner()).await;
    assert_eq!(result.err(), Some(ProviderError::NotFound));
    // Without a lease journal, no dynamic secret is issued.
    let vault = Vault::open(ProviderId::parse("vault").unwrap(), world.config(), vec![reference.clone()]).unwrap();
    let result = vault.issue(&reference, &VersionSelector::Current, &owner()).await;
    assert_eq!((result.err(), vault.dynamic().is_some()), (Some(ProviderError::Unsupported), false));
    assert_eq!(world.users(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_all_covers_in_flight_issuance() {
    let Some(world) = World::start(600) else { return };
    let vault = Arc::new(world.vault());
    let tokens = world.tokens();
    for pause in [0, 1, 3, 10, 30, 60, 120] {
        let one = owner();
        let call = {
            let (vault, one) = (vault.clone(), one.clone());
            tokio::spawn(async move { read(&vault, "#username", &one).await.map(drop) })
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        call.abort();
        vault.revoke_all(&one).await.unwrap();
        let _ = call.await;
        assert_eq!((world.users(), world.tokens()), (0, tokens), "after {pause} ms");
    }
    assert!(files(&world.journal().folder).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reads_share_one_user() {
    let Some(world) = World::start(600) else { return };
    let vault = Arc::new(world.vault());
    let one = owner();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (vault, one) = (vault.clone(), one.clone());
        all.spawn(async move { text(&vault, "#username", &one).await });
    }
    let users: std::collections::HashSet<_> = all.join_all().await.into_iter().collect();
    assert_eq!((users.len(), world.users()), (1, 1));
    vault.revoke_all(&one).await.unwrap();
    assert_eq!(world.users(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_child_token_is_replaced() {
    let Some(world) = World::start(600) else { return };
    let own = r#"path "db/creds/app" { capabilities = ["read"] }"#;
    world.bao.ok("sys/policies/acl/db", &json!({ "policy": own }).to_string());
    let policies = format!("{POLICY}\npath \"nothing\" {{ capabilities = [\"read\"] }}");
    world.permit(&policies);
    let token = world.bao.ok("auth/token/create", r#"{"policies":["far","db"],"ttl":"1h"}"#);
    let file = world.files.write("both", token["auth"]["client_token"].as_str().unwrap());
    let config = VaultConfig { auth: Auth::Token { file }, child_policies: vec!["db".to_owned()], ..world.config() };
    let vault = world.vault_with(config);
    let one = owner();
    let user = text(&vault, "#username", &one).await;
    let far_token = |accessor: &serde_json::Value| {
        let lookup = world.bao.ok("auth/token/lookup-accessor", &json!({ "accessor": accessor }).to_string());
        (lookup["data"]["display_name"] == "token-far").then(|| lookup["data"].clone())
    };
    let children = || {
        let all = world.bao.ask("GET", "auth/token/accessors?list=true")["data"]["keys"].clone();
        all.as_array().unwrap().iter().filter_map(far_token).collect::<Vec<_>>()
    };
    let child = children().remove(0);
    assert_eq!((&child["policies"], &child["orphan"]), (&json!(["db", "default"]), &json!(false)));
    assert_eq!((&child["num_uses"], &child["renewable"]), (&json!(0), &json!(true)));
    assert_eq!((&child["creation_ttl"], &child["explicit_max_ttl"]), (&json!(600), &json!(86_400)));

    world.bao.ok("auth/token/revoke-accessor", &json!({ "accessor": child["accessor"] }).to_string());
    let lease = read(&vault, "", &one).await.unwrap().lease.unwrap();
    for _ in 0..2 {
        vault.release(&lease.id).await.unwrap();
    }
    assert_ne!(text(&vault, "#username", &one).await, user);
    vault.revoke_all(&one).await.unwrap();
    assert_eq!((world.users(), children().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn recover_revokes_leases_of_killed_process() {
    let Some(world) = World::start(600) else { return };
    let (runs, lost) = (world.vault(), world.vault());
    let stays = text(&runs, "#username", &owner()).await;
    let tokens = world.tokens();
    let gone = text(&lost, "#username", &owner()).await;
    // As after a kill: the lock is gone and no lease is revoked.
    drop(lost);
    assert!(world.is_user(&gone));
    let next = world.vault();
    assert_eq!(next.recover().await, LeaseRecoveryReport { revoked: 2, failed: 0, unverified: 0 });
    assert!(!world.is_user(&gone) && world.is_user(&stays));
    assert_eq!(world.tokens(), tokens + 1, "only the running process's token");
    assert_eq!(next.recover().await, LeaseRecoveryReport::default());
    assert_eq!(files(&world.journal().folder).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn orphaned_user_expires_with_token() {
    let Some(world) = World::start(600) else { return };
    let lost = world.vault();
    // New tokens get a shorter TTL than the provider requests, and leases expire with them.
    world.bao.ok("sys/auth/token/tune", r#"{"max_lease_ttl":"4s"}"#);
    let user = text(&lost, "#username", &owner()).await;
    assert!(world.is_user(&user));
    drop(lost);
    eventually(async || !world.is_user(&user)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn close_revokes_leases_of_all_owners() {
    let Some(world) = World::start(600) else { return };
    let vault = world.vault();
    for _ in 0..3 {
        text(&vault, "#username", &owner()).await;
    }
    assert_eq!(world.users(), 3);
    vault.close().await.unwrap();
    assert_eq!((world.users(), files(&world.journal().folder).len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn recover_ignores_tampered_journal() {
    let Some(world) = World::start(600) else { return };
    let runs = world.vault();
    let user = text(&runs, "#username", &owner()).await;
    let folder = world.journal().folder;
    let path = folder.join(&files(&folder)[0]);
    let lines = std::fs::read_to_string(&path).unwrap();

    // A copy under the name of a file in use has a different identity and no lock.
    let copy = path.with_file_name("copy");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::rename(&copy, &path).unwrap();
    assert_eq!(world.vault().recover().await, LeaseRecoveryReport { revoked: 0, failed: 0, unverified: 1 });
    std::fs::write(&path, lines.replace("creds/app", "creds/apq")).unwrap();
    assert_eq!(world.vault().recover().await, LeaseRecoveryReport { revoked: 0, failed: 0, unverified: 1 });
    // Another agent, and another provider.
    let other = LeaseJournalConfig { agent_id: AgentId::parse("other").unwrap(), ..world.journal() };
    let vault = |id: &str, journal| {
        Vault::open_with_lease_journal(ProviderId::parse(id).unwrap(), world.config(), Vec::new(), journal).unwrap()
    };
    assert_eq!(vault("vault", &other).recover().await, LeaseRecoveryReport::default());
    assert_eq!(vault("vault2", &world.journal()).recover().await, LeaseRecoveryReport::default());
    assert!(world.is_user(&user));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_recovery_is_retried_later() {
    let Some(world) = World::start(600) else { return };
    let lost = world.vault();
    text(&lost, "#username", &owner()).await;
    drop(lost);
    let denied = POLICY.replace("sys/leases/revoke", "sys/leases/x").replace("revoke-accessor", "x");
    world.permit(&denied);
    assert_eq!(world.vault().recover().await, LeaseRecoveryReport { revoked: 0, failed: 2, unverified: 0 });
    assert_eq!(world.users(), 1);
    world.permit(POLICY);
    assert_eq!(world.vault().recover().await, LeaseRecoveryReport { revoked: 2, failed: 0, unverified: 0 });
    assert_eq!((world.users(), files(&world.journal().folder).len()), (0, 0));
}
