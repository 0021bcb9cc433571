//! Static roles of a real database.

use std::time::Duration;

use far_core::provider::{
    AbsenceReason, DynamicSecrets, ProviderError, Reference, RefreshOutcome, SecretAdmin, SecretProvider,
};
use far_core::{Version, VersionSelector};
use far_providers::vault::Vault;
use serde_json::{Value, json};

use crate::world::World;
use crate::{current, exactly, get};

/// The documented policies for reading and for rotation.
const READ: &str = r#"
path "db/static-creds/legacy" { capabilities = ["read"] }
path "db/static-roles/legacy" { capabilities = ["read"] }
"#;
const ROTATE: &str = r#"
path "db/rotate-role/legacy" { capabilities = ["update"] }
"#;
const PASSWORD: &str = "db/static-creds/legacy#password";

/// Creates a static role with this rotation period, and a provider with the documented policy.
fn legacy(policy: &str, seconds: u32) -> Option<(World, Vault)> {
    let world = World::start(600)?;
    world.postgres.query("CREATE ROLE legacy LOGIN PASSWORD 'first'").unwrap();
    world.bao.ok("db/config/main", r#"{"allowed_roles":"*","verify_connection":false}"#);
    let role = json!({ "db_name": "main", "username": "legacy", "rotation_period": format!("{seconds}s") });
    world.bao.ok("db/static-roles/legacy", &role.to_string());
    world.permit(policy);
    let vault = world.vault();
    Some((world, vault))
}

async fn password(vault: &Vault) -> (String, Version) {
    let (password, version) = current(vault, PASSWORD).await.unwrap();
    (password, Version::parse(&version).unwrap())
}

fn logs_in(world: &World, password: &str) -> bool {
    world.postgres.query_as("legacy", password, "SELECT current_user").is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn static_role_has_version_and_ttl() {
    let Some((world, vault)) = legacy(READ, 3600) else { return };
    let fetched = get(&vault, PASSWORD).await.unwrap();
    assert!(fetched.lease.is_none());
    let ttl = fetched.ttl.unwrap();
    assert!(ttl <= Duration::from_secs(3600) && ttl > Duration::from_secs(3500), "{ttl:?}");
    let (value, version) = password(&vault).await;
    assert_eq!(fetched.version, version, "the version matches the value");
    let credentials = world.bao.ask("GET", "db/static-creds/legacy")["data"].clone();
    assert_eq!(
        (credentials["last_vault_rotation"].as_str(), credentials["password"].as_str()),
        (Some(version.as_str()), Some(&*value))
    );
    assert!(logs_in(&world, &value));
    assert_eq!(
        current(&vault, "db/static-creds/legacy#username").await.unwrap(),
        ("legacy".to_owned(), version.to_string())
    );
    assert_eq!(current(&vault, "db/static-creds/legacy#absent").await, Err(ProviderError::NotFound));
    assert_eq!(exactly(&vault, PASSWORD, version.as_str()).await.unwrap().0, value);
    let gone = Err(ProviderError::VersionGone(AbsenceReason::Destroyed));
    assert_eq!(exactly(&vault, PASSWORD, "2020-01-01T00:00:00Z").await, gone);

    let (whole, _) = current(&vault, "db/static-creds/legacy").await.unwrap();
    let fields: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!((&fields["username"], &fields["password"]), (&json!("legacy"), &json!(value)));
    assert_eq!(fields.get("ttl"), None, "the TTL differs in each response");
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_needs_no_password_permission() {
    let Some((world, vault)) = legacy(READ, 3600) else { return };
    let (_, version) = password(&vault).await;
    world.permit(r#"path "db/static-roles/*" { capabilities = ["read"] }"#);
    let described = vault.describe(&Reference::new(PASSWORD)).await.unwrap();
    assert_eq!((described.version, described.leased), (Some(version), false));
    let (age, ttl) = (described.age.unwrap(), described.ttl.unwrap());
    assert!(age < Duration::from_secs(60) && ttl > Duration::from_secs(3500), "{age:?} {ttl:?}");
    assert_eq!(age + ttl, Duration::from_secs(3600));
    assert_eq!(get(&vault, PASSWORD).await.err(), Some(ProviderError::Denied));
    let absent = vault.describe(&Reference::new("db/static-creds/absent")).await;
    assert_eq!(absent, Err(ProviderError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_replaces_password() {
    let Some((world, vault)) = legacy(&format!("{READ}{ROTATE}"), 3600) else { return };
    let reference = Reference::new(PASSWORD);
    let (old, before) = password(&vault).await;
    assert!(logs_in(&world, &old));
    let rotated = vault.rotate(&reference).await.unwrap();
    assert_ne!(rotated, before);
    let refreshed = vault.refresh_secret(&reference, &before).await.unwrap();
    let RefreshOutcome::Changed(fetched) = refreshed else { panic!("the password did not change") };
    assert_eq!(fetched.version, rotated);
    let new = String::from_utf8(fetched.value.expose().to_vec()).unwrap();
    assert!(!logs_in(&world, &old) && logs_in(&world, &new));
    assert_eq!(vault.describe(&reference).await.unwrap().version, Some(rotated));

    let absent = vault.rotate(&Reference::new("db/static-creds/absent")).await;
    assert_eq!(absent, Err(ProviderError::Denied), "denied never means absent");
    world.permit(&format!("{READ}{ROTATE}path \"db/*\" {{ capabilities = [\"read\", \"update\"] }}"));
    for reference in ["db/static-creds/absent", "db/static-creds/absent#password"].map(Reference::new) {
        assert_eq!(vault.rotate(&reference).await, Err(ProviderError::NotFound));
        let result = vault.get_secret(&reference, &VersionSelector::Current).await;
        assert_eq!(result.err(), Some(ProviderError::NotFound));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_requires_permission() {
    let Some((world, vault)) = legacy(READ, 3600) else { return };
    let reference = Reference::new(PASSWORD);
    let (old, before) = password(&vault).await;
    assert_eq!(vault.rotate(&reference).await, Err(ProviderError::Denied));
    assert_eq!(vault.revoke(&reference, &before).await, Err(ProviderError::Unsupported));
    assert!(logs_in(&world, &old));
    for other in ["db/creds/app", "kv/a"] {
        assert_eq!(vault.rotate(&Reference::new(other)).await, Err(ProviderError::Unsupported), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_rotation_changes_password() {
    // The server's minimum.
    let Some((world, vault)) = legacy(READ, 5) else { return };
    let (old, before) = password(&vault).await;
    let fetched = get(&vault, PASSWORD).await.unwrap();
    assert!(fetched.ttl.unwrap() <= Duration::from_secs(5), "{:?}", fetched.ttl);
    crate::eventually(async || password(&vault).await.1 != before).await;
    let (new, _) = password(&vault).await;
    assert!(new != old && logs_in(&world, &new) && !logs_in(&world, &old));
}

#[tokio::test]
async fn owners_share_static_role_password() {
    let Some((world, vault)) = legacy(READ, 3600) else { return };
    let (one, reference) = (crate::world::owner(), Reference::new(PASSWORD));
    let fetched = vault.issue(&reference, &VersionSelector::Current, &one).await.unwrap();
    assert!(fetched.lease.is_none());
    let expected = password(&vault).await;
    assert_eq!((fetched.value.expose(), fetched.version), (expected.0.as_bytes(), expected.1));
    vault.revoke_all(&one).await.unwrap();
    assert!(logs_in(&world, &expected.0), "a static role is not revoked");
}
