//! Reissued database users, while the old ones are still in use.

use std::collections::HashSet;
use std::sync::Arc;

use far_core::provider::{DynamicSecrets, FetchedSecret, LeaseId, ProviderError, Reference, SecretOwner};
use far_core::{Version, VersionSelector};
use far_providers::vault::Vault;

use crate::world::{POLICY, World, files, owner};

const FIELDS: [&str; 2] = ["username", "password"];

/// A database user, read field by field.
struct User {
    name: String,
    password: String,
    lease: LeaseId,
    version: Version,
}

impl User {
    fn of(fields: [FetchedSecret; 2]) -> Self {
        let [name, password] = fields;
        assert_eq!((&name.lease, &name.version), (&password.lease, &password.version), "both fields share a lease");
        let text = |field: &FetchedSecret| String::from_utf8(field.value.expose().to_vec()).unwrap();
        let (name_text, password) = (text(&name), text(&password));
        Self { name: name_text, password, lease: name.lease.unwrap().id, version: name.version }
    }

    fn works(&self, world: &World) -> bool {
        world.postgres.query_as(&self.name, &self.password, "SELECT current_user").is_ok_and(|user| user == self.name)
    }
}

fn reference(field: &str) -> Reference {
    Reference::new(&format!("db/creds/app#{field}"))
}

async fn read(vault: &Vault, owner: &SecretOwner) -> User {
    let read = async |field| vault.issue(&reference(field), &VersionSelector::Current, owner).await.unwrap();
    let [name, password] = FIELDS;
    User::of([read(name).await, read(password).await])
}

async fn replace(vault: &Vault, lease: &LeaseId, owner: &SecretOwner) -> User {
    let replace = async |field| vault.reissue(&reference(field), lease, owner).await.unwrap();
    let [name, password] = FIELDS;
    User::of([replace(name).await, replace(password).await])
}

#[tokio::test(flavor = "multi_thread")]
async fn old_user_works_until_released() {
    let Some(world) = World::start(600) else { return };
    let vault = world.vault();
    let (one, tokens) = (owner(), world.tokens());
    let old = read(&vault, &one).await;
    let new = replace(&vault, &old.lease, &one).await;
    assert!(old.name != new.name && old.lease != new.lease && old.version != new.version);
    assert!(old.works(&world) && new.works(&world));
    assert_eq!((world.users(), world.tokens()), (2, tokens + 1), "one token issued both");
    assert_eq!(read(&vault, &one).await.name, new.name, "later reads return the new user");

    vault.release(&old.lease).await.unwrap();
    assert!(old.works(&world), "the other field is not released");
    vault.release(&old.lease).await.unwrap();
    assert!(!old.works(&world) && new.works(&world));
    assert_eq!(world.users(), 1);
    vault.revoke_all(&one).await.unwrap();
    assert_eq!((world.users(), world.tokens(), files(&world.journal().folder).len()), (0, tokens, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_all_covers_reissued_users() {
    let Some(world) = World::start(600) else { return };
    let vault = world.vault();
    let (one, other) = (owner(), owner());
    let other_user = read(&vault, &other).await;
    let first = read(&vault, &one).await;
    let second = replace(&vault, &first.lease, &one).await;
    let third = replace(&vault, &second.lease, &one).await;
    assert_eq!(world.users(), 4);
    // The first lease is already replaced by the third user.
    assert_eq!(replace(&vault, &first.lease, &one).await.name, third.name);
    assert_eq!(world.users(), 4);
    vault.revoke_all(&one).await.unwrap();
    assert!(other_user.works(&world) && !first.works(&world) && !second.works(&world) && !third.works(&world));
    let ended = vault.reissue(&reference("username"), &third.lease, &one).await;
    assert_eq!(ended.err(), Some(ProviderError::Unavailable), "the owner has ended");
    assert_eq!(world.users(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reissues_share_one_user() {
    let Some(world) = World::start(600) else { return };
    let vault = Arc::new(world.vault());
    let one = owner();
    let old = read(&vault, &one).await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (vault, lease, one) = (vault.clone(), old.lease.clone(), one.clone());
        all.spawn(async move { replace(&vault, &lease, &one).await.name });
    }
    let names: HashSet<_> = all.join_all().await.into_iter().collect();
    assert_eq!((names.len(), world.users()), (1, 2));
    vault.revoke_all(&one).await.unwrap();
    assert_eq!(world.users(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_reissue_keeps_old_user() {
    let Some(world) = World::start(600) else { return };
    let vault = world.vault();
    let one = owner();
    let old = read(&vault, &one).await;
    world.permit(&POLICY.replace("db/creds/app", "db/creds/x"));
    let refused = vault.reissue(&reference("username"), &old.lease, &one).await;
    assert_eq!(refused.err(), Some(ProviderError::Denied));
    assert!(old.works(&world));
    assert_eq!(read(&vault, &one).await.name, old.name);
    world.permit(POLICY);
    let new = replace(&vault, &old.lease, &one).await;
    // Four shares of the old user were handed out.
    for expected in [true, true, true, false] {
        vault.release(&old.lease).await.unwrap();
        assert_eq!(old.works(&world), expected);
    }
    assert!(new.works(&world));
    for other in ["kv/a", "db/static-creds/app"] {
        let replaced = vault.reissue(&Reference::new(other), &new.lease, &one).await;
        assert_eq!(replaced.err(), Some(ProviderError::Unsupported), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recover_revokes_reissued_users() {
    let Some(world) = World::start(600) else { return };
    let lost = world.vault();
    let one = owner();
    let old = read(&lost, &one).await;
    replace(&lost, &old.lease, &one).await;
    drop(lost);
    assert_eq!(world.users(), 2);
    let recovered = world.vault().recover().await;
    assert_eq!((recovered.revoked, recovered.failed, world.users()), (3, 0, 0), "two leases and a token");
}
