//! Revocation of database users for one owner, including users in issuance.

use std::sync::Arc;
use std::time::Duration;

use far_core::VersionSelector;
use far_core::provider::{DynamicSecrets, FetchedSecret, ProviderError, Reference, SecretOwner};
use far_providers::vault::{Address, Vault, VaultConfig};
use far_servers::fault::{Fault, Proxy};
use tokio::task::JoinHandle;

use crate::eventually;
use crate::outage::before;
use crate::world::{World, files, owner};

fn reference(field: &str) -> Reference {
    Reference::new(&format!("db/creds/app#{field}"))
}

async fn read(vault: &Vault, field: &str, owner: &SecretOwner) -> Result<FetchedSecret, ProviderError> {
    vault.issue(&reference(field), &VersionSelector::Current, owner).await
}

async fn user(vault: &Vault, owner: &SecretOwner) -> String {
    String::from_utf8(read(vault, "username", owner).await.unwrap().value.expose().to_vec()).unwrap()
}

/// Starts the issuance of a user for an owner with a token. The user exists, and the response is
/// held back.
async fn start_issuing(world: &World, one: &SecretOwner) -> (Arc<Vault>, Proxy, JoinHandle<Result<(), ProviderError>>) {
    let proxy = before(&world.bao);
    let address = Address::parse(&proxy.address()).unwrap();
    let vault = Arc::new(world.vault_with(VaultConfig { address, ..world.config() }));
    let lease = read(&vault, "username", one).await.unwrap().lease.unwrap();
    vault.release(&lease.id).await.unwrap();
    assert_eq!(world.users(), 0);
    proxy.next([Fault::Delay(Duration::from_secs(2))]);
    let (reader, owner) = (vault.clone(), one.clone());
    let call = tokio::spawn(async move { read(&reader, "password", &owner).await.map(drop) });
    eventually(async || world.users() == 1).await;
    assert!(!call.is_finished());
    (vault, proxy, call)
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_for_any_field_revokes_user() {
    let Some(world) = World::start(600) else { return };
    let vault = world.vault();
    let (one, other, tokens) = (owner(), owner(), world.tokens());
    let other_user = user(&vault, &other).await;
    let first = user(&vault, &one).await;
    let lease = read(&vault, "password", &one).await.unwrap().lease.unwrap().id;
    vault.revoke_for(&reference("password"), &one).await.unwrap();
    assert!(!world.is_user(&first) && world.is_user(&other_user));
    vault.revoke_for(&reference("password"), &one).await.unwrap();
    vault.revoke_for(&reference("password"), &owner()).await.unwrap();

    let second = user(&vault, &one).await;
    vault.release(&lease).await.unwrap();
    assert!(first != second && world.is_user(&second), "releasing the old lease keeps the new user");
    let replaced = read(&vault, "password", &one).await.unwrap().lease.unwrap().id;
    vault.reissue(&reference("username"), &replaced, &one).await.unwrap();
    assert_eq!(world.users(), 3);
    vault.revoke_for(&reference("username"), &one).await.unwrap();
    assert!(world.users() == 1 && world.is_user(&other_user), "the old and the new user");
    for ended in [&one, &other] {
        vault.revoke_all(ended).await.unwrap();
    }
    assert_eq!((world.users(), world.tokens(), files(&world.journal().folder).len()), (0, tokens, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_waits_for_in_flight_issuance() {
    let Some(world) = World::start(600) else { return };
    let one = owner();
    let (vault, _proxy, call) = start_issuing(&world, &one).await;
    vault.revoke_for(&reference("username"), &one).await.unwrap();
    assert_eq!(world.users(), 0);
    assert_eq!(call.await.unwrap(), Err(ProviderError::Unavailable));
    user(&vault, &one).await;
    assert_eq!(world.users(), 1, "a new user");
    vault.revoke_all(&one).await.unwrap();
    assert_eq!(world.users(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_caller_holds_no_share() {
    let Some(world) = World::start(600) else { return };
    let one = owner();
    let (vault, _proxy, call) = start_issuing(&world, &one).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let lease = read(&vault, "username", &one).await.unwrap().lease.unwrap();
    assert_eq!(world.users(), 1, "the user issued for the cancelled caller");
    vault.release(&lease.id).await.unwrap();
    assert_eq!(world.users(), 0);
}
