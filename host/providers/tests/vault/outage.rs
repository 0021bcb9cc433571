//! Revocation of database users during an outage of the server.

use std::sync::Arc;

use far_core::VersionSelector;
use far_core::provider::{DynamicSecrets, Reference};
use far_providers::vault::{Address, VaultConfig};
use far_servers::fault::{Fault, Proxy};

use crate::bao::Bao;
use crate::eventually;
use crate::world::{World, files, owner};

pub(crate) fn before(bao: &Bao) -> Proxy {
    let address = bao.address.strip_prefix("http://").unwrap();
    Proxy::start(address.parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_revocation_succeeds_after_outage() {
    let Some(world) = World::start(600) else { return };
    let proxy = before(&world.bao);
    let address = Address::parse(&proxy.address()).unwrap();
    let vault = Arc::new(world.vault_with(VaultConfig { address, ..world.config() }));
    let (one, tokens) = (owner(), world.tokens());
    let user = Reference::new("db/creds/app#username");
    vault.issue(&user, &VersionSelector::Current, &one).await.unwrap();
    assert_eq!(world.users(), 1);
    // Both calls fail with all attempts, or until the circuit opens.
    proxy.next(vec![Fault::broken(502); 8]);
    vault.revoke_all(&one).await.unwrap_err();
    assert_eq!((world.users(), files(&world.journal().folder).len()), (1, 1));
    eventually(async || world.users() == 0 && files(&world.journal().folder).is_empty()).await;
    assert_eq!(world.tokens(), tokens);
}

#[tokio::test(flavor = "multi_thread")]
async fn close_retries_without_waiting() {
    let Some(world) = World::start(600) else { return };
    let proxy = before(&world.bao);
    let address = Address::parse(&proxy.address()).unwrap();
    let vault = world.vault_with(VaultConfig { address, ..world.config() });
    let one = owner();
    let user = Reference::new("db/creds/app#username");
    let lease = vault.issue(&user, &VersionSelector::Current, &one).await.unwrap().lease.unwrap();
    proxy.next(vec![Fault::broken(502); 5]);
    vault.release(&lease.id).await.unwrap_err();
    assert_eq!(world.users(), 1);
    vault.close().await.unwrap();
    assert_eq!((world.users(), files(&world.journal().folder).len()), (0, 0));
}
